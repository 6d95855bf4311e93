"""Codes as a list, for companies that print by their own tools: CSV and XLSX."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheet

from ..exports.csv import csv_value
from ..models import Account
from .cards import Card

COLUMNS = ("acc_nbr", "customer_name", "area", "product", "dispatched_on")
WIDTHS: list[float] = [20, 16, 16, 24, 14, 32, 64, 14]
CHUNK_ROWS = 500


def headings() -> list[str]:
    fields = {field.name: field for field in Account._meta.fields}
    names = [str(fields[name].verbose_name) for name in COLUMNS]
    return [*names, _("code"), _("link"), _("valid until")]


def values(card: Card) -> list[Any]:
    return [*(getattr(card.dispatch, name) for name in COLUMNS), card.code, card.link, card.last_day]


def csv_list(cards: Iterable[Card]) -> Iterator[bytes]:
    """The list as CSV: UTF-8 with a byte order mark, lines that end in CRLF, without formulas."""
    names = headings()  # here: a streamed response runs the iterator after the language is reset

    def chunks() -> Iterator[bytes]:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        buffer.write("\ufeff")
        writer.writerow(names)
        for number, card in enumerate(cards, 1):
            writer.writerow([csv_value(value) for value in values(card)])
            if number % CHUNK_ROWS == 0:
                yield take(buffer)
        yield take(buffer)

    return chunks()


def take(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def xlsx_list(cards: Iterable[Card]) -> IO[bytes]:
    """The list as XLSX, an open temporary file at its beginning; every text is a text cell."""
    names = headings()
    file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller closes it
    write_worksheet(
        (dict(zip(names, values(card), strict=True)) for card in cards),
        file.name,
        _("codes"),
        header_format=Format().set_bold(),
        freeze_row=1,
        autofilter=True,
        column_widths=WIDTHS,
        datetime_format="yyyy-mm-dd",
        # Account numbers are digits stored as text on purpose: no green corners.
        ignore_errors=[names[0]],
    )
    return cast(IO[bytes], file)
