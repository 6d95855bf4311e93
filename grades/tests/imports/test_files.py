"""Which files are accepted: name and content."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile

from grades.imports import COMMAND
from grades.imports.files import open_table

from ..helpers.files import TWO_COLUMNS, TWO_HEADINGS, make_workbook, refusal, workbook_of

OLD_OR_LOCKED = "This is an old Excel file (.xls) or one with a password: save it as .xlsx without a password."
OTHER_CONTENT = "The content of the file does not match its name. Save it again as .xlsx or .csv."
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "list.csv", "The file is empty."),
        (b"", "list.xlsx", "The file is empty."),
        (b"\xef\xbb\xbf", "list.csv", "The file is empty."),
        (b"\n , \n", "list.csv", "The file is empty."),
        (make_workbook(lambda book: None), "list.xlsx", "The file is empty."),
        (OLE + bytes(504), "list.xls", OLD_OR_LOCKED),
        (OLE + bytes(504), "list.xlsx", OLD_OR_LOCKED),
        (TWO_COLUMNS.encode(), "list.xls", OLD_OR_LOCKED),
        (TWO_COLUMNS.encode(), "list.xlsx", OTHER_CONTENT),
        (workbook_of(), "list.csv", OTHER_CONTENT),
        (PNG, "list.csv", "The file is not text: save it as “CSV UTF-8” or as .xlsx."),
        (PNG, "list.png", "Only .xlsx and .csv files can be imported: save it as one of these."),
        (TWO_COLUMNS.encode(), "list", "Only .xlsx and .csv files can be imported: save it as one of these."),
        (workbook_of()[:1000], "list.xlsx", "The workbook is damaged or is not an Excel file. Save it again as .xlsx."),
    ],
    # The processes of pytest-xdist must have the same names, and a workbook holds the time.
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_a_refused_file_gets_a_message_with_advice(content, name, message):
    assert refusal(content, name) == message


def test_the_file_stays_open_and_can_be_read_again():
    for upload in (
        SimpleUploadedFile("list.csv", TWO_COLUMNS.encode()),
        TemporaryUploadedFile("list.csv", "", 0, None),
    ):
        if not upload.size:
            upload.write(TWO_COLUMNS.encode())
        for _time in range(2):
            with open_table(upload, "list.csv", TWO_HEADINGS, COMMAND) as table:
                for _pass in range(3):
                    assert [*table.rows()] == [[2, ["138", "王小明"]]]
        assert not upload.closed
        upload.close()
