"""The figures of a day: what they are, and how they are kept.

A figure has a name: `ratings`, `grade1:5` (ratings with this grade), `lowest:2:new` (with this lowest grade and review
state), `seconds:2` (from the rating to the last change of its state, in sum), `area:2:城东` and `product:2:…` (by the
dispatch that the rating is about), `off_list` and `duplicates`. Figures of several days are added.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from time import monotonic
from typing import NamedTuple

from django.db.models import Count, DurationField, ExpressionWrapper, F, QuerySet, Sum
from django.utils import timezone

from .duplicates import Repeat
from .grades import Grade, GradeQuerySet, of_dispatch
from .statistics import DailyScore, day_of, end_of, start_of

# A rating is committed at most ten seconds after its time. The rest is for clocks that differ.
MARGIN = timedelta(minutes=10)
# Seconds that a look takes for figures that are stale, or ratings that are not counted yet.
LOOK_SECONDS = 5


class Figures(NamedTuple):
    """Figures by day; `pending` is the number of days that could not be computed in time."""

    by_day: dict[date, Counter[str]]
    pending: int


def measure(start: datetime, end: datetime) -> Counter[str]:
    """Compute the figures of the ratings from `start` to before `end`."""
    figures: Counter[str] = Counter()
    ratings = Grade.objects.between(start, end).order_by()
    grades = ("grade1", "grade2", "grade3")
    taken = Sum(ExpressionWrapper(F("reviewed_at") - F("insert_time"), DurationField()))
    groups = ratings.values_list(*grades, "lowest_grade", "review_state").annotate(Count("pk"), taken=taken)
    for *values, lowest, state, count, time in groups:
        figures["ratings"] += count
        for name, value in zip(grades, values, strict=True):
            figures[f"{name}:{value}"] += count
        figures[f"lowest:{lowest}:{state}"] += count
        if state != Grade.ReviewState.NEW:
            figures[f"seconds:{lowest}"] += round(time.total_seconds())
    for area, product, lowest, count in count_by_dispatch(ratings):
        if area is None:
            figures["off_list"] += count
        else:
            figures[f"area:{lowest}:{area}"] += count
            figures[f"product:{lowest}:{product}"] += count
    figures["duplicates"] = Repeat.objects.filter(repeated_at__gte=start, repeated_at__lt=end).count()
    return figures


def count_by_dispatch(ratings: GradeQuerySet) -> QuerySet:
    """(area, product, lowest grade, ratings); the first two are None for ratings that are not on the dispatch list.

    From the dispatch list and not from the columns of the ratings: /score does not fill these.
    """
    groups = ratings.order_by().annotate(area_now=of_dispatch("area"), product_now=of_dispatch("product"))
    return groups.values_list("area_now", "product_now", "lowest_grade").annotate(Count("pk"))


def days_rated(since: dict[str, date]) -> set[date]:
    """The days on which these numbers, in normal form, were rated, each since its day: the others know no change."""
    remaining, days = iter(since), set()
    while some := list(islice(remaining, 1000)):
        for number, time in Grade.objects.filter(number__in=some).values_list("number", "insert_time"):
            if (day := day_of(time)) >= since[number]:
                days.add(day)
    return days


def closed_until(day: date, now: datetime) -> datetime:
    """The moment of `day` up to which /score adds nothing any more: a whole hour, so that today has few left."""
    return min(end_of(day), (now - MARGIN).replace(minute=0, second=0, microsecond=0))


def days_between(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def known_days(first: date, last: date) -> list[date]:
    """The days of the range from the first rating or duplicate to today."""
    times = (
        Grade.objects.order_by("insert_time").values_list("insert_time", flat=True).first(),
        Repeat.objects.order_by("repeated_at").values_list("repeated_at", flat=True).first(),
    )
    if not any(times):
        return []
    begin = min(day_of(time) for time in times if time)
    return list(days_between(max(first, begin), min(last, day_of(timezone.now()))))


def recompute(day: date) -> bool:
    """Compute and store the closed part of a day, one UPDATE; returns whether it was stored."""
    row, _created = DailyScore.objects.get_or_create(day=day)
    until = closed_until(day, timezone.now())
    return until > start_of(day) and row.store(until, measure(start_of(day), until))


def refresh(days: list[date], deadline: float) -> None:
    """Recompute the days that are stale or were not closed, until `deadline` (by `monotonic`)."""
    if not days:
        return
    now = timezone.now()
    stored = dict(DailyScore.objects.filter(day__range=(days[0], days[-1])).values_list("day", "until"))
    for day in days:
        until = closed_until(day, now)
        if (stored.get(day) is None or stored[day] < until) and until > start_of(day):
            if monotonic() > deadline:
                return
            recompute(day)


def read(days: list[date], deadline: float, only: str = "") -> Figures:
    """The figures of these days, exact to the last commit: stored ones, and what is not stored from the ratings.

    Within `snapshot()` all of them are of one moment. With the name of a figure in `only` the database reads the stored
    JSON; the days that are not stored have the other figures too.
    """
    if not days:
        return Figures({}, 0)
    closed = DailyScore.objects.filter(day__range=(days[0], days[-1]), until__isnull=False)
    rows = closed.values_list("day", "until", f"figures__{only}" if only else "figures")
    stored = {day: (until, {only: found or 0} if only else found) for day, until, found in rows}
    by_day, pending = {}, 0
    for day in days:
        start, figures = stored.get(day) or (start_of(day), {})
        by_day[day] = Counter(figures)
        if start < (end := end_of(day)):
            if monotonic() > deadline:
                pending += 1
            else:
                by_day[day].update(measure(start, end))
    return Figures(by_day, pending)
