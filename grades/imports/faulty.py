"""The faulty rows of a dispatch list as a workbook: what stands in the file, and why it is refused."""

import tempfile
from typing import IO, cast

from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheet

from .accounts import ImportResult


def faulty_rows(result: ImportResult) -> IO[bytes]:
    """An XLSX file, open at its beginning: row number and reasons, then the row as the file has it, all as text."""
    row_heading, problem = _("Row"), _("Problem")
    # The headings of the file may repeat these two: a blank at the end keeps the columns apart.
    headings = [f"{heading} " if heading in (row_heading, problem) else heading for heading in result.headings]
    records = (
        {
            row_heading: number,
            problem: "\n".join(f"{column}: {reason}" if column else reason for column, reason in row.reasons),
            **dict(zip(headings, row.cells, strict=True)),
        }
        for number, row in result.faulty.items()
    )
    file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller closes it
    write_worksheet(
        records,
        file.name,
        _("Faulty rows"),
        header_format=Format().set_bold(),
        freeze_row=1,
        autofilter=True,
        column_widths=[8, 60, *[18] * len(headings)],
        column_formats={problem: Format().set_text_wrap()},
        ignore_errors=headings,
    )
    return cast(IO[bytes], file)
