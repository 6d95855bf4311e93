"""Which table is in a file: decided by its name and its first bytes."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import PurePath
from typing import IO

from django.utils.translation import gettext as _

from ..reader.tables import Table
from .process import Limits, read_table
from .refusals import ImportFailed, refusal

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # an .xls file, and any workbook with a password


def open_table(file: IO[bytes], name: str, known: Collection[str], limits: Limits) -> AbstractContextManager[Table]:
    """The table in `file`, an open seekable binary file; `name` is the file's name on its owner's computer.

    `known` are the headings that the caller knows, casefolded; they decide the separator of a CSV file. Raises
    ImportFailed, here, when the block begins, or while the rows are read.
    """
    return read_table(file, kind_of(file, name), known, limits)


def kind_of(file: IO[bytes], name: str) -> str:
    """csv or xlsx. Raises ImportFailed for other files."""
    ending = PurePath(name).suffix.casefold()
    file.seek(0)
    head = file.read(8)
    if not head:
        raise refusal("empty")
    if head == OLE or ending == ".xls":
        raise ImportFailed(
            _("This is an old Excel file (.xls) or one with a password: save it as .xlsx without a password.")
        )
    if ending not in {".xlsx", ".csv", ".txt"}:
        raise ImportFailed(_("Only .xlsx and .csv files can be imported: save it as one of these."))
    if head.startswith(ZIP) != (ending == ".xlsx"):
        raise ImportFailed(_("The content of the file does not match its name. Save it again as .xlsx or .csv."))
    return "xlsx" if ending == ".xlsx" else "csv"
