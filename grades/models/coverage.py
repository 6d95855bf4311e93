"""Which dispatches were rated: `Account.rating_count` and `lowest_grade`, and how they follow /score.

Every writer of ratings or dispatches counts the dispatches of its numbers again, in its transaction. /score does not:
whoever looks counts what it has added since the last look.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic

from django.db.models import Q
from django.utils import timezone

from .accounts import Account
from .figures import MARGIN
from .grades import Grade
from .statistics import RecountedUntil

STEP = 2000  # ratings


def catch_up(deadline: float) -> bool:
    """Count the ratings that /score has added, until `deadline` (by `monotonic`); returns whether all are counted."""
    row = RecountedUntil.objects.first()
    until = row and row.until
    position = Q(insert_time__gte=until) if until else Q()
    while True:
        # What commits late has a time before now: the next look reads the last minutes again.
        certain = timezone.now() - MARGIN
        ratings = Grade.objects.filter(position).order_by("insert_time", "pk")
        step = list(ratings.values_list("insert_time", "pk", "number")[:STEP])
        Account.objects.recount({number for _time, _pk, number in step})
        is_last = len(step) < STEP
        time, pk, _number = step[-1] if step else (certain, 0, "")
        reached = max(certain if is_last else min(time, certain), until or datetime.min.replace(tzinfo=UTC))
        if not advance(until, reached):
            return False  # another look or an import has moved it
        if is_last or monotonic() > deadline:
            return is_last
        until = reached
        position = Q(insert_time__gte=time) & (Q(insert_time__gt=time) | Q(pk__gt=pk))


def advance(before: datetime | None, until: datetime) -> bool:
    """Move the row if it is where it was."""
    if before is None:
        return RecountedUntil.objects.get_or_create(pk=1, defaults={"until": until})[1]
    return bool(RecountedUntil.objects.filter(pk=1, until=before).update(until=until))


def rebuild() -> Iterator[int]:
    """Count the ratings of all dispatches; yields how many dispatches are done after each step."""
    begun = timezone.now() - MARGIN
    last = 0
    while step := list(Account.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "number")[:STEP]):
        Account.objects.recount({number for _pk, number in step})
        last = step[-1][0]
        yield len(step)
    RecountedUntil.objects.update_or_create(pk=1, defaults={"until": begun})


def rewind(moment: datetime) -> None:
    """Let the next look count the ratings since `moment` again.

    A long transaction that adds dispatches calls this at its end: a look in the meantime has not seen them.
    """
    RecountedUntil.objects.filter(pk=1, until__gt=moment).update(until=moment)
