"""Queries that cost the same at ten million rows: bounded counts, prefix ranges, keyset paging."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

# Rows that a list counts and pages through. An exact count would read the whole index for every page.
COUNT_LIMIT = 10_000


def bounded_count(queryset: QuerySet, limit: int = COUNT_LIMIT) -> int:
    """Count the rows of `queryset` up to `limit`; returns `limit` + 1 if there are more."""
    return queryset.order_by()[: limit + 1].count()


def count_label(count: int, limit: int = COUNT_LIMIT) -> str:
    """Format a bounded count, e.g. "1,234", or "10,000+" for more than `limit`."""
    return f"{limit:,}+" if count > limit else f"{count:,}"


def prefix_range(field: str, prefix: str) -> Q:
    """A condition that `field` begins with `prefix`, as a range that an index can answer.

    The comparison is exact on every database. LIKE is neither exact nor indexed on all of them. The last
    character of `prefix` must have a successor.
    """
    return Q((f"{field}__gte", prefix), (f"{field}__lt", prefix[:-1] + chr(ord(prefix[-1]) + 1)))


def key_batches(queryset: QuerySet, time_field: str, size: int) -> Iterator[list[int]]:
    """Primary keys of `queryset`, newest first, in lists of at most `size` (keyset paging).

    The order is (-`time_field`, -pk), which an index must provide. Memory is one batch.
    """
    keys = queryset.select_related(None).order_by(f"-{time_field}", "-pk").values_list(time_field, "pk")
    batch: list[tuple[datetime, int]] = list(keys[:size])
    while batch:
        yield [pk for _time, pk in batch]
        time, pk = batch[-1]
        older = Q((f"{time_field}__lt", time)) | Q(pk__lt=pk)
        batch = list(keys.filter(older, (f"{time_field}__lte", time))[:size])
