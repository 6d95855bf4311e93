"""The table that a file holds, whatever its format: headings, rows and cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final, TypeAlias

# Excel's own limit; spreadsheets fill a saved CSV file with blank rows up to it.
MAX_BLANK_ROWS = 1 << 20


class Refused(Exception):
    """The file cannot be read. `code` names a text in imports/refusals.py, and `values` fills it in."""

    def __init__(self, code: str, **values: int) -> None:
        super().__init__(code)
        self.code, self.values = code, values


class BrokenCell:
    """A cell whose value Excel does not know: an error such as #N/A, or a formula without its result."""


BROKEN_CELL: Final = BrokenCell()

Cell: TypeAlias = str | float | date | time | timedelta | BrokenCell | None
Row: TypeAlias = tuple[int, Sequence[Cell]]


@dataclass
class Table:
    """The headings of a file, and the rows below them.

    `rows()` reads the file from its beginning on each call. It yields (number, cells): the row number that
    a spreadsheet shows, and as many cells as the row has. `size` is the approximate number of rows, for a
    progress bar.
    """

    headings: list[str]
    rows: Callable[[], Iterator[Row]]
    size: int


def is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def read_headings(rows: Iterator[Row]) -> list[str]:
    """The headings: the first row that is not blank."""
    for _number, cells in skip_blank(rows):
        return ["" if cell is BROKEN_CELL or cell is None else str(cell).strip() for cell in cells]
    raise Refused("empty")


def below_headings(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows below the headings, without blank rows."""
    filled = skip_blank(rows)
    next(filled, None)
    return filled


def skip_blank(rows: Iterator[Row]) -> Iterator[Row]:
    blank = 0
    for number, cells in rows:
        if not all(map(is_blank, cells)):
            yield number, cells
        elif (blank := blank + 1) > MAX_BLANK_ROWS:
            raise Refused("blank rows", limit=MAX_BLANK_ROWS)
