"""Ratings: what customers said, how it is stored exactly once, and what came again."""

from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, connections, models, transaction
from django.db.models import Max, Q
from django.db.models.functions import Least, Length
from django.db.models.lookups import GreaterThan
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..retries import check_available, retry_transient
from .dispatches import ACC_NBR_LENGTH
from .keys import CONTENT, Char32UUIDField, content_digest, make_content_key, make_dispatch_key
from .merging import MergedInsert

REMARK_LENGTH = 500


class SubmissionConflict(Exception):
    """A submission id that is already stored came again with other content, or from someone else."""


class AlreadyRated(Exception):
    """The same person has rated this dispatch already."""


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

    def since(self, moment):
        return self.filter(insert_time__gte=moment)

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
        whole = self.model._default_manager.select_related("reviewer")
        for pks in self._key_batches(size):
            # Put in order here: MariaDB would write a join that it has to sort to a table on disk.
            rows = {row.pk: row for row in whole.filter(pk__in=pks)}
            yield from (rows[pk] for pk in pks if pk in rows)  # one may have been deleted since

    def _key_batches(self, size):
        keys = self.select_related(None).newest_first().values_list("insert_time", "pk")
        batch = list(keys[:size])
        while batch:
            yield [pk for _time, pk in batch]
            time, pk = batch[-1]
            batch = list(keys.filter(Q(insert_time__lt=time) | Q(pk__lt=pk), insert_time__lte=time)[:size])

    def delete(self):
        """Delete these ratings with their repeats and conflicts; returns what stock Django's `delete` does.

        In memory is one batch however many there are: stock Django loads all of them, to find what hangs on each.
        """
        deleted = Counter()
        with transaction.atomic(using=self.db):
            for pks in self._key_batches(2000):
                rows = self.model._default_manager.using(self.db).filter(pk__in=pks)
                # Locked first: a repeat that came in after the others were deleted would keep its rating here.
                list(rows.select_for_update().values_list("pk"))
                deleted.update(super(GradeQuerySet, rows).delete()[1])
        return deleted.total(), dict(deleted)

    delete.alters_data = True
    delete.queryset_only = True


class Content(models.Model):
    """What a customer says: three grades and three remarks for an account number, and who it is if that is known."""

    CONTENT = CONTENT

    acc_nbr = models.CharField(_("account number"), max_length=ACC_NBR_LENGTH)
    grade1 = models.SmallIntegerField(_("grade 1"))
    grade2 = models.SmallIntegerField(_("grade 2"))
    grade3 = models.SmallIntegerField(_("grade 3"))
    txt1 = models.CharField(_("remark 1"), max_length=REMARK_LENGTH, blank=True, default="")
    txt2 = models.CharField(_("remark 2"), max_length=REMARK_LENGTH, blank=True, default="")
    txt3 = models.CharField(_("remark 3"), max_length=REMARK_LENGTH, blank=True, default="")
    openid = models.CharField(_("WeChat openid"), max_length=64, null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self):
        # Never the number: the admin writes this into its log.
        return f"#{self.pk}"

    @property
    def remarks(self):
        """The remarks that were given."""
        return [text for text in (self.txt1, self.txt2, self.txt3) if text]


