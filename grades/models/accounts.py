"""The dispatch list, and the credits confirmed for its rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_CEILING, Decimal
from itertools import product

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Least, Replace, Right
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..database.differing import any_differs
from ..database.localtime import LocalDay
from ..database.paging import key_batches, prefix_range
from .kinds import KindQuerySet
from .numbers import normal_expression, normal_number, possible_prefixes
from .statistics import DailyCoverage, mark_days

ACC_NBR_LENGTH = 32
MIN_PREFIX = 4
LAST_DIGITS = 4
RECOUNTED = 1000  # numbers of one UPDATE
NO_RATING = Q(pk__in=())

# The columns of account_by_kind before the date. A filter on them reads one range of the index for each kind.
KIND = ("times_rated", "lowest_grade", "is_credited")


class AccountQuerySet(KindQuerySet):
    KIND = KIND

    def of_number(self, acc_nbr):
        """The dispatches of an account, however its number is written; newest first."""
        return self.filter(number=normal_number(acc_nbr)).order_by("-dispatched_on", "-id")

    def longer_numbers(self, acc_nbr, limit):
        """At most `limit` numbers in normal form that begin with `acc_nbr`; none for less than four characters."""
        numbers = []
        for prefix in possible_prefixes(acc_nbr):
            if len(prefix) >= MIN_PREFIX and prefix.isascii():
                longer = self.filter(prefix_range("number", prefix)).exclude(number=prefix).order_by("number")
                numbers += longer.values_list("number", flat=True).distinct()[: limit - len(numbers)]
        return numbers

    def numbers_ending_in(self, digits, limit):
        """At most `limit` numbers, in normal form, that end in these LAST_DIGITS digits."""
        return list(self.filter(last_digits=digits).order_by().values_list("number", flat=True).distinct()[:limit])

    def numbers_named(self, name, whole, limit):
        """Numbers, in normal form, of at most `limit` dispatches of a customer name, or of all that begin like it."""
        named = self.filter(name_condition(name, whole)).order_by()
        return list(named.values_list("number", flat=True)[:limit])

    def areas(self, limit):
        """The first `limit` areas by name, each by one look into the index; MariaDB may read it all for DISTINCT."""
        areas = []
        while len(areas) < limit:
            later = self.filter(area__gt=areas[-1] if areas else "")
            if (area := later.aggregate(first=Min("area"))["first"]) is None:
                break
            areas.append(area)
        return areas

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

    # --- Kinds ------------------------------------------------------------------------------------

    def rated(self):
        """The dispatches whose number was rated on their day or later."""
        return self.of_kind(lambda kind: kind[0] > 0, times_rated__gt=0)

    def not_rated(self):
        return self.of_kind(lambda kind: kind[0] == 0, times_rated=0)

    def rated_low(self, limit):
        """Those of them with a grade of `limit` or less."""
        return self.of_kind(lambda kind: kind[0] > 0 and kind[1] <= limit, lowest_grade__lte=limit)

    def rated_more_than_once(self):
        return self.of_kind(lambda kind: kind[0] > 1, times_rated__gt=1)

    def credited(self):
        return self.of_kind(lambda kind: kind[2], is_credited__in=[True])

    def stored_kinds(self):
        """Every kind that a dispatch may be of."""
        yield from product([0], [None], [False, True])
        for times in (1, 2):
            rated = self.model._base_manager.using(self.db).filter(times_rated=times)
            lowest, highest = rated.aggregate(low=Min("lowest_grade"), high=Max("lowest_grade")).values()
            if lowest is not None:
                yield from product([times], range(lowest, highest + 1), [False, True])

    def recount(self, numbers, placed=None):
        """Count the ratings of the dispatches of these numbers, in normal form, again, and place their ratings.

        With a condition `placed`, only such ratings are placed: a rating that changes moves no other rating.
        Returns the days of the dispatches that changed: the caller marks them (`DailyCoverage.objects.mark`).
        """
        days = set()
        grades = grade_model().objects.using(self.db)
        numbers = sorted(numbers)
        for start in range(0, len(numbers), RECOUNTED):
            some = numbers[start : start + RECOUNTED]
            with self.locked(some) as dispatches:
                days |= dispatches.count_ratings()
                grades.filter(placed or Q(), number__in=some).place()
        return days

    @contextmanager
    def locked(self, numbers):
        """A transaction that has locked the dispatches of these numbers; yields them.

        Locked first: an UPDATE that waits for another writer would compute from what was there before the wait.
        """
        with transaction.atomic(using=self.db):
            pks = self.filter(number__in=numbers).select_for_update().order_by("pk").values_list("pk", flat=True)
            yield self.filter(pk__in=list(pks))

    def count_ratings(self):
        """Store the counts of these dispatches, which must be locked; returns the days of those that changed."""
        wrong = dict(self.miscounted().values_list("pk", "dispatched_on"))
        self.model._base_manager.using(self.db).filter(pk__in=wrong).update(**self.counts())
        return set(wrong.values())

    def counts(self):
        """Expressions for the columns that count ratings, and for `is_credited`.

        The latter after `save`, which writes what was read before, and after a program that did not know the column.
        """
        of_number = grade_model().objects.filter(number=OuterRef("number")).order_by().values("number")
        since = of_number.filter(LessThanOrEqual(OuterRef("dispatched_on"), LocalDay("insert_time")))
        return {
            "rating_count": Coalesce(Subquery(since.annotate(count=Count("pk")).values("count")), 0),
            "lowest_grade": Subquery(since.annotate(lowest=Min("lowest_grade")).values("lowest")),
            "is_credited": Exists(Credit.objects.filter(account=OuterRef("pk"), withdrawal=None)),
        }

    def miscounted(self):
        """The dispatches whose columns do not have the counts."""
        return self.filter(any_differs(self.counts()))

    def in_batches(self, size) -> "Iterator[list[Account]]":
        """Every row, newest dispatch first, in lists of at most `size`, by keyset paging."""
        for pks in key_batches(self, "dispatched_on", size):
            rows = {row.pk: row for row in self.model._default_manager.filter(pk__in=pks)}
            yield [rows[pk] for pk in pks if pk in rows]  # one may have been deleted since

    def delete(self):
        with transaction.atomic(using=self.db):
            dispatches = list(self.values_list("number", "dispatched_on"))
            deleted = super().delete()
            changed(dispatches)
        return deleted

    delete.alters_data = True
    delete.queryset_only = True


def name_condition(name, whole):
    return Q(customer_name=name) if whole else prefix_range("customer_name", name)


def grade_model():
    return apps.get_model("grades", "Grade")  # its module imports this one


def earliest(dispatches):
    """{number: its earliest day} of pairs (number, day)."""
    since = {}
    for number, day in dispatches:
        since[number] = min(day, since.get(number, day))
    return since


def changed(dispatches):
    """These dispatches, pairs (number, day), have changed: count again, and make figures stale."""
    from . import figures  # it imports this module

    since = earliest(dispatches)
    days = Account.objects.recount(since)
    mark_days(figures.days_rated(since), days.union(day for _number, day in dispatches))


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
    # customers and staff name a number by its end
    last_digits = models.GeneratedField(
        expression=Right(Replace(F("acc_nbr"), Value("-"), Value("")), LAST_DIGITS),
        output_field=models.CharField(_("last digits"), max_length=LAST_DIGITS),
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
    # The ratings of the number on the day of the dispatch or later, and the lowest of their grades: see `coverage`.
    rating_count = models.PositiveIntegerField(_("ratings"), default=0, db_default=0, editable=False)
    lowest_grade = models.SmallIntegerField(_("lowest grade"), null=True, editable=False)
    # 0, 1, or 2 for more: few values, for an index
    times_rated = models.GeneratedField(
        expression=Least(F("rating_count"), Value(2)),
        output_field=models.PositiveSmallIntegerField(_("ratings")),
        db_persist=True,
    )
    # Whether one of its credits is not withdrawn; kept by `confirm_credit` and `withdraw`.
    is_credited = models.BooleanField(_("credited"), default=False, db_default=False, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        db_table = "account"
        verbose_name = _("dispatched account")
        verbose_name_plural = _("dispatch list")
        indexes = [
            # the query page; the admin's search by account or prefix, with the filters; the export of ratings, which
            # reads the other columns here too: reading the row of each rating's dispatch would double its time
            models.Index(
                fields=["number", "dispatched_on", "id", "customer_name", "area", "product", *KIND],
                name="account_of_number",
            ),
            # the admin's list, newest dispatch first, and its filters within a period; the coverage of a period, from
            # the index alone
            models.Index(fields=["dispatched_on", "id", *KIND, "area", "product"], name="account_by_date"),
            # the admin's filters by ratings and credit: each kind newest first; see `index_ranges`
            models.Index(fields=[*KIND, "dispatched_on", "id"], name="account_by_kind"),
            # the admin's search by the last digits, in the lists of dispatches, ratings and conflicts
            models.Index(fields=["last_digits", "dispatched_on", "id", "number"], name="account_by_digits"),
            # the admin's search by customer name, in the lists of dispatches and ratings
            models.Index(fields=["customer_name", "dispatched_on", "id"], name="account_by_name"),
            # the admin's filters by area and by product, each with the other filters, from the index alone; which areas
            # there are
            models.Index(fields=["area", "dispatched_on", "id", *KIND, "product"], name="account_of_area"),
            models.Index(fields=["product", "dispatched_on", "id", *KIND, "area"], name="account_of_product"),
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

    def save(self, *args, **kwargs):
        with transaction.atomic():
            before = list(Account.objects.filter(pk=self.pk).values_list("number", "dispatched_on")) if self.pk else []
            super().save(*args, **kwargs)
            day = self._meta.get_field("dispatched_on").to_python(self.dispatched_on)
            changed([*before, (normal_number(self.acc_nbr), day)])

    def delete(self, using=None, keep_parents=False):
        return Account.objects.using(using).filter(pk=self.pk).delete()

    CREDIT_FACTOR = Decimal("1.5")

    @property
    def credit_amount(self):
        """The temporary credit: monthly fee × 1.5, rounded up to a whole yuan, as a Decimal."""
        return (self.monthly_fee * self.CREDIT_FACTOR).to_integral_value(ROUND_CEILING)

    def confirm_credit(self, user):
        """Confirm this dispatch's credit, once at a time; returns (credit, whether this call confirmed it)."""
        with transaction.atomic():
            row = Account.objects.filter(pk=self.pk)
            # Locked first: two clerks would each hold the row for their credit, and wait for the other to update it.
            days = list(row.select_for_update().values_list("dispatched_on", flat=True))
            credit, created = Credit.objects.get_or_create(
                account=self,
                withdrawn_before=Withdrawal.objects.filter(credit__account=self).count(),
                defaults={"credit_amount": self.credit_amount, "confirmed_by": user},
            )
            if created:
                row.update(is_credited=True)
                DailyCoverage.objects.mark(days)
        return credit, created

    def credits_with_names(self):
        """The credits of this dispatch, newest first, with their withdrawals and the names of staff."""
        related = ("confirmed_by", "withdrawal__withdrawn_by")
        return list(self.credits.select_related(*related).order_by("-withdrawn_before"))


