"""The tables, the questions asked of them, and the one write that each action makes."""

import hashlib
import json
import uuid
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Max, Q
from django.db.models.functions import Least, Length
from django.db.models.lookups import GreaterThan
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

ACC_NBR_LENGTH = 32
REMARK_LENGTH = 500


class SubmissionConflict(Exception):
    """A submission id that is already stored came again with other content, or from someone else."""


class AlreadyRated(Exception):
    """The same person has rated this dispatch already."""


def digest(*values):
    """128 bits of BLAKE2b over some values, in the form of an id."""
    return uuid.UUID(bytes=hashlib.blake2b(json.dumps(values).encode(), digest_size=16).digest())


class Char32UUIDField(models.UUIDField):
    """A UUID as 32 hexadecimal digits on every database.

    MariaDB's own `uuid` type refuses values whose version and variant bits are not RFC 9562's, which
    a client that rolls its ids by hand sends now and then, and which a digest has nearly always.
    """

    def db_type(self, connection):
        return "char(32)"

    def get_db_prep_value(self, value, connection, prepared=False):
        value = self.to_python(value)
        return value if value is None else value.hex

    def from_db_value(self, value, expression, connection):
        return self.to_python(value)


def prefix_range(field, prefix):
    """A condition that `field` begins with `prefix`, as a range that an index can answer.

    Exact to the letter on every database, where LIKE is neither exact nor indexed on all of them.
    """
    return Q((f"{field}__gte", prefix), (f"{field}__lt", prefix[:-1] + chr(ord(prefix[-1]) + 1)))


class GradeQuerySet(models.QuerySet):
    def newest_first(self):
        # Ids are no time order: auto-increment leaves gaps, and several writers interleave.
        return self.order_by("-insert_time", "-id")

    def of_account(self, acc_nbr):
        return self.filter(acc_nbr=acc_nbr)

    def given_by(self, openids):
        """The ratings of some people; None among the openids stands for the anonymous ones."""
        whose = Q(openid__in=openids - {None})
        return self.filter(whose | Q(openid=None) if None in openids else whose)

    def accounts_rated_by(self, openid):
        """The account numbers that a person has rated, the last rated first."""
        rated = self.filter(openid=openid).values("acc_nbr").annotate(last=Max("insert_time"))
        return rated.order_by("-last", "acc_nbr").values_list("acc_nbr", flat=True)

    def at_or_below(self, value):
        """Ratings of which at least one of the three grades is `value` or less."""
        return self.filter(lowest_grade__lte=value)

    def review(self, state, reviewer, note=None):
        """Record that `reviewer` put these ratings into `state`, now; returns how many.

        `note` takes the place of their notes; None leaves those as they are.
        """
        changes = {"review_state": state, "reviewer": reviewer, "reviewed_at": timezone.now()}
        return self.update(**changes if note is None else {**changes, "review_note": note})

    def in_batches(self, size=2000):
        """Every row, newest first, in memory for `size` rows however many there are.

        By keyset and not by a server-side cursor: MySQL's client library would otherwise fetch the
        whole result at once, and a lock or snapshot would be held for as long as someone downloads.
        First which rows, from an index alone, then the rows: asked for whole rows at once, MariaDB
        walks to each batch from the first row again.
        """
        keys = self.select_related(None).newest_first().values_list("insert_time", "pk")
        whole = self.model._default_manager.select_related("reviewer")
        batch = list(keys[:size])
        while batch:
            # Put in order here: MariaDB would write a join that it has to sort to a table on disk.
            rows = {row.pk: row for row in whole.filter(pk__in=[pk for _time, pk in batch])}
            yield from (rows[pk] for _time, pk in batch if pk in rows)  # one may have been deleted since
            time, pk = batch[-1]
            batch = list(keys.filter(Q(insert_time__lt=time) | Q(pk__lt=pk), insert_time__lte=time)[:size])


