"""Which dispatch a rating is about, and which dispatches were rated: the columns for it, and how they follow /score.

A rating is about the newest dispatch of its number on the same day or earlier, if there is one: `Grade.area` and
`product`. A dispatch counts all ratings since its day: `Account.rating_count` and `lowest_grade`. Every writer of
ratings or dispatches computes the columns of its numbers again, in its transaction (`Account.objects.recount`). /score
does not: whoever looks does it for what /score has added since the last look.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from ..database.paging import key_ranges
from ..database.retries import is_transient
from .accounts import Account, AccountQuerySet
from .figures import MARGIN
from .grades import Grade, GradeQuerySet
from .statistics import DailyCoverage, RecountedUntil

STEP = 2000  # rows


def catch_up(deadline: float) -> bool:
    """Count and place what /score has added, until `deadline` (by `monotonic`); returns whether that is all."""
    row = RecountedUntil.objects.first()
    until = row and row.until
    position = Q(insert_time__gte=until) if until else Q()
    while True:
        # What commits late has a time before now: the next look reads the last minutes again.
        certain = timezone.now() - MARGIN
        ratings = Grade.objects.filter(position).order_by("insert_time", "pk")
        step = list(ratings.values_list("insert_time", "pk", "number")[:STEP])
        try:
            count_and_place(step)
        except OperationalError as error:
            if not is_transient(error):
                raise
            return False  # a writer has these rows: the next look goes on from here
        is_last = len(step) < STEP
        time, pk, _number = step[-1] if step else (certain, 0, "")
        reached = max(certain if is_last else min(time, certain), until or datetime.min.replace(tzinfo=UTC))
        if not advance(until, reached):
            return False  # another look or an import has moved it
        if is_last or monotonic() > deadline:
            return is_last
        until = reached
        position = Q(insert_time__gte=time) & (Q(insert_time__gt=time) | Q(pk__gt=pk))


def count_and_place(step: list[tuple[datetime, int, str]]) -> None:
    if step:
        numbers = {number for _time, _pk, number in step}
        with transaction.atomic():
            days = Account.objects.recount(numbers, Q(insert_time__range=(step[0][0], step[-1][0])))
            DailyCoverage.objects.mark(days)


def advance(before: datetime | None, until: datetime) -> bool:
    """Move the row if it is where it was."""
    if before is None:
        return RecountedUntil.objects.get_or_create(pk=1, defaults={"until": until})[1]
    return bool(RecountedUntil.objects.filter(pk=1, until=before).update(until=until))


def rebuild() -> Iterator[tuple[int, int, int]]:
    """Compute the columns of all rows again; yields for each step (keys read so far, of how many, rows corrected)."""
    begun = timezone.now() - MARGIN
    dispatches, ratings = key_ranges(Account.objects.all(), STEP), key_ranges(Grade.objects.all(), STEP)
    done = 0
    for ranges, correct in ((dispatches, correct_counts), (ratings, correct_places)):
        for rows in ranges:
            corrected = correct(rows)
            done += STEP
            yield done, STEP * (len(dispatches) + len(ratings)), corrected
    RecountedUntil.objects.update_or_create(pk=1, defaults={"until": begun})


def correct_counts(dispatches: AccountQuerySet) -> int:
    wrong = list(dispatches.miscounted().values_list("number", flat=True))
    with Account.objects.locked(wrong) as of_numbers:
        DailyCoverage.objects.mark(of_numbers.count_ratings())
    return len(wrong)


def correct_places(ratings: GradeQuerySet) -> int:
    wrong = dict(ratings.misplaced().values_list("pk", "number"))
    with Account.objects.locked(set(wrong.values())):
        Grade.objects.filter(pk__in=wrong).place()
    return len(wrong)


def rewind(moment: datetime) -> None:
    """Let the next look count the ratings since `moment` again.

    A long transaction that adds dispatches calls this at its end: a look in the meantime has not seen them.
    """
    RecountedUntil.objects.filter(pk=1, until__gt=moment).update(until=moment)
