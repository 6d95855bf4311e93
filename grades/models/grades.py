"""Ratings: the stored rows, and the questions asked of them."""

from collections import Counter
from itertools import product

from django.conf import settings
from django.db import models, router, transaction
from django.db.models import Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import Least, Length
from django.db.models.lookups import GreaterThan
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..database.differing import any_differs
from ..database.localtime import LocalDay
from ..database.paging import key_batches, sorted_keys
from .accounts import ACC_NBR_LENGTH, Account
from .fields import Char32UUIDField, GradeField, RemarkField
from .kinds import KindQuerySet
from .numbers import normal_expression, normal_number
from .statistics import day_of, mark_days

REMARK_LENGTH = 500

# What a customer sends: account number, three grades, three remarks.
CONTENT = ("acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")

# The columns of the indexes before the time. A filter on them reads one range of an index for each kind.
KIND = ("review_state", "lowest_grade", "has_remarks")
PLACED = 1000  # ratings of one UPDATE


def low_limit():
    """A rating is low if its lowest grade is at or below this: 2 of 1 … 5."""
    return settings.GRADE_MIN + (settings.GRADE_MAX - settings.GRADE_MIN) // 4


def of_dispatch(value):
    """A column or value of the dispatch that a rating is about: its number's newest one of the same day or earlier."""
    dispatches = Account.objects.filter(number=OuterRef("number"), dispatched_on__lte=LocalDay(OuterRef("insert_time")))
    return Subquery(dispatches.order_by("-dispatched_on", "-id").values_list(value)[:1])


def places():
    """Expressions for the columns `area` and `product`."""
    return {name: of_dispatch(name) for name in ("area", "product")}


