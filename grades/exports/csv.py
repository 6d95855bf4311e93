"""Ratings as CSV, streamed."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..models import GradeQuerySet
from .columns import read_table

# Rows per chunk of CSV.
CHUNK_ROWS = 500

# The beginning of a formula in a spreadsheet, with the full-width forms of a Chinese keyboard. Some programs skip
# blanks (U+3000 too), control characters and invisible characters before it.
FORMULA = re.compile(
    r"[\t\r\n]|[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*[=+\-@＝＋－＠]"
)


def csv_chunks(queryset: GradeQuerySet) -> Iterator[bytes]:
    """Write ratings as CSV, newest first; yields bytes.

    UTF-8 with a byte order mark, without which Excel garbles Chinese; lines end in CRLF.
    """
    headings, rows = read_table(queryset)

    def chunks() -> Iterator[bytes]:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        buffer.write("\ufeff")
        writer.writerow(headings)
        while batch := list(islice(rows, CHUNK_ROWS)):
            writer.writerows([csv_value(value) for value in row] for row in batch)
            yield take(buffer)
        yield take(buffer)  # the headings, if there was no row

    return chunks()


def take(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def csv_value(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if FORMULA.match(value) else value
    return value  # csv writes a datetime by str(): YYYY-MM-DD HH:MM:SS, without microseconds
