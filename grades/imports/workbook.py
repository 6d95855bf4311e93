"""XLSX workbooks: the first visible sheet that is not empty, within limits of memory."""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from .tables import BROKEN_CELL, Cell, ImportFailed, Row, Table, below_headings, read_headings

# The limit for the unpacked size. A sheet of a million rows and nine columns takes nearly all of it.
MAX_UNPACKED_BYTES = 512 << 20
# calamine holds the rectangle around all values, 32 bytes a cell: one stray value in the last cell of an
# otherwise empty sheet would take 512 GB.
MAX_CELLS = 10_000_000

Attributes = dict[str, str]
OnStart = Callable[[str, Attributes], None]


def open_workbook(file: IO[bytes]) -> Table:
    """The table in an XLSX file."""
    try:
        with zipfile.ZipFile(file) as archive:
            name, scan = first_sheet(archive)
        file.seek(0)
        with CalamineWorkbook.from_filelike(file) as workbook:
            sheet = workbook.get_sheet_by_name(name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        CalamineError,
        # zipfile and the code below raise these for a damaged file
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        OSError,
        ValueError,
    ) as error:
        raise ImportFailed(_("The workbook is damaged or is not an Excel file. Save it again as .xlsx.")) from error

    first_column = (sheet.start or (0, 0))[1] + 1

    def mark_broken(number: int, cells: list[Cell]) -> Row:
        # calamine returns "" for a broken cell, as for an empty one.
        for column in scan.broken.get(number, ()):
            if 0 <= column - first_column < len(cells):
                cells[column - first_column] = BROKEN_CELL
        return number, cells

    def rows() -> Iterator[Row]:
        number = 0
        for number, cells in enumerate(sheet.iter_rows(), 1):
            yield mark_broken(number, [*cells])
        for below in sorted(row for row in scan.broken if row > number):  # calamine ends at the last value
            yield mark_broken(below, [None] * sheet.width)

    return Table(read_headings(rows()), lambda: below_headings(rows()), scan.last_row)


def first_sheet(archive: zipfile.ZipFile) -> tuple[str, "SheetScan"]:
    """The name and the scan of the first visible sheet that is not empty."""
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise ImportFailed(_("The file has a password: save it without one."))
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise ImportFailed(_("The workbook unpacks to too much data: split it, or save it as .csv."))
    for name, path in sheet_parts(archive):
        scan = SheetScan(archive, path)
        if scan.last_row:
            return name, scan
    raise ImportFailed(_("The file is empty."))


def local_name(name: str) -> str:
    """The name of an XML element or attribute without its prefix."""
    return name.rpartition(":")[2]


def make_parser(on_start: OnStart) -> expat.XMLParserType:
    """An XML parser that calls `on_start(element, attributes)`."""

    def refuse(*declaration: object) -> None:
        # Entities could expand without limit.
        raise ValueError("a part of a workbook has a document type")

    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = on_start
    return parser


def sheet_parts(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """(name, path in the archive) of the visible worksheets, in their order."""
    sheets: list[tuple[str, str]] = []
    targets: dict[str, str] = {}

    def on_sheet(element: str, attributes: Attributes) -> None:
        if local_name(element) == "sheet" and attributes.get("state", "visible") == "visible":
            relations = [value for key, value in attributes.items() if key != "id" and local_name(key) == "id"]
            sheets.append((attributes["name"], relations[0]))

    def on_relation(element: str, attributes: Attributes) -> None:
        if local_name(element) == "Relationship" and attributes["Type"].endswith("/worksheet"):
            target = attributes["Target"]
            targets[attributes["Id"]] = target[1:] if target.startswith("/") else f"xl/{target}"

    for path, on_start in [("xl/workbook.xml", on_sheet), ("xl/_rels/workbook.xml.rels", on_relation)]:
        with archive.open(path) as part:
            make_parser(on_start).ParseFile(part)
    # A chart sheet has no worksheet part.
    return [(name, targets[relation]) for name, relation in sheets if relation in targets]


class SheetScan:
    """The extent of a worksheet part, rows and columns counted from 1, and its broken cells.

    A cell is broken if it holds an error such as #N/A, or a formula that a program wrote without its
    result. Raises ImportFailed if calamine would need more memory than the limit.
    """

    reference = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

    def __init__(self, archive: zipfile.ZipFile, path: str) -> None:
        self.row = self.column = 0  # of the current cell
        self.is_text = False
        self.awaits_result = False  # the current cell has a formula, and no result so far
        self.cells = self.last_row = self.last_column = 0
        self.first_row = self.first_column = 1 << 20
        self.broken: dict[int, list[int]] = {}  # row → columns
        self.parser = make_parser(self.on_start)
        with archive.open(path) as part:
            self.parser.ParseFile(part)
        self.end_cell()

    def on_start(self, element: str, attributes: Attributes) -> None:
        element = local_name(element)
        if element == "c":
            self.end_cell()
            self.start_cell(attributes)
        elif element == "v" or element == "is":
            self.add_value()
            if self.awaits_result:
                self.parser.CharacterDataHandler = self.on_result
        elif element == "f":
            self.awaits_result = not self.is_text
        elif element == "row":
            self.end_cell()
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0

    def start_cell(self, attributes: Attributes) -> None:
        if reference := attributes.get("r"):
            match = self.reference.fullmatch(reference)
            if match is None:
                raise ValueError(f"{reference!r} is not a cell reference")
            letters, row = match.groups()
            self.row, self.column = int(row), 0
            for letter in letters:
                self.column = self.column * 26 + ord(letter) - 64
        else:
            self.column += 1
        if attributes.get("t") == "e":
            self.broken.setdefault(self.row, []).append(self.column)
        self.is_text = attributes.get("t") == "str"  # the result of a text formula may be empty

    def on_result(self, text: str) -> None:
        self.awaits_result = False
        self.parser.CharacterDataHandler = None

    def end_cell(self) -> None:
        if self.awaits_result:
            self.broken.setdefault(self.row, []).append(self.column)
            self.on_result("")

    def add_value(self) -> None:
        self.cells += 1
        self.first_row, self.last_row = min(self.first_row, self.row), max(self.last_row, self.row)
        self.first_column, self.last_column = min(self.first_column, self.column), max(self.last_column, self.column)
        rectangle = (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)
        if max(self.cells, rectangle) > MAX_CELLS:
            raise ImportFailed(
                _("The sheet reaches to row %(row)d, column %(column)d. Delete the cells outside the list.")
                % {"row": self.last_row, "column": self.last_column}
            )
