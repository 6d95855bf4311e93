"""Store one rating exactly once: one INSERT, committed, and what follows when a unique index refuses it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from .. import metrics
from ..database.batching import GroupCommit
from ..database.retries import check_available, retry_transient
from ..models import CONTENT, Conflict, Grade, GradeQuerySet, Repeat
from .keys import content_digest, content_of, make_content_key, make_dispatch_key

if TYPE_CHECKING:
    from .. import limits

# A unique index refuses a row again only if another writer changed the stored rating in between.
INSERT_ATTEMPTS = 5


class SubmissionConflict(Exception):
    """The submission id is stored with other content, or by another person."""


class AlreadyRated(Exception):
    """The same person has already rated this dispatch."""


class LimitExceeded(Exception):
    """A rate limit is exceeded and the submission is not stored: `excess` is the limit."""

    def __init__(self, excess: "limits.Excess") -> None:
        super().__init__(excess)
        self.excess = excess


class Stored(NamedTuple):
    """The rating that holds a submission: a new row, or the row of which the submission is a duplicate."""

    is_new: bool
    insert_time: datetime


@dataclass(slots=True)
class NewRating:
    """A row on its way into the table `grade`. The keys are 32 hexadecimal digits or None."""

    acc_nbr: str
    grade1: int
    grade2: int
    grade3: int
    txt1: str
    txt2: str
    txt3: str
    openid: str | None
    insert_time: datetime
    submission_id: str | None = None
    content_key: str | None = None
    dispatch_key: str | None = None
    limited: "limits.Submission | None" = None  # its counters, if there are rate limits


# The other columns have a default in the database.
COLUMNS = (*CONTENT, "openid", "insert_time", "submission_id", "content_key", "dispatch_key")
INSERT = f"INSERT INTO grade ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - constant names
PLACEHOLDERS = f"({', '.join(['%s'] * len(COLUMNS))})"
values_of = attrgetter(*COLUMNS)
INSERT_TIME = COLUMNS.index("insert_time")


def submit(
    *,
    submission_id: UUID | None = None,
    openid: str | None = None,
    limited: "limits.Submission | None" = None,
    **content: Any,
) -> Stored:
    """Store one rating exactly once; returns the rating that holds it, new or stored before.

    `content` is the seven validated fields, `openid` the person if known. The row is committed when this
    returns. The unique indexes decide what is a duplicate, so the rule holds for any number of equal
    submissions at once, on any number of servers.

    With a `submission_id` the same content again is a duplicate; other content is recorded as a `Conflict`
    and raises `SubmissionConflict`. Without an id, equal content of the same account is a duplicate for
    DEDUPE_WINDOW seconds. With ONE_RATING_PER_DISPATCH, a different rating by the same person for the same
    dispatch raises `AlreadyRated`.

    A submission that is `limited` is counted first. If it exceeds a rate limit but is stored already it gets that
    rating, and nothing is written; otherwise it raises `LimitExceeded`.

    Raises `StoreUnavailable` if the database does not answer in time. The same submission may then be sent
    again.
    """
    # Built once: a retry recognises its own committed row by `insert_time`, and is not counted again.
    row = make_row(submission_id, openid, content)
    row.limited = limited
    return retry_transient(store, row, using=settings.API_DATABASE)


def find_stored(row: NewRating) -> Stored | None:
    """The stored rating of which the row is a duplicate, or None; writes nothing."""
    stored = stored_ratings().filter(**key_of(row)).first()
    if stored and (is_same(stored, row) if row.submission_id else not is_expired(stored, row)):
        return Stored(False, stored.insert_time)
    return None


def make_row(submission_id: UUID | None, openid: str | None, content: dict[str, Any]) -> NewRating:
    row = NewRating(**content, openid=openid, insert_time=timezone.now())
    if submission_id:
        row.submission_id = submission_id.hex
    else:
        row.content_key = make_content_key(row)
    return row


def key_of(row: NewRating) -> dict[str, str | None]:
    """The key by which a stored rating holds the same submission."""
    return {"submission_id": row.submission_id} if row.submission_id else {"content_key": row.content_key}


def is_same(stored: Grade, row: NewRating) -> bool:
    """Whether two submissions with one id are the same."""
    # A login between two attempts does not make it another submission.
    is_other_person = row.openid and stored.openid and row.openid != stored.openid
    return not is_other_person and content_of(stored) == content_of(row)


def is_expired(stored: Grade, row: NewRating) -> bool:
    """Whether the window of a stored rating without an id has passed, so that equal content is a new rating."""
    return stored.insert_time <= row.insert_time - timedelta(seconds=settings.DEDUPE_WINDOW)


def store(row: NewRating) -> Stored:
    """Insert the row, or handle the collision with a stored rating; returns what `submit` returns."""
    row.dispatch_key = make_dispatch_key(row.acc_nbr, row.openid)
    is_in_transaction = connections[settings.API_DATABASE].in_atomic_block
    for attempt in range(1, INSERT_ATTEMPTS + 1):
        try:
            if is_in_transaction:
                insert_rows([row])
            else:
                group_commit.insert(row)
            if row.limited and row.limited.excess:
                return stored_before(row, row.limited.excess)
            return Stored(True, row.insert_time)
        except IntegrityError:
            stored = handle_collision(row)
            if stored:
                return stored
            if attempt == INSERT_ATTEMPTS:
                raise  # no stored rating explains it: a programming error
    raise AssertionError("unreachable")


def stored_before(row: NewRating, excess: "limits.Excess") -> Stored:
    """The stored rating of a submission beyond a limit: its client may not know yet that it is stored."""
    stored = find_stored(row)
    if stored is None:
        raise LimitExceeded(excess)
    return stored


def insert_rows(rows: Sequence[NewRating]) -> None:
    """Insert the rows within the rate limits. One statement, which commits by itself unless it runs in a transaction.

    The limits are counted here because the rows of a batch share the wait for the counters too.
    """
    check_available(settings.API_DATABASE)  # the circuit breaker may have opened while these rows waited
    rows = within_limits(rows)
    if not rows:
        return
    connection = connections[settings.API_DATABASE]
    parameters: list[Any] = []
    for row in rows:
        values = list(values_of(row))
        values[INSERT_TIME] = connection.ops.adapt_datetimefield_value(row.insert_time)
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(INSERT + ", ".join([PLACEHOLDERS] * len(rows)), parameters)
    metrics.count_batch(len(rows))


def within_limits(rows: Sequence[NewRating]) -> Sequence[NewRating]:
    """The rows that exceed no rate limit. A row that comes again, after an error, is counted already."""
    limited = [row.limited for row in rows if row.limited]
    if not limited:
        return rows
    from ..limits import count_batch  # a site without limits does not load them

    count_batch([submission for submission in limited if not submission.is_counted])
    return [row for row in rows if not (row.limited and row.limited.excess)]


group_commit = GroupCommit(insert_rows)


def handle_collision(row: NewRating) -> Stored | None:
    """Handle a unique-key collision; returns what `submit` returns, or None to insert again."""
    stored = stored_ratings().filter(**key_of(row)).first()
    if stored:
        if stored.insert_time == row.insert_time:
            return Stored(True, row.insert_time)  # an earlier attempt committed this row, and its answer was lost
        # Before the dispatch key: a duplicate also violates that one, and is a success.
        if (outcome := handle_duplicate(stored, row)) is not None:
            return outcome
    if row.dispatch_key and stored_ratings().filter(dispatch_key=row.dispatch_key).exists():
        raise AlreadyRated from None
    return None


def handle_duplicate(stored: Grade, row: NewRating) -> Stored | None:
    """Compare the row with the stored rating that has its key; returns what `handle_collision` returns."""
    if row.submission_id:
        if not is_same(stored, row):
            try:
                record_conflict(stored, row)
            except IntegrityError:
                return None  # the stored rating was deleted in between
            raise SubmissionConflict
    elif is_expired(stored, row):
        return replace_expired(stored, row)
    try:
        with transaction.atomic(using=settings.API_DATABASE):
            Repeat.objects.using(settings.API_DATABASE).create(grade_id=stored.pk)
    except IntegrityError:
        return None  # the stored rating was deleted in between
    return Stored(False, stored.insert_time)


def replace_expired(expired: Grade, row: NewRating) -> Stored | None:
    """Insert the row with the content key of a rating whose window has passed; None if another row took a key."""
    try:
        with transaction.atomic(using=settings.API_DATABASE):
            # A conditional UPDATE: of several submissions at once, one moves the key and the others wait for its lock.
            holder = stored_ratings().filter(pk=expired.pk, content_key=row.content_key)
            if not holder.update(content_key=None):
                return None
            insert_rows([row])
    except IntegrityError:
        return None  # the dispatch key collides
    return Stored(True, row.insert_time)


def record_conflict(stored: Grade, row: NewRating) -> None:
    """Record a submission that has the id of the rating `stored` and other content; once, however often it comes."""
    # By the connection that read the rating: another connection would wait for the caller's transaction.
    Conflict.objects.using(stored._state.db).get_or_create(
        grade_id=stored.pk,
        content_key=content_digest(row),
        defaults={
            "received_at": row.insert_time,
            "openid": row.openid,
            **dict(zip(CONTENT, content_of(row), strict=True)),
        },
    )


def stored_ratings() -> GradeQuerySet:
    return Grade.objects.using(settings.API_DATABASE)
