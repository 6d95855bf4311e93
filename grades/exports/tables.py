"""Any table as CSV, streamed, and as XLSX, in constant memory: headings, and one list of values per row."""

import csv
import io
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, cast

from rustpy_xlsxwriter import Format, write_worksheet

from .csv import CHUNK_ROWS, csv_value, take


def csv_table(headings: list[str], rows: Iterator[list[Any]]) -> Iterator[bytes]:
    """The table as CSV: UTF-8 with a byte order mark, lines that end in CRLF, without formulas."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(headings)
    while batch := list(islice(rows, CHUNK_ROWS)):
        writer.writerows([csv_value(value) for value in row] for row in batch)
        yield take(buffer)
    yield take(buffer)  # the headings, if there was no row


def xlsx_table(name: str, headings: list[str], rows: Iterator[list[Any]], widths: list[float]) -> IO[bytes]:
    """The table as the sheet `name` of a workbook, an open temporary file at its beginning; texts are text cells."""
    first = next(rows, [None] * len(headings))  # the writer takes the headings from the first row

    def records() -> Iterator[dict[str, Any]]:
        yield dict(zip(headings, first, strict=True))
        for row in rows:
            yield dict(zip(headings, row, strict=True))

    file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller closes it
    write_worksheet(
        records(),
        file.name,
        name,
        header_format=Format().set_bold(),
        freeze_row=1,
        autofilter=True,
        column_widths=widths,
        datetime_format="yyyy-mm-dd hh:mm:ss",
        # Numbers of accounts are digits stored as text on purpose: no green corners.
        ignore_errors=headings,
    )
    return cast(IO[bytes], file)