class Grade(Content):
    """One customer's rating, as it is stored."""

    class ReviewState(models.TextChoices):
        NEW = "new", _("New")
        FOLLOWED_UP = "followed_up", _("Followed up")
        CLOSED = "closed", _("Closed")

    insert_time = models.DateTimeField(_("submitted at"), default=timezone.now)
    submission_id = Char32UUIDField(_("submission id"), null=True, blank=True, unique=True, editable=False)
    # A digest of the content, held by the newest rating with that content that came without an id.
    # Its unique index decides what is a repeat; see `submit`.
    content_key = Char32UUIDField(null=True, blank=True, unique=True, editable=False)
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

    # The columns of a new row; the others have a default in the database.
    SUBMITTED = (*Content.CONTENT, "openid", "insert_time", "submission_id", "content_key", "dispatch_key")
    INSERT = f"INSERT INTO grade ({', '.join(SUBMITTED)}) VALUES "  # noqa: S608 - names of our own
    PLACEHOLDERS = f"({', '.join(['%s'] * len(SUBMITTED))})"

    @classmethod
    def submit(cls, *, submission_id=None, openid=None, **content):
        """Store one rating exactly once; returns True if a row was added, False for a repeat.

        `content` is the seven validated fields, `openid` who rates, if that is known. The unique
        indexes decide what is a repeat, never a look before the leap: of any number of equal
        submissions at once, on any number of servers, one gets its row in and the others meet it.

        With a `submission_id` that row is final: the same content again is a repeat, other content is
        recorded as a `Conflict` and raises `SubmissionConflict`. Without one, the digest of the content
        takes the id's place, but only for `DEDUPE_WINDOW` seconds: then the next equal submission takes
        the key over from the old row, which it can do only once, because the index has room for one holder.

        With ONE_RATING_PER_DISPATCH the dispatch's key is taken the same way, and for good: what is no
        repeat but by the same person for the same dispatch raises `AlreadyRated`.

        What is committed when this returns. Raises `StoreUnavailable` if the database cannot be had for
        so long that the caller should not wait; the same submission may then be sent again.
        """
        # Made once and not for each attempt: by them an attempt whose answer was lost knows its own row.
        row = {
            **content,
            "openid": openid,
            "insert_time": timezone.now(),
            "submission_id": submission_id and submission_id.hex,
            "content_key": None if submission_id else make_content_key(content, openid),
        }
        return retry_transient(cls._store, row, using=settings.API_DATABASE)

    @classmethod
    def _store(cls, row, attempts=3):
        """One attempt to store a row: an INSERT, which commits by itself, for all but repeats."""
        row["dispatch_key"] = make_dispatch_key(row["acc_nbr"], row["openid"])
        is_in_transaction = connections[settings.API_DATABASE].in_atomic_block
        try:
            if is_in_transaction:
                cls._insert_rows([row])
            else:
                merged_insert.insert(row)
        except IntegrityError:
            try:
                # A repeat is a repeat before it is a second rating of the dispatch.
                if stored := cls._with_key_of(row):
                    return cls._meet(stored, row)
            except IntegrityError:
                pass  # the stored rating was deleted before anything could refer to it
            cls._refuse_second_rating(row)
            # What held the key was deleted at this very moment; or it is a fault of ours, to be seen.
            if attempts == 1:
                raise
            return cls._store(row, attempts - 1)
        return True

    @classmethod
    def _by_api(cls):
        return cls.objects.using(settings.API_DATABASE)

    @classmethod
    def _insert_rows(cls, rows):
        """Add rows by one statement, which commits by itself unless it is within a transaction."""
        check_available(settings.API_DATABASE)  # it may have failed while these rows waited for their turn
        connection = connections[settings.API_DATABASE]
        values = []
        for row in rows:
            row = {**row, "insert_time": connection.ops.adapt_datetimefield_value(row["insert_time"])}
            values += [row[name] for name in cls.SUBMITTED]
        with connection.cursor() as cursor:
            cursor.execute(cls.INSERT + ", ".join([cls.PLACEHOLDERS] * len(rows)), values)

    @classmethod
    def _with_key_of(cls, row):
        """The stored rating that holds the key by which this row would be a repeat, or None."""
        key = "submission_id" if row["submission_id"] else "content_key"
        return cls._by_api().filter(**{key: row[key]}).first()

    @classmethod
    def _meet(cls, stored, row):
        """What becomes of a row whose key a stored rating holds: `submit`'s answer."""
        if stored.insert_time == row["insert_time"]:
            return True  # its own row: an earlier attempt committed, and the answer was lost
        if row["submission_id"]:
            # Logged in for one attempt and not for the other is still the same submission.
            other_person = row["openid"] and stored.openid and row["openid"] != stored.openid
            if other_person or any(getattr(stored, name) != row[name] for name in cls.CONTENT):
                Conflict.record(stored, row)
                raise SubmissionConflict
        elif stored.insert_time <= row["insert_time"] - timedelta(seconds=settings.DEDUPE_WINDOW):
            return cls._take_over(stored, row)
        with transaction.atomic(using=settings.API_DATABASE):
            Repeat.objects.using(settings.API_DATABASE).create(grade_id=stored.pk)
        return False

    @classmethod
    def _take_over(cls, expired, row):
        """Store a row in place of a rating whose time as the holder of the key is over."""
        with transaction.atomic(using=settings.API_DATABASE):
            # One of those that come at once changes it; the others wait for the lock, and find it changed.
            if cls._by_api().filter(pk=expired.pk, content_key=row["content_key"]).update(content_key=None):
                cls._insert_rows([row])
                return True
        return cls._store(row)

    @classmethod
    def _refuse_second_rating(cls, row):
        if row["dispatch_key"] and cls._by_api().filter(dispatch_key=row["dispatch_key"]).exists():
            raise AlreadyRated from None


