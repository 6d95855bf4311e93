"""A table as CSV."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# The beginning of a formula in a spreadsheet, with the full-width forms of a Chinese keyboard. Some programs skip
# blanks (U+3000 too), control characters and invisible characters before it.
FORMULA = re.compile(
    r"[\t\r\n]|[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*[=+\-@＝＋－＠]"
)


def write_csv(path: Path, headings: list[str], rows: Iterable[tuple]) -> None:
    """Write a CSV file: UTF-8 with a byte order mark, without which Excel garbles Chinese; lines end in CRLF."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headings)
        writer.writerows([csv_value(value) for value in row] for row in rows)


def csv_value(value: Any) -> Any:
    """The value, with an apostrophe before a text that begins a formula."""
    # Most texts begin with a letter or a digit, and isalnum is quicker than the pattern.
    if isinstance(value, str) and not value[:1].isalnum() and FORMULA.match(value):
        return f"'{value}"
    return value
