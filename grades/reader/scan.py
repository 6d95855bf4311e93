"""Scans of a workbook's parts: whatever the limits and the messages need to know before calamine reads it."""

import functools
from array import array
from collections.abc import Callable
from typing import IO
from xml.parsers import expat

from .tables import Refused

# calamine holds the rectangle around all values, 32 bytes a cell: one stray value in the last cell of an
# otherwise empty sheet would take 512 GB.
MAX_CELLS = 10_000_000
# A text in bytes. Excel's limit is 32,767 characters.
MAX_TEXT_BYTES = 1 << 17
# All texts of the cells together: calamine copies a shared text into each of its cells.
MAX_TEXTS_BYTES = 512 << 20

CHUNK_BYTES = 1 << 18

Attributes = dict[str, str]
OnStart = Callable[[str, Attributes], None]


def local_name(name: str) -> str:
    """The name of an XML element or attribute without its prefix."""
    return name.rpartition(":")[2]


def make_parser(on_start: OnStart) -> expat.XMLParserType:
    """An XML parser that calls `on_start(element, attributes)`."""

    def refuse(*declaration: object) -> None:
        # Entities could expand without limit.
        raise ValueError("a part of a workbook has a document type")

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = on_start
    return parser


def parse(parser: expat.XMLParserType, part: IO[bytes]) -> None:
    while chunk := part.read(CHUNK_BYTES):  # ParseFile reads two kilobytes at a time
        parser.Parse(chunk)
    parser.Parse(b"", True)


class TextScan:
    """`lengths`: the length of each shared text of a workbook, in bytes. Raises Refused beyond the limits."""

    def __init__(self) -> None:
        self.lengths = array("I")

    def scan(self, part: IO[bytes]) -> None:
        parser = make_parser(self.on_start)
        parser.CharacterDataHandler = self.on_text
        parse(parser, part)

    def on_start(self, element: str, attributes: Attributes) -> None:
        if element == "si" or local_name(element) == "si":
            self.lengths.append(0)
            if len(self.lengths) > MAX_CELLS:
                raise Refused("cells")

    def on_text(self, text: str) -> None:
        if self.lengths:
            self.lengths[-1] += len(text.encode())
            if self.lengths[-1] > MAX_TEXT_BYTES:
                raise Refused("text", limit=MAX_TEXT_BYTES)


class SheetScan:
    """The extent of a worksheet part, rows and columns counted from 1, and its broken cells.

    A cell is broken if it holds an error such as #N/A, or a formula that a program wrote without its
    result. Raises Refused if calamine would need more memory than the limits; `texts` are the lengths of the
    shared texts.
    """

    def __init__(self, part: IO[bytes], texts: "array[int]") -> None:
        self.texts = texts
        # No number of short texts reaches the limit.
        self.measures_texts = max(texts, default=0) * MAX_CELLS > MAX_TEXTS_BYTES
        self.row = self.column = 0  # of the current cell
        self.type: str | None = None
        self.awaits_result = False  # the current cell has a formula, and no result so far
        self.reads_text, self.text = False, ""  # of the current value, if its text is of interest
        self.cells = self.text_bytes = self.last_row = self.last_column = 0
        self.first_row = self.first_column = 1 << 20
        self.broken: dict[int, list[int]] = {}  # row → columns
        self.parser = make_parser(self.on_start)
        parse(self.parser, part)
        self.end_cell()

    # This runs for every element of a sheet: ten million cells must not take minutes.
    def on_start(self, element: str, attributes: Attributes) -> None:
        if ":" in element:
            element = local_name(element)
        if element == "c":
            if self.reads_text or self.awaits_result:
                self.end_cell()
            if reference := attributes.get("r"):
                letters = reference.rstrip("0123456789")
                self.row, self.column = row_number(reference[len(letters) :]), column_number(letters)
            else:
                self.column += 1
            self.type = attributes.get("t")
            if self.type == "e":
                self.broken.setdefault(self.row, []).append(self.column)
        elif element == "v" or element == "is":
            self.add_value()
            if self.awaits_result or (self.type == "s" and self.measures_texts):
                self.reads_text = True
                self.parser.CharacterDataHandler = self.on_text
        elif element == "f":
            self.awaits_result = self.type != "str"  # the result of a text formula may be empty
        elif element == "row":
            self.end_cell()
            self.row, self.column = int(attributes.get("r", self.row + 1)), 0

    def on_text(self, text: str) -> None:
        if len(self.text) < 100:  # an index has eight digits, and of a result one character is enough
            self.text += text

    def end_cell(self) -> None:
        text = self.text.strip()
        if self.type == "s" and text:
            index = int(text)
            self.text_bytes += self.texts[index] if 0 <= index < len(self.texts) else 0
            if self.text_bytes > MAX_TEXTS_BYTES:
                raise Refused("texts")
        if self.awaits_result and not text:
            self.broken.setdefault(self.row, []).append(self.column)
        self.parser.CharacterDataHandler = None
        self.reads_text, self.text, self.type, self.awaits_result = False, "", None, False

    def add_value(self) -> None:
        self.cells += 1
        row, column = self.row, self.column
        if not (self.first_row <= row <= self.last_row and self.first_column <= column <= self.last_column):
            self.first_row, self.last_row = min(self.first_row, row), max(self.last_row, row)
            self.first_column, self.last_column = min(self.first_column, column), max(self.last_column, column)
            rectangle = (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)
            if rectangle > MAX_CELLS:
                self.refuse_extent()
        if self.cells > MAX_CELLS:
            self.refuse_extent()

    def refuse_extent(self) -> None:
        raise Refused("extent", row=self.last_row, column=self.last_column)


@functools.lru_cache(1000)
def row_number(digits: str) -> int:
    if len(digits) > 7:
        raise ValueError(f"{digits[:20]} is not a row")
    return int(digits)


@functools.cache
def column_number(letters: str) -> int:
    """The number of the column A, B, … XFD."""
    if not (1 <= len(letters) <= 3 and letters.isascii() and letters.isalpha() and letters.isupper()):
        raise ValueError(f"{letters[:20]!r} is not a column")
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