merged_insert = MergedInsert(Grade._insert_rows)


class RepeatQuerySet(models.QuerySet):
    def since(self, moment):
        return self.filter(repeated_at__gte=moment)

    def last_time(self):
        """When the last of these came, or None."""
        return self.order_by("-repeated_at").values_list("repeated_at", flat=True).first()


class Repeat(models.Model):
    """A stored submission came once more: a second tap, or a retry whose first answer was lost.

    A row each and not a counter: many copies at once would queue for the counter's lock.
    """

    grade = models.ForeignKey(
        Grade, on_delete=models.CASCADE, related_name="repeats", verbose_name=_("rating"), db_index=False
    )
    repeated_at = models.DateTimeField(_("repeated at"), default=timezone.now)

    objects = RepeatQuerySet.as_manager()

    class Meta:
        db_table = "grade_repeat"
        verbose_name = _("repeat")
        verbose_name_plural = _("repeats")
        indexes = [
            # the admin's count of the last days
            models.Index(fields=["repeated_at"], name="repeat_by_time"),
            # a rating's page: how many, and when last; the foreign key
            models.Index(fields=["grade", "repeated_at"], name="repeat_by_grade"),
        ]

    def __str__(self):
        return f"#{self.pk}"


class ConflictQuerySet(models.QuerySet):
    def open(self):
        """Those about which nobody has decided yet."""
        return self.filter(kept_as=None)

    def kept(self):
        return self.exclude(kept_as=None)


class Conflict(Content):
    """A submission whose id is stored with other content: refused with 409, and kept for staff to see."""

    grade = models.ForeignKey(
        Grade, on_delete=models.CASCADE, related_name="conflicts", verbose_name=_("stored rating"), editable=False
    )
    received_at = models.DateTimeField(_("received at"), default=timezone.now, editable=False)
    content_key = Char32UUIDField(editable=False)
    # Goes with the rating that it became: who deletes that rating wants its content gone, not open again.
    kept_as = models.OneToOneField(
        Grade,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="kept_from",
        verbose_name=_("kept as"),
    )

    objects = ConflictQuerySet.as_manager()

    class Meta:
        db_table = "grade_conflict"
        verbose_name = _("conflicting submission")
        verbose_name_plural = _("conflicting submissions")
        indexes = [
            # the admin's list: newest first
            models.Index(fields=["received_at", "id"], name="conflict_by_time"),
            # the admin's search by account or prefix
            models.Index(fields=["acc_nbr", "received_at", "id"], name="conflict_by_account"),
        ]
        constraints = [
            # a client that tries again and again is one record
            models.UniqueConstraint(fields=["grade", "content_key"], name="conflict_once"),
        ]

    @classmethod
    def record(cls, stored, row):
        """Keep what came with the id of the rating `stored`; once, however often it is sent."""
        # By the connection that read the rating: by another one, a caller's transaction would be waited for.
        cls.objects.using(stored._state.db).get_or_create(
            grade_id=stored.pk,
            content_key=content_digest(row, row["openid"]),
            defaults={"received_at": row["insert_time"], **{name: row[name] for name in (*cls.CONTENT, "openid")}},
        )

    @property
    def differences(self):
        """The names of the content's fields that are not as they are stored; none if only the person is another."""
        return [name for name in self.CONTENT if getattr(self, name) != getattr(self.grade, name)]

    @property
    def is_by_another_person(self):
        return bool(self.openid and self.grade.openid and self.openid != self.grade.openid)

    def keep(self):
        """Store this as a rating of its own, once; returns whether this call did it.

        However many call it at once: each has its rating ready, one of them finds room for it in
        `kept_as`, and the others take theirs back. Staff have decided, so no rule of the submissions
        counts any more; the rating has no id and no key, and nothing that comes in is a repeat of it.
        """
        content = {name: getattr(self, name) for name in (*self.CONTENT, "openid")}
        with transaction.atomic():
            rating = Grade.objects.create(insert_time=self.received_at, **content)
            if not Conflict.objects.open().filter(pk=self.pk).update(kept_as=rating):
                transaction.set_rollback(True)
                return False
        self.kept_as = rating
        return True
