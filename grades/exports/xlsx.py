"""Ratings as XLSX, in constant memory."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, cast

from rustpy_xlsxwriter import Format, write_worksheets

from ..models import Grade, GradeQuerySet
from .columns import WIDTHS, read_table

# Rows per sheet. Excel's limit is 1,048,576; the last sheet needs the difference for ratings that arrive
# after the count.
SHEET_ROWS = 1_000_000


def xlsx_file(queryset: GradeQuerySet) -> IO[bytes]:
    """Write ratings as XLSX, newest first; returns an open temporary file at its beginning.

    Every text is a text cell, also if it looks like a number or a formula. A character that XML cannot hold
    is written as `_xFFFE_`, and a text of that form as `_x005F_xFFFE_`; Excel reads both back.
    """
    count = queryset.count()
    headings, rows = read_table(queryset)
    records = (dict(zip(headings, row, strict=True)) for row in rows)
    full = (count - 1) // SHEET_ROWS if count else 0
    name = str(Grade._meta.verbose_name_plural)
    sheets: list[tuple[str, Any]] = [
        (f"{name} {number + 1}", sheet(islice(records, SHEET_ROWS), headings)) for number in range(full)
    ]
    sheets.append((f"{name} {full + 1}" if full else name, sheet(records, headings)))
    # By name: for an open file the writer keeps the whole workbook in memory.
    file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller closes it
    write_worksheets(
        sheets,
        file.name,
        header_format={"general": Format().set_bold()},
        freeze_panes={"general": {"row": 1, "col": 0}},
        autofilter={"general": True},
        column_widths={"general": list(WIDTHS.values())},
        datetime_format="yyyy-mm-dd hh:mm:ss",
        # Account numbers are digits stored as text on purpose: no green corners.
        ignore_errors={"general": [headings[0]]},
    )
    return cast(IO[bytes], file)


def sheet(records: Iterator[dict[str, Any]], headings: list[str]) -> Iterator[dict[str, Any]]:
    """The records of one sheet; the writer takes the headings from the first, so there must be one."""
    first = next(records, None)
    yield first or dict.fromkeys(headings)
    yield from records
