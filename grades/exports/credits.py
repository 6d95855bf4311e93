"""The columns of an export of credits."""

from typing import Any

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Coalesce

from ..database.localtime import LocalText
from ..models import Account, Credit, Withdrawal
from .columns import DAY, NUMBER, TEXT, TIME, Column, ListTable, heading

# of each model: its place as seen from a credit, and the columns (name of the field, width, kind)
COLUMNS = [
    (
        Account,
        "account__",
        [
            ("acc_nbr", 20, TEXT),
            ("customer_name", 16, TEXT),
            ("area", 16, TEXT),
            ("product", 24, TEXT),
            ("dispatched_on", 14, DAY),
            ("monthly_fee", 10, NUMBER),
            ("acct_id", 16, TEXT),
        ],
    ),
    (Credit, "", [("credit_amount", 10, NUMBER), ("confirmed_by", 16, TEXT), ("confirmed_at", 20, TIME)]),
    (
        Withdrawal,
        "withdrawal__",
        [("withdrawn_by", 16, TEXT), ("withdrawn_at", 20, TIME), ("reason", 40, TEXT)],
    ),
]


def credits_table(queryset: QuerySet) -> ListTable:
    """Credits, newest first, each with its dispatch and its withdrawal."""
    columns: list[Column] = []
    values: list[Any] = []
    for model, place, fields in COLUMNS:
        for name, width, kind in fields:
            field = f"{place}{name}"
            columns.append(Column(heading(model, name), width, kind, wraps=name == "reason"))
            if kind == TIME:
                values.append(Coalesce(LocalText(field), Value("")))
            elif kind == DAY:
                values.append(Cast(field, CharField(max_length=10)))
            elif name in ("confirmed_by", "withdrawn_by"):
                values.append(Coalesce(F(f"{field}__username"), Value("")))
            else:
                values.append(Coalesce(F(field), Value("")) if model is Withdrawal else F(field))
    return ListTable(
        subject="credits",
        title=str(Credit._meta.verbose_name_plural),
        columns=columns,
        queryset=queryset.prefetch_related(None).order_by("-confirmed_at", "-id"),
        values=values,
    )
