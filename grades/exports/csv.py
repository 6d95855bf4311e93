"""A table as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unicodedata import category

from .columns import TEXT, Column

# The beginning of a formula in a spreadsheet, with the full-width forms of a Chinese keyboard and the minus sign.
SIGNS = frozenset("=+-@＝＋－＠−")
# Some programs skip blanks, control characters and other invisible characters before it: by category, and letters and
# a braille pattern that are blank.
INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Mn", "Zl", "Zp", "Zs"})
FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


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
            if text and begins_formula(text):
                row = tuple(map(csv_value, row))
                break
        yield row


def csv_value(value: Any) -> Any:
    """The value, with an apostrophe before a text that begins a formula."""
    return f"'{value}" if value and isinstance(value, str) and begins_formula(value) else value


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet may take the text, which is not empty, for a formula."""
    first = text[0]
    if first.isalnum() and first not in FILLERS:  # as most texts do
        return False
    if first in "\t\r\n":
        return True
    for character in text:
        if character in SIGNS:
            return True
        if category(character) not in INVISIBLE and character not in FILLERS:
            return False
    return False
