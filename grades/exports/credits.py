"""Credits as rows of an export."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from ..models import Account, Credit, CreditQuerySet, Withdrawal

BATCH_ROWS = 2000
# The columns of each model in order, and the width of each in XLSX, in characters.
WIDTHS = {
    Account: {
        "acc_nbr": 20,
        "customer_name": 16,
        "area": 16,
        "product": 24,
        "dispatched_on": 14,
        "monthly_fee": 10,
        "acct_id": 16,
    },
    Credit: {"credit_amount": 10, "confirmed_by": 16, "confirmed_at": 20},
    Withdrawal: {"withdrawn_by": 16, "withdrawn_at": 20, "reason": 40},
}
CREDIT_WIDTHS: list[float] = [width for columns in WIDTHS.values() for width in columns.values()]


def credits_table(queryset: CreditQuerySet) -> tuple[list[str], Iterator[list[Any]]]:
    """Headings and rows of an export of credits, newest first: one list of values per credit."""
    names = {model: {field.name: field.verbose_name for field in model._meta.fields} for model in WIDTHS}
    headings = [str(names[model][name]) for model, columns in WIDTHS.items() for name in columns]
    if queryset.query.is_sliced:
        queryset = Credit.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))

    def rows() -> Iterator[list[Any]]:
        for batch in queryset.in_batches(BATCH_ROWS):
            for credit in batch:
                account = credit.account
                yield [
                    account.acc_nbr,
                    account.customer_name,
                    account.area,
                    account.product,
                    account.dispatched_on.isoformat(),  # as a date it would have a time in the sheet
                    account.monthly_fee,
                    account.acct_id,
                    int(credit.credit_amount),
                    credit.confirmed_by.username,
                    local(credit.confirmed_at),
                    *withdrawal_values(credit),
                ]

    return headings, rows()


def withdrawal_values(credit: Credit) -> list[Any]:
    withdrawal = getattr(credit, "withdrawal", None)
    if withdrawal is None:
        return ["", None, ""]
    return [withdrawal.withdrawn_by.username, local(withdrawal.withdrawn_at), withdrawal.reason]


def local(moment: datetime) -> datetime:
    """The wall-clock time at the site, to the second; spreadsheets know no time zones."""
    return timezone.make_naive(moment, timezone.get_default_timezone()).replace(microsecond=0)
