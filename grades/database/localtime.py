"""The time at the site, computed by the database. MySQL knows names of time zones only if somebody has loaded them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

from django.db.models import CharField, DateField, Func
from django.utils import timezone

# No rating is older. China has had one offset since then.
FIRST = datetime(1992, 1, 1, tzinfo=UTC)


@cache
def utc_offsets(zone: tzinfo, first: datetime, last: datetime) -> list[tuple[datetime, int]]:
    """The offset at `first`, then each change until `last`: (moment from which it holds, seconds east of UTC)."""

    def offset(moment: datetime) -> int:
        return int(moment.astimezone(zone).utcoffset().total_seconds())  # type: ignore[union-attr]

    found = [(first, offset(first))]
    day = timedelta(days=1)
    while first < last:
        if offset(first + day) != found[-1][1]:
            before, after = first, first + day
            while after - before > timedelta(seconds=1):
                middle = (before + (after - before) / 2).replace(microsecond=0)
                if middle in (before, after):
                    break
                before, after = (middle, after) if offset(middle) == found[-1][1] else (before, middle)
            found.append((after, offset(after)))
        first += day
    return found


def offset_sql(column: str) -> str:
    """SQL: the seconds of the site's zone east of UTC at the moment of a column."""
    # Until the end of next year: the newest change comes first, so that a row of today needs few comparisons.
    last = datetime(timezone.now().year + 2, 1, 1, tzinfo=UTC)
    (_first, oldest), *changes = utc_offsets(timezone.get_default_timezone(), FIRST, last)
    whens = [f"WHEN {column} >= '{moment:%Y-%m-%d %H:%M:%S}' THEN {seconds}" for moment, seconds in reversed(changes)]
    return f"(CASE {' '.join(whens)} ELSE {oldest} END)" if whens else f"({oldest})"


def local_day_sql(column: str, vendor: str) -> str:
    """SQL: the local day of the moment of a column."""
    return shift_sql(column, vendor, "DATE({})", "date")


def local_text_sql(column: str, vendor: str) -> str:
    """SQL: the local time of the moment of a column as text, YYYY-MM-DD HH:MM:SS."""
    return shift_sql(column, vendor, "LEFT({}, 19)", "datetime")


def shift_sql(column: str, vendor: str, mysql: str, sqlite: str) -> str:
    if vendor == "sqlite":
        # Cut to the second first: SQLite would round.
        return f"{sqlite}(substr({column}, 1, 19), {offset_sql(column)} || ' seconds')"
    return mysql.format(f"{column} + INTERVAL {offset_sql(column)} SECOND")


class LocalTime(Func):
    """Base: the moment of a column → local time, as `make_sql` writes it."""

    make_sql: Callable[[str, str], str]

    def as_sql(self, compiler: Any, connection: Any, *_args: Any, **_context: Any) -> Any:
        column, parameters = compiler.compile(self.source_expressions[0])
        return self.make_sql(column, connection.vendor), parameters


class LocalDay(LocalTime):
    """The local day of the moment of a column, the same as `day_of`."""

    output_field = DateField()
    make_sql = staticmethod(local_day_sql)


class LocalText(LocalTime):
    """The local time of the moment of a column as text, YYYY-MM-DD HH:MM:SS."""

    output_field = CharField()
    make_sql = staticmethod(local_text_sql)
