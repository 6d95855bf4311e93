"""The time at the site, computed by the database. MySQL knows names of time zones only if somebody has loaded them."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Case, CharField, DateField, Expression, Func, IntegerField, Value, When


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


def offset_expression(field: str, offsets: list[tuple[datetime, int]]) -> Expression:
    """Seconds east of UTC at the moment of `field`."""
    newest_first = offsets[:0:-1]
    if not newest_first:
        return Value(offsets[0][1], output_field=IntegerField())
    whens = [When(**{f"{field}__gte": moment}, then=Value(seconds)) for moment, seconds in newest_first]
    return Case(*whens, default=Value(offsets[0][1]), output_field=IntegerField())


class LocalTime(Func):
    """Base: a moment and its offset in seconds → local time."""

    mysql_function = mysql_end = sqlite_function = ""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"{self.mysql_function}(%(expressions)s SECOND{self.mysql_end})"
        return super().as_sql(compiler, connection, template=template, arg_joiner=" + INTERVAL ", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Cut to the second first: SQLite would round.
        template = f"{self.sqlite_function}(substr(%(expressions)s || ' seconds')"
        return super().as_sql(compiler, connection, template=template, arg_joiner=", 1, 19), ", **context)


class LocalText(LocalTime):
    """The local time as text, YYYY-MM-DD HH:MM:SS."""

    output_field = CharField()
    mysql_function, mysql_end, sqlite_function = "LEFT", ", 19", "datetime"


class LocalDay(LocalTime):
    """The local day."""

    output_field = DateField()
    mysql_function, mysql_end, sqlite_function = "DATE", "", "date"
