"""XLSX workbooks: the first visible sheet that is not empty, within limits of memory."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from .scan import Attributes, SheetScan, TextScan, local_name, make_parser
from .tables import BROKEN_CELL, Cell, Refused, Row, Table, below_headings, read_headings

# The limit for the unpacked size. A sheet of a million rows and nine columns takes nearly all of it.
MAX_UNPACKED_BYTES = 512 << 20
# The limits for the list of parts. Excel writes about ten parts, and one for each picture.
MAX_PARTS = 10_000
MAX_DIRECTORY_BYTES = 1 << 20
# The limit for each part that calamine reads and that is not scanned before.
MAX_PART_BYTES = 32 << 20
SMALL_PARTS = {"[content_types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"}
TEXTS = "xl/sharedstrings.xml"
# Four tags for each of ten million cells, and two for each row.
MAX_TAGS = 45_000_000
CHUNK_BYTES = 1 << 18


def open_workbook(file: IO[bytes]) -> Table:
    """The table in an XLSX file."""
    try:
        check_directory(file)
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
        raise Refused("damaged") from error

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


def check_directory(file: IO[bytes]) -> None:
    """Refuse too many parts by the last record of the zip, before zipfile makes an object for each part."""
    end = file.seek(0, 2)
    file.seek(max(0, end - 65_557))  # the record has 22 bytes, and a comment of at most 65,535
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if 0 <= at <= len(tail) - 22:
        parts, size = struct.unpack_from("<HI", tail, at + 10)
        if parts > MAX_PARTS or size > MAX_DIRECTORY_BYTES:
            raise Refused("parts")
    file.seek(0)


def first_sheet(archive: zipfile.ZipFile) -> tuple[str, SheetScan]:
    """The name and the scan of the first visible sheet that is not empty. Raises Refused beyond the limits."""
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise Refused("password")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise Refused("unpacked")
    if len(members) > MAX_PARTS:
        raise Refused("parts")
    if any(member.file_size > MAX_PART_BYTES for member in members if member.filename.lower() in SMALL_PARTS):
        raise Refused("unpacked")
    sheets = sheet_parts(archive)
    texts = TextScan()
    for member in members:
        if member.filename.lower() == TEXTS:
            check_tags(archive, member)
            with archive.open(member) as part:
                texts.scan(part)
    for name, path in sheets:
        check_tags(archive, archive.getinfo(path))
        with archive.open(path) as part:
            scan = SheetScan(part, texts.lengths)
        if scan.last_row:
            return name, scan
    raise Refused("empty")


def check_tags(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse a part with too many tags. Counting bytes is many times faster than parsing them."""
    tags = 0
    with archive.open(member) as part:
        while chunk := part.read(CHUNK_BYTES):
            tags += chunk.count(b"<")
            if tags > MAX_TAGS:
                raise Refused("cells")


def sheet_parts(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """(name, path in the archive) of the visible worksheets, in their order."""
    sheets: list[tuple[str, str, bool]] = []
    targets: dict[str, str] = {}

    def on_sheet(element: str, attributes: Attributes) -> None:
        if local_name(element) == "sheet":
            relations = [value for key, value in attributes.items() if key != "id" and local_name(key) == "id"]
            visible = attributes.get("state", "visible") == "visible"
            sheets.append((attributes["name"], relations[0], visible))

    def on_relation(element: str, attributes: Attributes) -> None:
        if local_name(element) == "Relationship" and attributes["Type"].endswith("/worksheet"):
            target = attributes["Target"]
            targets[attributes["Id"]] = target[1:] if target.startswith("/") else f"xl/{target}"

    for path, on_start in [("xl/workbook.xml", on_sheet), ("xl/_rels/workbook.xml.rels", on_relation)]:
        with archive.open(path) as part:
            make_parser(on_start).ParseFile(part)
    # calamine finds a sheet by its name: it would read another sheet than the one that is scanned here.
    if len({name.casefold() for name, _relation, _visible in sheets}) < len(sheets):
        raise Refused("same name")
    # A chart sheet has no worksheet part.
    parts = [(name, targets[relation]) for name, relation, visible in sheets if visible and relation in targets]
    if len({path for _name, path in parts}) < len(parts):
        raise ValueError("two sheets have the same part")
    return parts
