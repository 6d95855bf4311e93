"""Queries that cost the same at ten million rows: bounded counts, prefix ranges, keyset paging."""

from collections.abc import Iterator
from datetime import date

from django.db.models import Max, Min, Q, QuerySet
from django.db.models.functions import Coalesce

# Rows that a list counts and pages through. An exact count would read the whole index for every page.
COUNT_LIMIT = 10_000

# The place of a row in a list: its time and its primary key.
Key = tuple[date, int]


def ranges_of(queryset: QuerySet) -> list[QuerySet]:
    """The parts of a queryset that each read one range of an index in the order of time; itself, if it has none."""
    return queryset.index_ranges() if hasattr(queryset, "index_ranges") else [queryset]


def bounded_count(queryset: QuerySet, limit: int = COUNT_LIMIT) -> int:
    """Count the rows of `queryset` up to `limit`; returns `limit` + 1 if there are more."""
    count = 0
    for part in ranges_of(queryset):
        count += part.order_by()[: limit + 1 - count].count()
        if count > limit:
            break
    return count


def count_label(count: int, limit: int = COUNT_LIMIT) -> str:
    """Format a bounded count, e.g. "1,234", or "10,000+" for more than `limit`."""
    return f"{limit:,}+" if count > limit else f"{count:,}"


def prefix_range(field: str, prefix: str) -> Q:
    """A condition that `field` begins with `prefix`, as a range that an index can answer.

    The comparison is exact on every database. LIKE is neither exact nor indexed on all of them.
    """
    condition = Q((f"{field}__gte", prefix))
    if head := prefix.rstrip("\U0010ffff"):
        # No character is between U+D7FF and U+E000.
        following = "\ue000" if head[-1] == "\ud7ff" else chr(ord(head[-1]) + 1)
        condition &= Q((f"{field}__lt", head[:-1] + following))
    return condition


def sorted_keys(
    queryset: QuerySet,
    time_field: str,
    limit: int,
    beyond: Key | None = None,
    newest_first: bool = True,
    by_index: bool = True,
) -> list[Key]:
    """At most `limit` keys (time, pk) of `queryset` after the key `beyond`, newest or oldest first (keyset paging).

    An index must provide the order. If none does, `by_index` is false: MariaDB then sorts the matching rows, and
    does not walk the index by time.
    """
    sign, side = ("-", "lt") if newest_first else ("", "gt")
    field = time_field
    if not by_index:
        # An expression instead of the column, in the order and in the range: neither has an index.
        field = "sorted_time"
        queryset = queryset.alias(sorted_time=Coalesce(time_field, time_field))
    order = [f"{sign}{field}", f"{sign}pk"]
    parts = []
    for part in ranges_of(queryset) if by_index else [queryset]:
        if beyond:
            time, pk = beyond
            farther = Q((f"{field}__{side}", time)) | Q((f"pk__{side}", pk))
            part = part.filter(farther, (f"{field}__{side}e", time))
        parts.append(part.select_related(None).order_by(*order).values_list(time_field, "pk")[:limit])
    if len(parts) < 2:
        return [key for part in parts for key in part]
    return list(parts[0].union(*parts[1:], all=True).order_by(*order)[:limit])


def key_ranges(queryset: QuerySet, size: int) -> list[QuerySet]:
    """All rows of `queryset` in parts by ranges of `size` primary keys."""
    first, last = queryset.aggregate(first=Min("pk"), last=Max("pk")).values()
    starts = range(first, last + 1, size) if first is not None else ()
    return [queryset.filter(pk__gte=start, pk__lt=start + size) for start in starts]


def key_batches(queryset: QuerySet, time_field: str, size: int, beyond: Key | None = None) -> Iterator[list[int]]:
    """Primary keys of `queryset`, newest first and after the key `beyond`, in lists of at most `size`.

    The order is (-`time_field`, -pk), which an index must provide. Memory is one batch.
    """
    batch = sorted_keys(queryset, time_field, size, beyond)
    while batch:
        yield [pk for _time, pk in batch]
        batch = sorted_keys(queryset, time_field, size, batch[-1])
