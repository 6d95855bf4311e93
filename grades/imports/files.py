"""A file, as someone gave it, to its heading and rows: CSV and XLSX, decided by the content."""

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from xml.parsers import expat

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls, and any workbook with a password
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# What an XLSX may unpack to. A sheet of a million rows and nine columns takes nearly all of it.
MAX_UNPACKED_BYTES = 512 << 20
# calamine holds the rectangle around all values, 32 bytes a cell: one stray value in the last cell of
# an otherwise empty sheet would take 512 GB, and the process with it.
MAX_CELLS = 10_000_000

# Stands for a cell whose value Excel does not know: calamine gives "", as if nobody had filled it in.
BROKEN_CELL = object()


class ImportFailed(Exception):
    """The file as a whole cannot be imported; the message is one translated line for the user."""


@dataclass
class Table:
    """A heading and the rows below it.

    `rows()` starts over each time; it yields (number, cells): the number as a spreadsheet shows it, and
    as many cells as the row has, each a str, a number, a date, BROKEN_CELL … `size` is about how many
    rows there are, for a progress bar.
    """

    headings: list[str]
    rows: Callable[[], Iterator[tuple[int, list]]]
    size: int


def open_table(file, name, is_known):
    """The table in `file`, an open seekable binary file that its owner named `name`.

    `is_known` tells whether a heading is one that the caller looks for: it decides which separator a
    CSV file has. Raises ImportFailed, here or while the rows are read.
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
        raise ImportFailed(_("The content of the file is not what its name says: save it again as .xlsx or .csv."))
    return _open_xlsx(file) if ending == ".xlsx" else _open_csv(file, is_known)


def is_blank(cell):
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _heading_and_rows(rows):
    """The first row with anything in it, as headings, and the iterator of the rows below it."""
    for _number, cells in rows:
        if not all(map(is_blank, cells)):
            return ["" if cell is BROKEN_CELL or cell is None else str(cell).strip() for cell in cells]
    raise ImportFailed(_("The file is empty."))


def _below_heading(rows):
    """The rows below the heading, without blank ones."""
    heading_seen = False
    for number, cells in rows:
        if all(map(is_blank, cells)):
            continue
        if heading_seen:
            yield number, cells
        heading_seen = True


# --- CSV ------------------------------------------------------------------------------------------


def _open_csv(file, is_known):
    encoding, lines = _detect_encoding(file)

    def headings(separator):
        return _heading_and_rows(_csv_rows(file, encoding, separator))

    # Of equally good separators the first: a heading without any known name then says what is missing.
    separator = max(",\t;", key=lambda one: sum(map(is_known, headings(one))))
    return Table(headings(separator), lambda: _below_heading(_csv_rows(file, encoding, separator)), lines)


def _csv_rows(file, encoding, separator):
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, delimiter=separator, strict=True), 1):
            yield number, cells
    except csv.Error as error:
        raise ImportFailed(
            _("Row %(row)d cannot be read: a quotation mark is not closed or stands inside a value.")
            % {"row": number + 1}
        ) from error
    finally:
        if not file.closed:
            text.detach()  # else the file would be closed along with its wrapper


def _detect_encoding(file):
    """The encoding that the whole file is valid in, and the number of its lines."""
    file.seek(0)
    head = file.read(4)
    if head.startswith(UTF_16):
        raise ImportFailed(_("The file is “Unicode text” (UTF-16): save it as “CSV UTF-8” or as .xlsx."))
    lines, decoded, error = _try_encoding(file, "utf-8-sig")
    if error is None:
        return "utf-8-sig", lines
    # GB18030 takes nearly any bytes. In text that is really GB18030, UTF-8 fails after a character or
    # two; a file that was valid for longer is UTF-8 with damage, and would turn into other characters.
    if not head.startswith(codecs.BOM_UTF8) and decoded < 20:
        lines, decoded, gb_error = _try_encoding(file, "gb18030")
        if gb_error is None:
            return "gb18030", lines
    raise ImportFailed(
        _("Line %(line)d holds a character that is neither UTF-8 nor GB18030: save the file as “CSV UTF-8” or .xlsx.")
        % {"line": lines}
    ) from error


def _try_encoding(file, encoding):
    """(lines, characters beyond ASCII, error or None) of the file, up to the error if there is one."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    lines, wide = 1, 0
    while True:
        chunk = file.read(1 << 20)
        if b"\0" in chunk:
            raise ImportFailed(_("The file is not text: save it as “CSV UTF-8” or as .xlsx."))
        try:
            text, error = decoder.decode(chunk, final=not chunk), None
        except UnicodeDecodeError as failure:
            # what the decoder kept from the chunk before is part of the object it failed on
            text, error = failure.object[: failure.start].decode(encoding), failure
        lines += text.count("\n")
        if not text.isascii():
            wide += len(text) - len(text.encode("ascii", "ignore"))
        if error or not chunk:
            return lines, wide, error


# --- XLSX -----------------------------------------------------------------------------------------