class Grade(models.Model):
    """One customer's rating: three grades and three remarks for an account number."""

    class ReviewState(models.TextChoices):
        NEW = "new", _("New")
        FOLLOWED_UP = "followed_up", _("Followed up")
        CLOSED = "closed", _("Closed")

    acc_nbr = models.CharField(_("account number"), max_length=ACC_NBR_LENGTH)
    grade1 = models.SmallIntegerField(_("grade 1"))
    grade2 = models.SmallIntegerField(_("grade 2"))
    grade3 = models.SmallIntegerField(_("grade 3"))
    txt1 = models.CharField(_("remark 1"), max_length=REMARK_LENGTH, blank=True, default="")
    txt2 = models.CharField(_("remark 2"), max_length=REMARK_LENGTH, blank=True, default="")
    txt3 = models.CharField(_("remark 3"), max_length=REMARK_LENGTH, blank=True, default="")
    insert_time = models.DateTimeField(_("submitted at"), default=timezone.now)
    submission_id = Char32UUIDField(_("submission id"), null=True, blank=True, unique=True, editable=False)
    # A digest of the content, held by the newest rating with that content that came without an id.
    # Its unique index decides what is a repeat; see `submit`.
    content_key = Char32UUIDField(null=True, blank=True, unique=True, editable=False)
    openid = models.CharField(_("WeChat openid"), max_length=64, null=True, blank=True, editable=False)
    # With ONE_RATING_PER_DISPATCH: a digest of the person and the dispatch, for which there is room once.
    dispatch_key = Char32UUIDField(null=True, blank=True, unique=True, editable=False)

    lowest_grade = models.GeneratedField(
        expression=Least("grade1", "grade2", "grade3"),
        output_field=models.SmallIntegerField(_("lowest grade")),
        db_persist=True,
    )
    has_remarks = models.GeneratedField(
        expression=GreaterThan(Length("txt1") + Length("txt2") + Length("txt3"), 0),
        output_field=models.BooleanField(_("has remarks")),
        db_persist=True,
    )

    review_state = models.CharField(
        _("review"), max_length=16, choices=ReviewState, default=ReviewState.NEW, db_default=ReviewState.NEW
    )
    review_note = models.CharField(_("review note"), max_length=1000, blank=True, default="", db_default="")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("reviewed by"),
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True, editable=False)

    objects = GradeQuerySet.as_manager()

    class Meta:
        db_table = "grade"
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        indexes = [
            # the admin's list and every export: newest first, from/to a date
            models.Index(fields=["insert_time", "id"], name="grade_by_time"),
            # the query page and /graderesult: what this customer said; the admin's search by account or prefix
            models.Index(fields=["acc_nbr", "insert_time", "id"], name="grade_by_account"),
            # /graderesult by session, /wechat/receipts: what a person said of an account, and of which
            models.Index(fields=["openid", "acc_nbr", "insert_time", "id"], name="grade_by_openid"),
            # the admin's filters, each newest first
            models.Index(fields=["review_state", "insert_time", "id"], name="grade_by_review"),
            models.Index(fields=["lowest_grade", "insert_time", "id"], name="grade_by_lowest"),
            models.Index(fields=["has_remarks", "insert_time", "id"], name="grade_by_remarks"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(acc_nbr=""), name="grade_has_account"),
            models.CheckConstraint(
                condition=Q(review_state__in=["new", "followed_up", "closed"]), name="grade_review_state_known"
            ),
            models.CheckConstraint(
                condition=Q(review_state="new") | Q(reviewed_at__isnull=False), name="grade_review_has_time"
            ),
        ]

    def __str__(self):
        # Never the number: the admin writes this into its log.
        return f"#{self.pk}"

    @property
    def remarks(self):
        """The remarks that were given."""
        return [text for text in (self.txt1, self.txt2, self.txt3) if text]

    CONTENT = ("acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")

    @classmethod
    def submit(cls, *, submission_id=None, openid=None, **content):
        """Store one rating exactly once; returns True if a row was added, False for a repeat.

        `content` is the seven validated fields, `openid` who rates, if that is known. The unique
        indexes decide what is a repeat, never a look before the leap: of any number of equal
        submissions at once, on any number of servers, one gets its row in and the others meet it.

        With a `submission_id` that row is final: the same content again is a repeat, other content
        raises `SubmissionConflict`. Without one, the digest of the content takes the id's place, but
        only for `DEDUPE_WINDOW` seconds: then the next equal submission takes the key over from the
        old row, which it can do only once, because the index has room for one holder.

        With ONE_RATING_PER_DISPATCH the dispatch's key is taken the same way, and for good: what is no
        repeat but by the same person for the same dispatch raises `AlreadyRated`.
        """
        now = timezone.now()
        grade = cls(submission_id=submission_id, openid=openid, insert_time=now, **content)
        grade.dispatch_key = grade.make_dispatch_key()
        if submission_id is None and settings.DEDUPE_WINDOW:
            grade.content_key = grade.make_content_key()
        if grade._insert():
            return True
        if submission_id is not None:
            stored = cls.objects.get(submission_id=submission_id)
            # Logged in for one attempt and not for the other is still the same submission.
            if not grade.has_content_of(stored) or (openid and stored.openid and openid != stored.openid):
                raise SubmissionConflict
            return False
        with transaction.atomic():
            holder = cls.objects.filter(content_key=grade.content_key)
            expired = holder.filter(insert_time__lte=now - timedelta(seconds=settings.DEDUPE_WINDOW))
            if expired.update(content_key=None) or not holder.exists():
                return grade._insert()
        return False

    def _insert(self):
        """Add this row; False if a unique index says that it is there already.

        Raises `AlreadyRated` if it is not, but another in its place is.
        """
        try:
            # A transaction of its own: after a duplicate, InnoDB keeps a shared lock until the end
            # of the transaction, and two that hold one would deadlock over what follows.
            with transaction.atomic():
                self.save(force_insert=True)
        except IntegrityError:
            # Both indexes may refuse the row: a repeat is a repeat before it is a second rating.
            if self._is_taken("submission_id") or self._is_taken("content_key"):
                return False
            if self._is_taken("dispatch_key"):
                raise AlreadyRated from None
            raise  # not a duplicate but another constraint: a fault of ours, to be seen
        return True

    def _is_taken(self, key):
        value = getattr(self, key)
        return value is not None and type(self).objects.filter(**{key: value}).exists()

    def has_content_of(self, other):
        return all(getattr(self, name) == getattr(other, name) for name in self.CONTENT)

    def make_content_key(self):
        """What tells whether two ratings without an id are the same: the content, and who gives it if known."""
        return digest(*(getattr(self, name) for name in self.CONTENT), *([self.openid] if self.openid else []))

    def make_dispatch_key(self):
        """What this person's one rating of the account's newest dispatch is known by; None if it need not be one."""
        if not settings.ONE_RATING_PER_DISPATCH or self.openid is None:
            return None
        # Not by the row's id: the same dispatch may be imported again.
        dispatch = Account.objects.of_number(self.acc_nbr).values_list("acct_id", "dispatched_on").first()
        return dispatch and digest(self.openid, dispatch[0], dispatch[1].isoformat())


class AccountQuerySet(models.QuerySet):
    def of_number(self, acc_nbr):
        """The dispatches of an account number, newest first."""
        return self.filter(acc_nbr=acc_nbr).order_by("-dispatched_on", "-id")

    def newest_dispatch(self, acct_id):
        """The newest dispatch of an acct_id, or None."""
        return self.filter(acct_id=acct_id).order_by("-dispatched_on", "-id").first()


class Account(models.Model):
    """One row of the dispatch list (派单): an account that someone was sent to."""

    class PayType(models.TextChoices):
        POSTPAID = "postpaid", _("Post-paid")
        PREPAID = "prepaid", _("Prepaid")

    # The order of these nine is the order of the array that /query answers with.
    acc_nbr = models.CharField(_("account number"), max_length=ACC_NBR_LENGTH)
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
            # the query page, and the admin's search by account or prefix
            models.Index(fields=["acc_nbr", "dispatched_on", "id"], name="account_by_number"),
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
