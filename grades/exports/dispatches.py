"""Dispatches as CSV and XLSX: whom to call, and about what."""

import csv
import io
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, cast

from rustpy_xlsxwriter import Format, write_worksheets

from ..models import Account, AccountQuerySet
from .csv import csv_value, take
from .xlsx import SHEET_ROWS, sheet

COLUMNS = {"acc_nbr": 20, "customer_name": 16, "area": 16, "product": 24, "dispatched_on": 14}
BATCH = 2000


def headings() -> list[str]:
    fields = {field.name: field for field in Account._meta.fields}
    return [str(fields[name].verbose_name) for name in COLUMNS]


def rows(dispatches: AccountQuerySet) -> Iterator[list[Any]]:
    for batch in dispatches.in_batches(BATCH):
        for dispatch in batch:
            yield [getattr(dispatch, name) for name in COLUMNS]


def dispatches_csv(dispatches: AccountQuerySet) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, lines that end in CRLF, without formulas."""
    names = headings()  # here: a streamed response runs the iterator after the language is reset

    def chunks() -> Iterator[bytes]:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        buffer.write("\ufeff")
        writer.writerow(names)
        remaining = rows(dispatches)
        while some := list(islice(remaining, BATCH)):
            writer.writerows([csv_value(value) for value in row] for row in some)
            yield take(buffer)
        yield take(buffer)

    return chunks()


def dispatches_xlsx(dispatches: AccountQuerySet) -> IO[bytes]:
    """An open temporary file at its beginning; every text is a text cell."""
    names, count = headings(), dispatches.count()
    records = (dict(zip(names, row, strict=True)) for row in rows(dispatches))
    file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller closes it
    last = (count - 1) // SHEET_ROWS if count else 0
    title = str(Account._meta.verbose_name_plural)
    sheets: list[tuple[str, Any]] = [
        (f"{title} {number + 1}", sheet(islice(records, SHEET_ROWS), names)) for number in range(last)
    ]
    sheets.append((f"{title} {last + 1}" if last else title, sheet(records, names)))
    write_worksheets(
        sheets,
        file.name,
        header_format={"general": Format().set_bold()},
        freeze_panes={"general": {"row": 1, "col": 0}},
        autofilter={"general": True},
        column_widths={"general": list(COLUMNS.values())},
        datetime_format="yyyy-mm-dd",
        # Account numbers are digits stored as text on purpose: no green corners.
        ignore_errors={"general": [names[0]]},
    )
    return cast(IO[bytes], file)
