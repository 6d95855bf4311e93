"""Charts as SVG: the geometry; the templates draw it. Each chart has its numbers in a table beside it."""

from datetime import timedelta
from typing import NamedTuple

from ..forms import Period

WIDTH, HEIGHT = 720, 120
DAILY, WEEKLY = 92, 732  # the longest periods with a bar for each day, each week; then each month


class Bar(NamedTuple):
    """A bar of the trend: its period, the values, and the rectangles of both in pixels."""

    period: Period
    ratings: int
    low: int
    x: float
    width: float
    height: float
    low_height: float

    @property
    def days(self):
        first, last = self.period
        return f"{first}" if first == last else f"{first} – {last}"

    @property
    def y(self):
        return HEIGHT - self.height

    @property
    def low_y(self):
        return HEIGHT - self.low_height


def split(period):
    """The days, weeks or months of a period."""
    first = period.first
    while first <= period.last:
        if period.length <= DAILY:
            last = first
        elif period.length <= WEEKLY:
            last = first + timedelta(days=6 - first.weekday())
        else:
            last = (first.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        last = min(last, period.last)
        yield Period(first, last)
        first = last + timedelta(days=1)


def trend(bars):
    """Place (period, ratings, low) side by side; the highest bar has the full height."""
    bars = list(bars)
    highest = max((ratings for _period, ratings, _low in bars), default=0) or 1
    step = WIDTH / max(len(bars), 7)  # a single day is not a wall
    return [
        Bar(
            period,
            ratings,
            low,
            round(number * step, 2),
            round(step * 0.8, 2),
            round(HEIGHT * ratings / highest, 2),
            round(HEIGHT * low / highest, 2),
        )
        for number, (period, ratings, low) in enumerate(bars)
    ]
