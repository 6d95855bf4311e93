"""The table that a file holds, whatever its format: headings, rows and cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final, TypeAlias

from django.utils.translation import gettext as _


class ImportFailed(Exception):
    """The file as a whole cannot be imported; the message is one line for the user, translated."""


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
    for _number, cells in rows:
        if not all(map(is_blank, cells)):
            return ["" if cell is BROKEN_CELL or cell is None else str(cell).strip() for cell in cells]
    raise ImportFailed(_("The file is empty."))


def below_headings(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows below the headings, without blank rows."""
    headings_seen = False
    for number, cells in rows:
        if all(map(is_blank, cells)):
            continue
        if headings_seen:
            yield number, cells
        headings_seen = True
