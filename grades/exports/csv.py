"""A table as CSV."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .columns import TEXT, Column

# The beginning of a formula in a spreadsheet, with the full-width forms of a Chinese keyboard. Some programs skip
# blanks (U+3000 too), control characters and invisible characters before it.
FORMULA = re.compile(
    r"[\t\r\n]|[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*[=+\-@＝＋－＠]"
)


def write_csv(path: Path, columns: list[Column], headings: list[str], rows: Iterable[tuple]) -> None:
    """Write a CSV file: UTF-8 with a byte order mark, without which Excel garbles Chinese; lines end in CRLF."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows(guarded(columns, rows))


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows of any table as lines of CSV, without texts that begin a formula."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows(map(csv_value, row) for row in rows)
    return file.getvalue()


def guarded(columns: list[Column], rows: Iterable[tuple]) -> Iterator[tuple]:
    """The rows, without texts that begin a formula."""
    texts = [number for number, column in enumerate(columns) if column.kind == TEXT]
    for row in rows:
        for number in texts:
            text = row[number]
            # Most texts begin with a letter or a digit, and isalnum is quicker than the pattern.
            if text and not text[0].isalnum() and FORMULA.match(text):
                row = tuple(map(csv_value, row))
                break
        yield row


def csv_value(value: Any) -> Any:
    """The value, with an apostrophe before a text that begins a formula."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
