"""Counters in the database. One statement counts a batch of submissions.

The statement adds to a row and returns its new value, so each process knows which of the numbers up to the limit are
its own.
"""

import time
from collections import Counter as Totals
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connections, transaction

from ..models import RateCounter
from .counters import Counter, Excess, Submission

COLUMNS = "counter, hits, ends_at"
UPSERT = "INSERT INTO rate_counter ({columns}) VALUES {rows} {on_duplicate} hits = {hits}, ends_at = {ends_at}"
# MySQL assigns from left to right, so `hits` comes first and sees the old end.
HITS = "CASE WHEN ends_at <= %s THEN {new_hits} ELSE hits + {new_hits} END"
ENDS_AT = "CASE WHEN ends_at <= %s THEN {new_ends_at} ELSE ends_at END"
DIALECTS = {
    "mysql": ("ON DUPLICATE KEY UPDATE", "VALUES({})"),
    "sqlite": ("ON CONFLICT (counter) DO UPDATE SET", "excluded.{}"),
}


@dataclass(slots=True)
class Window:
    """A row after the statement; `free` is what the limit has left for this batch."""

    free: int
    ends_at: int


def count_in_database(batch: Sequence[Submission]) -> None:
    """Count the submissions of a batch, in their order. One that exceeds a limit is counted nowhere."""
    now = int(time.time())
    counters = {counter.key: counter for submission in batch for counter in submission.counters}
    totals = Totals(counter.key for submission in batch for counter in submission.counters)
    windows = {
        key: Window(counters[key].most - (hits - totals[key]), ends_at)
        for key, hits, ends_at in add_to_rows(counters, totals, now)
    }
    uncounted: Totals[str] = Totals()
    for submission in batch:
        full = next((counter for counter in submission.counters if windows[counter.key].free <= 0), None)
        submission.excess = full and Excess(full.subject, max(windows[full.key].ends_at - now, 1))
        for counter in submission.counters:
            if not full:
                windows[counter.key].free -= 1
            elif windows[counter.key].free > 0:  # a full row needs no correction
                uncounted[counter.key] += 1
    take_back(uncounted, windows)


def add_to_rows(counters: Mapping[str, Counter], totals: Mapping[str, int], now: int) -> list[tuple[str, int, int]]:
    """Add to the rows of these counters, and begin the window of those that have none; returns the new rows."""
    connection = connections[settings.API_DATABASE]
    keys = sorted(counters)  # in one order, or two statements could wait for each other
    on_duplicate, new_value = DIALECTS[connection.vendor]
    sql = UPSERT.format(
        columns=COLUMNS,
        rows=", ".join(["(%s, %s, %s)"] * len(keys)),
        on_duplicate=on_duplicate,
        hits=HITS.format(new_hits=new_value.format("hits")),
        ends_at=ENDS_AT.format(new_ends_at=new_value.format("ends_at")),
    )
    parameters: list[str | int] = []
    for key in keys:
        # Whole seconds: one more, so that a window is never shorter than the setting says.
        parameters += [key, totals[key], now + counters[key].seconds + 1]
    parameters += [now, now]
    with connection.cursor() as cursor:
        if connection.features.can_return_rows_from_bulk_insert:
            cursor.execute(f"{sql} RETURNING {COLUMNS}", parameters)
            return list(cursor.fetchall())
        with transaction.atomic(using=settings.API_DATABASE):  # MySQL: the locks keep others out until the commit
            cursor.execute(sql, parameters)
            select = f"SELECT {COLUMNS} FROM rate_counter WHERE counter IN ({', '.join(['%s'] * len(keys))})"  # noqa: S608
            cursor.execute(select, keys)
            return list(cursor.fetchall())


def take_back(uncounted: Mapping[str, int], windows: Mapping[str, Window]) -> None:
    rows = RateCounter.objects.using(settings.API_DATABASE)
    for key in sorted(uncounted):
        rows.of_window(key, windows[key].ends_at).subtract(uncounted[key])