class Credit(models.Model):
    """The confirmation of a temporary credit for one dispatch; never changed, a withdrawal is a row of its own."""

    # The index of the unique constraint begins with this column.
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="credits", db_index=False, verbose_name=_("dispatched account")
    )
    # How many credits of the dispatch were withdrawn before this one. Withdrawals are never deleted, so there is
    # one number at a time under which a credit can be confirmed.
    withdrawn_before = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
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
            # the list of one clerk's credits, newest first
            models.Index(fields=["confirmed_by", "confirmed_at", "id"], name="credit_by_clerk"),
        ]
        constraints = [
            # one confirmation at a time, also of two clerks who press the button together
            models.UniqueConstraint(fields=["account", "withdrawn_before"], name="credit_once_at_a_time"),
            models.CheckConstraint(condition=Q(credit_amount__gte=0), name="credit_not_negative"),
        ]

    def __str__(self):
        return f"#{self.pk}"

    def withdraw(self, user, reason):
        """Withdraw this credit, once; returns (withdrawal, whether this call withdrew it)."""
        with transaction.atomic():
            defaults = {"reason": reason, "withdrawn_by": user}
            withdrawal, created = Withdrawal.objects.get_or_create(credit=self, defaults=defaults)
            if created:
                Account.objects.filter(pk=self.account_id).update(is_credited=False)
                DailyCoverage.objects.mark([self.account.dispatched_on])
        return withdrawal, created


class Withdrawal(models.Model):
    """The withdrawal of a credit, with the reason."""

    credit = models.OneToOneField(Credit, on_delete=models.PROTECT, verbose_name=_("credit"))
    reason = models.CharField(_("reason"), max_length=500)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), default=timezone.now)

    class Meta:
        db_table = "credit_withdrawal"
        verbose_name = _("withdrawal of a credit")
        verbose_name_plural = _("withdrawals of credits")
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="withdrawal_has_reason")]

    def __str__(self):
        return f"#{self.pk}"