class GradeQuerySet(KindQuerySet):
    KIND = KIND

    def newest_first(self):
        # Ids do not follow time: auto-increment leaves gaps, and several writers interleave.
        return self.order_by("-insert_time", "-id")

    def of_account(self, acc_nbr):
        """The ratings of an account, however its number is written."""
        return self.filter(number=normal_number(acc_nbr))

    def newest_times(self, numbers):
        """{number: time of its newest rating}, of those of `numbers`, in normal form, that have a rating."""
        newest = self.filter(number__in=numbers).order_by().values("number").annotate(newest=Max("insert_time"))
        return dict(newest.values_list("number", "newest"))

    def since(self, moment):
        return self.filter(insert_time__gte=moment)

    def between(self, start, end):
        """The ratings from a moment to before another."""
        return self.filter(insert_time__gte=start, insert_time__lt=end)

    # --- Kinds ------------------------------------------------------------------------------------

    def in_state(self, state):
        return self.of_kind(lambda kind: kind[0] == state, review_state=state)

    def reviewed(self):
        return self.of_kind(lambda kind: kind[0] != Grade.ReviewState.NEW, review_state__in=["followed_up", "closed"])

    def at_or_below(self, value):
        """Ratings with at least one grade of `value` or less."""
        return self.of_kind(lambda kind: kind[1] <= value, lowest_grade__lte=value)

    def with_remarks(self, having=True):
        # IN: see `KindQuerySet.of_one_kind`; SQLite, which unites no parts, needs it too.
        return self.of_kind(lambda kind: kind[2] == having, has_remarks__in=[having])

    def with_words(self, words, limit, by_index=True):
        """Of the newest `limit` of these with remarks, those with a remark that contains `words` as they are written.

        No index of MariaDB cuts Chinese into words, so remarks are read one by one; `limit` bounds the time.
        """
        newest = sorted_keys(self.with_remarks(), "insert_time", limit, by_index=by_index)
        rows = self.model._base_manager.using(self.db).filter(pk__in=[pk for _time, pk in newest])
        contains = Q(txt1__contains=words) | Q(txt2__contains=words) | Q(txt3__contains=words)
        return self.narrowed_to(Q(pk__in=list(rows.filter(contains).values_list("pk", flat=True))))

    def stored_kinds(self):
        """Every kind that a rating may be of. For SELECT DISTINCT MariaDB often reads the whole index."""
        for state in Grade.ReviewState.values:
            of_state = self.model._base_manager.using(self.db).filter(review_state=state)
            lowest, highest = of_state.aggregate(low=Min("lowest_grade"), high=Max("lowest_grade")).values()
            if lowest is not None:
                yield from product([state], range(lowest, highest + 1), [False, True])

    def low(self):
        return self.at_or_below(low_limit())

    def newest_low_remarks(self, count):
        """The newest `count` of these ratings that are low and have remarks."""
        pks = [pk for _time, pk in sorted_keys(self.low().with_remarks(), "insert_time", count)]
        rows = self.model._default_manager.in_bulk(pks)
        return [rows[pk] for pk in pks if pk in rows]

    # --- Dispatches -------------------------------------------------------------------------------

    # `catch_up` places the ratings of /score; call it before these three.

    def of_area(self, area):
        return self.of_place(area=area)

    def of_product(self, product):
        return self.of_place(product=product)

    def off_list(self):
        """Ratings without a dispatch of their number on the same day or earlier."""
        return self.of_place(area=None)

    def of_place(self, **column):
        # Of any kind: the index of an area or a product has its kinds one after another too.
        return self.of_kind(lambda _kind: True, **column)

    def misplaced(self):
        """The ratings whose `area` or `product` is not that of their dispatch."""
        return self.filter(any_differs(places()))

    def place(self):
        """Store area and product of the dispatch with each of these ratings, while the dispatches are locked.

        Only rows that change are written, by their keys: a duplicate of /score waits for no other row.
        """
        pks = list(self.misplaced().order_by().values_list("pk", flat=True))
        for start in range(0, len(pks), PLACED):
            self.model._base_manager.using(self.db).filter(pk__in=pks[start : start + PLACED]).update(**places())

    # --- Writers ----------------------------------------------------------------------------------

    def bulk_create(self, objs, *args, **kwargs):
        objs = list(objs)
        with transaction.atomic(using=self.db):
            created = super().bulk_create(objs, *args, **kwargs)
            dispatch_days = Account.objects.using(self.db).recount({normal_number(rating.acc_nbr) for rating in objs})
            mark_days((rating.day for rating in objs), dispatch_days, self.db)
        return created

    def delete(self):
        """Delete these ratings with all rows that refer to them; returns what stock Django's `delete` returns.

        Memory is one batch. Stock Django loads every rating to find the rows that refer to it.
        """
        deleted, days, dispatch_days = Counter(), set(), set()
        with transaction.atomic(using=self.db):
            for pks in key_batches(self, "insert_time", 2000):
                rows = self.model._default_manager.using(self.db).filter(pk__in=pks)
                # Dispatches before ratings: in the other order two writers could wait for each other.
                numbers = set(rows.values_list("number", flat=True))
                with Account.objects.using(self.db).locked(numbers) as dispatches:
                    # Locked first: a duplicate that arrives during the deletion would keep its rating alive.
                    times = list(rows.select_for_update().values_list("insert_time", flat=True))
                    times += rows.filter(repeats__isnull=False).values_list("repeats__repeated_at", flat=True)
                    days.update(map(day_of, times))
                    deleted.update(super(GradeQuerySet, rows).delete()[1])
                    dispatch_days |= dispatches.count_ratings()
            mark_days(days, dispatch_days, self.db)
        return deleted.total(), dict(deleted)

    delete.alters_data = True
    delete.queryset_only = True


class Content(models.Model):
    """The content of a rating: three grades and three remarks for an account number, and the person if known."""

    CONTENT = CONTENT

    acc_nbr = models.CharField(_("account number"), max_length=ACC_NBR_LENGTH)
    grade1 = GradeField(_("grade 1"))
    grade2 = GradeField(_("grade 2"))
    grade3 = GradeField(_("grade 3"))
    txt1 = RemarkField(_("remark 1"), max_length=REMARK_LENGTH, blank=True, default="")
    txt2 = RemarkField(_("remark 2"), max_length=REMARK_LENGTH, blank=True, default="")
    txt3 = RemarkField(_("remark 3"), max_length=REMARK_LENGTH, blank=True, default="")
    # the number to compare: see `numbers`
    number = models.GeneratedField(
        expression=normal_expression("acc_nbr"),
        output_field=models.CharField(_("normal account number"), max_length=ACC_NBR_LENGTH),
        db_persist=True,
    )
    openid = models.CharField(_("WeChat openid"), max_length=64, null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self):
        # Never the number: the admin writes this into its log.
        return f"#{self.pk}"

    @property
    def graded(self):
        """(question, grade) of the three grades."""
        return [self.answer(name) for name in ("grade1", "grade2", "grade3")]

    @property
    def remarks(self):
        """(question, remark) of the remarks that are not empty."""
        return [self.answer(name) for name in ("txt1", "txt2", "txt3") if getattr(self, name)]

    def answer(self, name):
        return str(self._meta.get_field(name).verbose_name), getattr(self, name)


