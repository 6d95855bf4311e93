"""A table as XLSX, in constant memory."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheets

from .columns import DAY, NUMBER, TIME, Column

# Rows per sheet. Excel's limit is 1,048,576; the last sheet needs the difference for rows that arrive after the count.
SHEET_ROWS = 1_000_000
FIRST_YEAR = "1900"  # Excel has no earlier dates

About = Callable[[], list[tuple[str, Any]]]


def write_xlsx(
    path: Path, title: str, columns: list[Column], headings: list[str], rows: Iterator[tuple], count: int, about: About
) -> None:
    """Write a workbook: sheets of SHEET_ROWS rows, and a last sheet with the lines of `about()`.

    `count` is the number of rows expected. Every text is a text cell, also if it looks like a number or a formula. A
    character that XML cannot hold is written as `_xFFFE_`, and a text of that form as `_x005F_xFFFE_`; Excel reads
    both back.
    """
    records = make_records(columns, headings, rows)
    full = (count - 1) // SHEET_ROWS if count else 0
    names = [f"{title} {number + 1}" if full else title for number in range(full + 1)]
    sheets: list[tuple[str, Any]] = [(name, sheet(islice(records, SHEET_ROWS), headings)) for name in names[:-1]]
    sheets.append((names[-1], sheet(records, headings)))
    formats = {name: form for name, column in zip(headings, columns, strict=True) if (form := cell_format(column))}
    about_name = _("About this export")
    sheets.append((about_name, about_records(about)))
    write_worksheets(
        sheets,
        str(path),  # by name: for an open file the writer keeps the whole workbook in memory
        header_format={"general": Format().set_bold()},
        freeze_panes={"general": {"row": 1, "col": 0}, about_name: {"row": 0, "col": 0}},
        autofilter={"general": True, about_name: False},
        column_widths={"general": [column.width for column in columns], about_name: [16, 80]},
        column_formats={"general": formats, about_name: {}},
        # Account numbers are digits stored as text on purpose: no green corners.
        ignore_errors={"general": [headings[0]], about_name: []},
    )


def about_records(about: About) -> Iterator[dict[str, Any]]:
    """The last sheet; `about` is asked after all rows were written."""
    yield from ({_("Item"): item, _("Value"): value} for item, value in about())


def cell_format(column: Column) -> Format | None:
    formats = {TIME: "yyyy-mm-dd hh:mm:ss", DAY: "yyyy-mm-dd"}
    if not (column.wraps or column.kind in formats):
        return None  # empty formats would cost a sixth of the writing
    form = Format().set_num_format(formats[column.kind]) if column.kind in formats else Format()
    return form.set_text_wrap() if column.wraps else form


def make_records(columns: list[Column], headings: list[str], rows: Iterator[tuple]) -> Iterator[dict[str, Any]]:
    """The rows as the writer takes them: a dict by heading."""
    first = next(rows, None)
    if first is None:
        return
    special = [
        (heading, convert)
        for heading, column, value in zip(headings, columns, first, strict=True)
        if (convert := converter(column.kind, value))
    ]
    for row in chain([first], rows):
        record = dict(zip(headings, row, strict=True))
        for heading, convert in special:
            if value := record[heading]:
                record[heading] = convert(value)
        yield record


def converter(kind: str, value: Any) -> Callable[[Any], Any] | None:
    """The function that makes a cell of a value, if it is not one already."""
    if kind == NUMBER and isinstance(value, Decimal):
        return float
    return {TIME: to_time, DAY: to_day}.get(kind)


def to_time(text: str) -> datetime | str:
    return datetime.fromisoformat(text) if text >= FIRST_YEAR else text


def to_day(text: str) -> date | str:
    """The date; one that Excel cannot hold stays text."""
    return date.fromisoformat(text) if text >= FIRST_YEAR else text


def sheet(records: Iterator[dict[str, Any]], headings: list[str]) -> Iterator[dict[str, Any]]:
    """The records of one sheet; the writer takes the headings from the first, so there must be one."""
    first = next(records, None)
    yield first or dict.fromkeys(headings)
    yield from records
