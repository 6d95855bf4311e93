"""An export as a file that says what it has."""

import errno
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from .. import metrics
from .columns import Table
from .csv import write_csv
from .parquet import write_parquet
from .xlsx import write_xlsx

FORMATS = [("xlsx", "XLSX"), ("csv", "CSV")]
REPORT_ROWS = 10_000


@dataclass(frozen=True)
class About:
    """What was exported, by whom: `filter` for people, `slug` for the file's name, without anything personal."""

    filter: str
    slug: str
    by: str

    def file_name(self, table: Table, file_format: str, count: int) -> str:
        parts = [table.subject, self.slug, f"{count}-rows", f"{timezone.localtime():%Y%m%d-%H%M}"]
        return f"{'_'.join(filter(None, parts))}.{file_format}"


class Counter:
    """Counts the rows that pass, and reports each REPORT_ROWS."""

    def __init__(self, rows: Iterable[tuple], report: Callable[[int], None]):
        self.rows, self.report, self.count = rows, report, 0

    def __iter__(self) -> Iterator[tuple]:
        count = 0
        for count, row in enumerate(self.rows, 1):
            if not count % REPORT_ROWS:
                self.report(count)
            yield row
        self.count = count


def write_export(
    table: Table,
    about: About,
    file_format: str,
    path: Path,
    *,
    expected: int,
    report: Callable[[int], None] = lambda count: None,
    using: str = "default",
) -> int:
    """Write all rows of a table to `path`; returns how many. `report(rows)` is called each REPORT_ROWS.

    `file_format` is one of FORMATS, or "parquet" for a table with moments.
    `expected` is the number of rows to expect: XLSX divides them into sheets. An exception from `report` ends
    the export.
    """
    begun = time.perf_counter()
    count = write_rows(table, about, file_format, path, expected, report, using)
    metrics.count_export(file_format, count, time.perf_counter() - begun)
    return count


def write_rows(
    table: Table,
    about: About,
    file_format: str,
    path: Path,
    expected: int,
    report: Callable[[int], None],
    using: str,
) -> int:
    """Write the file of `write_export`; returns the number of rows."""
    moment = timezone.localtime()
    rows = Counter(table.rows(using), report)
    if file_format == "csv":
        write_csv(path, table.columns, table.headings(), rows)
        return rows.count
    if file_format == "parquet":

        def facts() -> dict[str, str]:
            return {"rows": str(rows.count), "filter": about.filter, "by": about.by, "at": moment.isoformat()}

        write_parquet(path, table.columns, table.headings(), iter(rows), facts)
        return rows.count

    def lines() -> list[tuple[str, str | int]]:
        return [
            (_("rows"), rows.count),
            (_("filter"), about.filter or _("none")),
            (_("by"), about.by),
            (_("at"), f"{moment:%Y-%m-%d %H:%M:%S %Z}"),
        ]

    write_xlsx(path, table.title, table.columns, table.headings(), iter(rows), expected, lines)
    return rows.count


def is_disk_full(error: OSError) -> bool:
    # The writer of XLSX names the number in its text only.
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or f"os error {errno.ENOSPC}" in str(error)