class Grade(Content):
    """One customer's rating, as it is stored. The class keeps its legacy name; *grade* is one of its numbers."""

    class ReviewState(models.TextChoices):
        NEW = "new", _("New")
        FOLLOWED_UP = "followed_up", _("Followed up")
        CLOSED = "closed", _("Closed")

    insert_time = models.DateTimeField(_("submitted at"), default=timezone.now)
    submission_id = Char32UUIDField(_("submission id"), null=True, blank=True, unique=True, editable=False)
    # A digest of the content, set on the newest rating with that content that came without an id.
    # Its unique index decides what is a duplicate; see `submissions.store`.
    content_key = Char32UUIDField(null=True, blank=True, unique=True, editable=False)
    # With ONE_RATING_PER_DISPATCH: a digest of the person and the dispatch.
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
    # Raised by each change of the review, so that nobody overwrites a change that they have not seen; see `reviews`.
    review_version = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # From before there was a thread of notes. Not written any more; its texts were copied into the thread.
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
    # Of the dispatch that the rating is about; null: it has none, or was not looked at yet. See `coverage`.
    area = models.CharField(_("area"), max_length=64, null=True, editable=False)
    product = models.CharField(_("product"), max_length=128, null=True, editable=False)

    objects = GradeQuerySet.as_manager()

    class Meta:
        db_table = "grade"
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        indexes = [
            # the admin's list and every export: newest first, from/to a date
            models.Index(fields=["insert_time", "id"], name="grade_by_time"),
            # the query page and /graderesult: ratings of an account; the admin's search by account or prefix
            # and the other filters of that list, which then need no row; the check of `place`
            models.Index(fields=["number", "insert_time", "id", *KIND, "area", "product"], name="grade_covering"),
            # /graderesult by session, /wechat/receipts: a person's ratings, of an account and of all
            models.Index(fields=["openid", "acc_nbr", "insert_time", "id"], name="grade_by_openid"),
            # the admin's filters, in any combination: each kind newest first; see `index_ranges`. The grades are for
            # the list of ratings with one grade, which then needs no row
            models.Index(
                fields=[*KIND, "insert_time", "id", "grade1", "grade2", "grade3"], name="grade_by_kind_covering"
            ),
            # the same filters together with an area or "not on the dispatch list", or with a product
            models.Index(fields=["area", *KIND, "insert_time", "id"], name="grade_by_area"),
            models.Index(fields=["product", *KIND, "insert_time", "id"], name="grade_by_product"),
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

    def save(self, *args, using=None, **kwargs):
        using = using or router.db_for_write(Grade, instance=self)
        with transaction.atomic(using=using):
            super().save(*args, using=using, **kwargs)
            dispatch_days = Account.objects.using(using).recount({normal_number(self.acc_nbr)}, Q(pk=self.pk))
            mark_days([self.day], dispatch_days, using)

    def delete(self, using=None, keep_parents=False):
        using = using or router.db_for_write(Grade, instance=self)
        return Grade.objects.using(using).filter(pk=self.pk).delete()

    @property
    def day(self):
        return day_of(self._meta.get_field("insert_time").to_python(self.insert_time))

    @property
    def has_thread(self):
        return bool(self.review_version or self.review_note)

    @property
    def thread(self):
        """The notes of the review, oldest first."""
        return self.notes.all() if self.has_thread else []

    @property
    def assignee(self):
        """The user who takes care of this rating, or None."""
        assignment = getattr(self, "assignment", None)
        return assignment and assignment.assignee
