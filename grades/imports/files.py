"""Which table is in a file: decided by its name and its first bytes."""

from collections.abc import Callable
from pathlib import PurePath
from typing import IO

from django.utils.translation import gettext as _

from .csv import open_csv
from .tables import ImportFailed, Table
from .workbook import open_workbook

__all__ = ["ImportFailed", "Table", "open_table"]

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an .xls file, and any workbook with a password


def open_table(file: IO[bytes], name: str, is_known: Callable[[str], bool]) -> Table:
    """The table in `file`, an open seekable binary file; `name` is the file's name on its owner's computer.

    `is_known` tells whether the caller knows a heading; it decides the separator of a CSV file. Raises
    ImportFailed, here or while the rows are read.
    """
    ending = PurePath(name).suffix.casefold()
    file.seek(0)
    head = file.read(8)
    if not head:
        raise ImportFailed(_("The file is empty."))
    if head == OLE or ending == ".xls":
        raise ImportFailed(
            _("This is an old Excel file (.xls) or one with a password: save it as .xlsx without a password.")
        )
    if ending not in {".xlsx", ".csv", ".txt"}:
        raise ImportFailed(_("Only .xlsx and .csv files can be imported: save it as one of these."))
    if head.startswith(ZIP) != (ending == ".xlsx"):
        raise ImportFailed(_("The content of the file does not match its name. Save it again as .xlsx or .csv."))
    return open_workbook(file) if ending == ".xlsx" else open_csv(file, is_known)
