"""Which dispatches get a code, and what their cards say."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

from ..models import Account, AccountQuerySet, Grade, normal_number
from ..tokens import make_code

ROWS_PER_QUERY = 500
DIGITS_SHOWN = 4


@dataclass(frozen=True)
class Card:
    """One card: its dispatch, its code, and the link that holds the code ("" without PUBLIC_URL)."""

    dispatch: Account
    code: str
    link: str
    last_day: date

    @property
    def number_end(self) -> str:
        """The end of the account number: enough to tell two cards apart, too little to call a customer."""
        number = self.dispatch.acc_nbr
        return number[-DIGITS_SHOWN:] if len(number) > 2 * DIGITS_SHOWN else ""


def last_day() -> date:
    """The last valid day of a code that is made now."""
    return timezone.localdate() + timedelta(days=settings.CODE_DAYS)


def make_cards(dispatches: Iterable[Account]) -> Iterator[Card]:
    day = last_day()
    for dispatch in dispatches:
        code = make_code(dispatch.pk, day)
        link = f"{settings.PUBLIC_URL.rstrip('/')}/r/{code}" if settings.PUBLIC_URL else ""
        yield Card(dispatch, code, link, day)


def select_dispatches(
    dispatches: AccountQuerySet, numbers: Collection[str] | None = None, unrated: bool = False
) -> Iterator[Account]:
    """The rows of `dispatches`, newest first, in constant memory.

    `numbers` leaves the dispatches of these account numbers, `unrated` those whose number has no rating since the
    day of the dispatch.
    """
    for batch in batches_of(dispatches, numbers):
        if unrated:
            rated = Grade.objects.newest_times({dispatch.number for dispatch in batch})
            batch = [dispatch for dispatch in batch if not is_rated(dispatch, rated.get(dispatch.number))]
        yield from batch


def batches_of(dispatches: AccountQuerySet, numbers: Collection[str] | None) -> Iterator[list[Account]]:
    if numbers is None:
        yield from dispatches.in_batches(ROWS_PER_QUERY)
        return
    chosen = sorted(map(normal_number, numbers))
    for start in range(0, len(chosen), ROWS_PER_QUERY):
        part = dispatches.filter(number__in=chosen[start : start + ROWS_PER_QUERY])
        yield from part.in_batches(ROWS_PER_QUERY)


def is_rated(dispatch: Account, newest: datetime | None) -> bool:
    midnight = datetime.combine(dispatch.dispatched_on, time.min)
    return newest is not None and newest >= timezone.make_aware(midnight, timezone.get_default_timezone())
