"""The dispatch list, and the credits confirmed for its rows."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..database.paging import key_batches, prefix_range
from .numbers import normal_expression, normal_number, normal_prefix

ACC_NBR_LENGTH = 32
MIN_PREFIX = 4


class AccountQuerySet(models.QuerySet):
    def of_number(self, acc_nbr):
        """The dispatches of an account, however its number is written; newest first."""
        return self.filter(number=normal_number(acc_nbr)).order_by("-dispatched_on", "-id")

    def longer_numbers(self, acc_nbr, limit):
        """At most `limit` numbers in normal form that begin with `acc_nbr`; none for less than four characters."""
        prefix = normal_prefix(acc_nbr)
        if len(prefix) < MIN_PREFIX or not prefix.isascii():
            return []
        longer = self.filter(prefix_range("number", prefix)).exclude(number=prefix).order_by("number")
        return list(longer.values_list("number", flat=True).distinct()[:limit])

    def newest_dispatch(self, acct_id):
        """The newest dispatch of an acct_id, or None."""
        return self.filter(acct_id=acct_id).order_by("-dispatched_on", "-id").first()

    def dispatched_between(self, first_day=None, last_day=None):
        """The dispatches from a day to a day, both included; None leaves an end open."""
        queryset = self
        if first_day:
            queryset = queryset.filter(dispatched_on__gte=first_day)
        if last_day:
            queryset = queryset.filter(dispatched_on__lte=last_day)
        return queryset

    def in_batches(self, size) -> "Iterator[list[Account]]":
        """Every row, newest dispatch first, in lists of at most `size`, by keyset paging."""
        for pks in key_batches(self, "dispatched_on", size):
            rows = {row.pk: row for row in self.model._default_manager.filter(pk__in=pks)}
            yield [rows[pk] for pk in pks if pk in rows]  # one may have been deleted since


class Account(models.Model):
    """One row of the dispatch list (派单): an account that staff were sent to."""

    class PayType(models.TextChoices):
        POSTPAID = "postpaid", _("Post-paid")
        PREPAID = "prepaid", _("Prepaid")

    # /query answers with these nine columns, in this order.
    acc_nbr = models.CharField(_("account number"), max_length=ACC_NBR_LENGTH)
    # the number to compare: see `numbers`
    number = models.GeneratedField(
        expression=normal_expression("acc_nbr"),
        output_field=models.CharField(_("normal account number"), max_length=ACC_NBR_LENGTH),
        db_persist=True,
    )
    customer_name = models.CharField(_("customer name"), max_length=64, blank=True, default="")
    area = models.CharField(_("area"), max_length=64, blank=True, default="")
    product = models.CharField(_("product"), max_length=128, blank=True, default="")
    pay_type = models.CharField(_("pay type"), max_length=8, choices=PayType)
    state = models.CharField(_("state"), max_length=32, blank=True, default="")
    dispatched_on = models.DateField(_("dispatched on"))
    monthly_fee = models.DecimalField(_("monthly fee"), max_digits=10, decimal_places=2)
    acct_id = models.CharField(_("acct_id"), max_length=32)

    objects = AccountQuerySet.as_manager()

    class Meta:
        db_table = "account"
        verbose_name = _("dispatched account")
        verbose_name_plural = _("dispatch list")
        indexes = [
            # the query page, and the admin's search by account or prefix; the export of ratings, which reads the other
            # columns here too: reading the row of each rating's dispatch would double its time
            models.Index(
                fields=["number", "dispatched_on", "id", "customer_name", "area", "product"], name="account_covering"
            ),
            # the admin's list: newest dispatch first
            models.Index(fields=["dispatched_on", "id"], name="account_by_dispatch"),
        ]
        constraints = [
            # decides what an import updates; its index finds the newest dispatch of an acct_id
            models.UniqueConstraint(fields=["acct_id", "dispatched_on"], name="account_once_per_dispatch"),
            models.CheckConstraint(condition=~Q(acc_nbr="") & ~Q(acct_id=""), name="account_has_numbers"),
            models.CheckConstraint(condition=Q(monthly_fee__gte=0), name="account_fee_not_negative"),
            models.CheckConstraint(condition=Q(pay_type__in=["postpaid", "prepaid"]), name="account_pay_type_known"),
        ]

    def __str__(self):
        return f"#{self.pk}"  # never the number: the admin writes this into its log

    CREDIT_FACTOR = Decimal("1.5")

    @property
    def credit_amount(self):
        """The temporary credit: monthly fee × 1.5, rounded up to a whole yuan, as a Decimal."""
        return (self.monthly_fee * self.CREDIT_FACTOR).to_integral_value(ROUND_CEILING)

    def confirm_credit(self, user):
        """Confirm this dispatch's credit once; returns (credit, whether this call confirmed it)."""
        return Credit.objects.get_or_create(
            account=self, defaults={"credit_amount": self.credit_amount, "confirmed_by": user}
        )


class Credit(models.Model):
    """The confirmation of a temporary credit for one dispatch."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, verbose_name=_("dispatched account"))
    credit_amount = models.DecimalField(_("credit amount"), max_digits=12, decimal_places=0)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), default=timezone.now)

    class Meta:
        db_table = "credit"
        verbose_name = _("credit")
        verbose_name_plural = _("credits")
        indexes = [
            # the admin's list: newest first
            models.Index(fields=["confirmed_at", "id"], name="credit_by_time"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(credit_amount__gte=0), name="credit_not_negative"),
        ]

    def __str__(self):
        return f"#{self.pk}"