def _open_xlsx(file):
    try:
        with zipfile.ZipFile(file) as archive:
            name, scan = _first_sheet(archive)
        file.seek(0)
        with CalamineWorkbook.from_filelike(file) as workbook:
            sheet = workbook.get_sheet_by_name(name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        CalamineError,
        # what zipfile and the look into the workbook's parts raise on damage
        AttributeError,
        EOFError,
        LookupError,
        NotImplementedError,
        OSError,
        ValueError,
    ) as error:
        raise ImportFailed(_("The workbook is damaged or is no Excel file: save it again as .xlsx.")) from error

    first_column = (sheet.start or (0, 0))[1] + 1

    def mark_broken(number, cells):
        for column in scan.broken.get(number, ()):
            if 0 <= column - first_column < len(cells):
                cells[column - first_column] = BROKEN_CELL
        return number, cells

    def rows():
        number = 0
        for number, cells in enumerate(sheet.iter_rows(), 1):
            yield mark_broken(number, cells)
        for below in sorted(row for row in scan.broken if row > number):  # calamine ends at the last value
            yield mark_broken(below, [None] * sheet.width)

    return Table(_heading_and_rows(rows()), lambda: _below_heading(rows()), scan.last_row)


def _first_sheet(archive):
    """The name and the scan of the first sheet that is not hidden and holds anything."""
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise ImportFailed(_("The file has a password: save it without one."))
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise ImportFailed(_("The workbook unpacks to too much data: split it, or save it as .csv."))
    for name, path in _sheet_parts(archive):
        scan = _SheetScan(archive, path)
        if scan.last_row:
            return name, scan
    raise ImportFailed(_("The file is empty."))


def _local(name):
    """The name of an XML element or attribute without its prefix."""
    return name.rpartition(":")[2]


def _parser(on_start):
    """An XML parser that calls `on_start(element, attributes)`."""

    def refuse(*declaration):
        raise ValueError("no part of a workbook has a document type")  # entities could grow without end

    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = on_start
    return parser


def _sheet_parts(archive):
    """(name, path in the archive) of the sheets that are not hidden, in their order."""
    sheets, targets = [], {}

    def on_sheet(element, attributes):
        if _local(element) == "sheet" and attributes.get("state", "visible") == "visible":
            relations = [value for key, value in attributes.items() if key != "id" and _local(key) == "id"]
            sheets.append((attributes["name"], relations[0]))

    def on_relation(element, attributes):
        if _local(element) == "Relationship" and attributes["Type"].endswith("/worksheet"):
            target = attributes["Target"]
            targets[attributes["Id"]] = target[1:] if target.startswith("/") else f"xl/{target}"

    for path, on_start in [("xl/workbook.xml", on_sheet), ("xl/_rels/workbook.xml.rels", on_relation)]:
        with archive.open(path) as part:
            _parser(on_start).ParseFile(part)
    return [(name, targets[relation]) for name, relation in sheets if relation in targets]  # a chart is none


class _SheetScan:
    """Where in a worksheet part the values are, counted from 1, and which cells are broken.

    Broken are errors such as #N/A, and formulas that a program wrote without their result. Raises
    ImportFailed where calamine would need more memory than it may have.
    """

    reference = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

    def __init__(self, archive, path):
        self.row = self.column = 0  # of the cell that is being read
        self.awaits_result = False  # it has a formula, and no result so far
        self.cells = self.last_row = self.last_column = 0
        self.first_row = self.first_column = 1 << 20
        self.broken = {}  # row → columns
        self.parser = _parser(self.on_start)
        with archive.open(path) as part:
            self.parser.ParseFile(part)
        self.end_cell()

    def on_start(self, element, attributes):
        element = _local(element)
        if element == "c":
            self.end_cell()
            if reference := attributes.get("r"):
                letters, row = self.reference.fullmatch(reference).groups()
                self.row, self.column = int(row), 0
                for letter in letters:
                    self.column = self.column * 26 + ord(letter) - 64
            else:
                self.column += 1
            if attributes.get("t") == "e":
                self.broken.setdefault(self.row, []).append(self.column)
            self.is_text = attributes.get("t") == "str"  # whose result may well be empty
        elif element == "v" or element == "is":
            self.add_value()
            if self.awaits_result:
                self.parser.CharacterDataHandler = self.on_result
        elif element == "f":
            self.awaits_result = not self.is_text
        elif element == "row":
            self.end_cell()
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0

    def on_result(self, text):
        self.awaits_result = False
        self.parser.CharacterDataHandler = None

    def end_cell(self):
        if self.awaits_result:
            self.broken.setdefault(self.row, []).append(self.column)
            self.on_result("")

    def add_value(self):
        self.cells += 1
        self.first_row, self.last_row = min(self.first_row, self.row), max(self.last_row, self.row)
        self.first_column, self.last_column = min(self.first_column, self.column), max(self.last_column, self.column)
        rectangle = (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)
        if max(self.cells, rectangle) > MAX_CELLS:
            raise ImportFailed(
                _("The sheet reaches to row %(row)d, column %(column)d: delete what is not part of the list.")
                % {"row": self.last_row, "column": self.last_column}
            )
