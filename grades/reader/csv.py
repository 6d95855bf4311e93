"""CSV files: encoding, separator, rows."""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from typing import IO

from .tables import Refused, Row, Table, below_headings, read_headings

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CHUNK_BYTES = 1 << 20
# Excel's own limit.
MAX_COLUMNS = 1 << 14


def open_csv(file: IO[bytes], known: Collection[str]) -> Table:
    """The table in a CSV file. Its separator is the one that gives the most headings of `known`, casefolded names."""
    encoding, lines = detect_encoding(file)

    def headings(separator: str) -> list[str]:
        return read_headings(csv_rows(file, encoding, separator))

    # If no heading is known, every separator is equal and max returns the first, so the error message that
    # lists the missing columns is about a comma-separated file.
    separator = max(",\t;", key=lambda one: sum(heading.casefold() in known for heading in headings(one)))
    return Table(headings(separator), lambda: below_headings(csv_rows(file, encoding, separator)), lines)


def csv_rows(file: IO[bytes], encoding: str, separator: str) -> Iterator[Row]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, delimiter=separator, strict=True), 1):
            if len(cells) > MAX_COLUMNS:
                raise Refused("columns", row=number, limit=MAX_COLUMNS)
            yield number, cells
    except csv.Error as error:
        raise Refused("quotation mark", row=number + 1) from error
    finally:
        if not file.closed:
            text.detach()  # otherwise the wrapper would close the caller's file


def detect_encoding(file: IO[bytes]) -> tuple[str, int]:
    """An encoding in which the whole file is valid, and the number of its lines."""
    file.seek(0)
    head = file.read(4)
    if head.startswith(UTF_16):
        raise Refused("utf-16")
    lines, decoded, error = try_encoding(file, "utf-8-sig")
    if error is None:
        return "utf-8-sig", lines
    # Nearly any bytes are valid GB18030. A real GB18030 file fails as UTF-8 after one or two characters. A
    # file that is valid for longer is damaged UTF-8, and GB18030 would turn it into other characters.
    if not head.startswith(codecs.BOM_UTF8) and decoded < 20:
        lines, decoded, gb_error = try_encoding(file, "gb18030")
        if gb_error is None:
            return "gb18030", lines
    raise Refused("encoding", line=lines) from error


def try_encoding(file: IO[bytes], encoding: str) -> tuple[int, int, UnicodeDecodeError | None]:
    """Decode the file up to the first error; returns (lines, characters beyond ASCII, error or None)."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    lines, wide = 1, 0
    error: UnicodeDecodeError | None = None
    while True:
        chunk = file.read(CHUNK_BYTES)
        if b"\0" in chunk:
            raise Refused("not text")
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as failure:
            # `failure.object` includes the bytes that the decoder kept from the chunk before.
            text, error = failure.object[: failure.start].decode(encoding), failure
        lines += text.count("\n")
        if not text.isascii():
            wide += len(text) - len(text.encode("ascii", "ignore"))
        if error or not chunk:
            return lines, wide, error
