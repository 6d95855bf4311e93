"""The figures of the dispatches of a day: what they are, and how they are kept.

A figure has a name: `area:total:城东` (dispatches), `area:rated:城东`, `area:repeated:城东` (rated more than once),
`area:credited:城东`, `area:lowest2:城东` (with this lowest grade), and the same with `product:`. Figures of several
days are added.

Every writer of the columns that they count marks the days in its transaction (`DailyCoverage.objects.mark`).
"""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import reduce
from operator import or_
from time import monotonic

from django.db.models import Count, Q
from django.utils import timezone

from .accounts import KIND, Account, AccountQuerySet
from .figures import days_between
from .statistics import DailyCoverage, add

COLUMNS = ("area", "product")
ONE_DAY = timedelta(days=1)
# A day without a dispatch is stored if its gap has at most so many days: a list of one wrong date leaves a long gap.
SHORT_GAP = 31


def measure(dispatches: AccountQuerySet) -> Counter[str]:
    """Compute the figures of these dispatches, from an index alone."""
    figures: Counter[str] = Counter()
    groups = dispatches.order_by().values_list(*COLUMNS, *KIND).annotate(Count("pk"))
    for area, product, times_rated, lowest, is_credited, count in groups:
        counts = ["total"]
        if times_rated:
            counts += ["rated", f"lowest{lowest}"]
        if times_rated > 1:
            counts.append("repeated")
        if is_credited:
            counts.append("credited")
        for name in counts:
            figures[f"area:{name}:{area}"] += count
            figures[f"product:{name}:{product}"] += count
    return figures


def recompute(day: date) -> bool:
    """Compute and store a day, one UPDATE; returns whether it was stored."""
    row, _created = DailyCoverage.objects.get_or_create(day=day)
    now = timezone.now()
    return row.store(now, measure(Account.objects.filter(dispatched_on=day)))


def refresh(first: date, last: date, deadline: float) -> None:
    """Compute the days of the range that are stale or were not computed, until `deadline` (by `monotonic`)."""
    days = DailyCoverage.objects.filter(day__range=(first, last), until__isnull=False).values_list("day", flat=True)
    for gap in gaps(first, last, days):
        for day in missing_days(*gap):
            if monotonic() > deadline:
                return
            recompute(day)


def known_days() -> list[date]:
    """The days with dispatches, and those that have figures."""
    days = set(Account.objects.order_by().values_list("dispatched_on", flat=True).distinct())
    return sorted(days.union(DailyCoverage.objects.values_list("day", flat=True)))


def missing_days(first: date, last: date) -> Collection[date]:
    if (last - first).days < SHORT_GAP:
        return list(days_between(first, last))
    dispatches = Account.objects.dispatched_between(first, last).order_by("dispatched_on")
    return list(dispatches.values_list("dispatched_on", flat=True).distinct())


def read(first: date, last: date) -> Counter[str]:
    """The figures of the dispatches from `first` to `last`: stored ones, and what is not stored from the dispatches.

    Within `snapshot()` all of them are of one moment.
    """
    stored = DailyCoverage.objects.filter(day__range=(first, last), until__isnull=False)
    by_day = dict(stored.values_list("day", "figures"))
    total = add(by_day.values())
    if missing := list(gaps(first, last, by_day)):
        total.update(measure(Account.objects.filter(reduce(or_, (Q(dispatched_on__range=gap) for gap in missing)))))
    return total


def gaps(first: date, last: date, days: Collection[date]) -> Iterator[tuple[date, date]]:
    """The ranges of days from `first` to `last` that are not among `days`."""
    begin = first
    for day in sorted(days):
        if begin < day:
            yield begin, day - ONE_DAY
        begin = day + ONE_DAY
    if begin <= last:
        yield begin, last
