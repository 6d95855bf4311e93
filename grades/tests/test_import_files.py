"""Which files are taken, what decides that, and that a strange one ends in one clear line."""

import io
import random
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.utils import translation

from grades.imports import files
from grades.imports.files import BROKEN_CELL, ImportFailed, open_table

HEADINGS = ["号码", "姓名"]
HALF_PAST_EIGHT = datetime.fromisoformat("2026-11-01 08:30")


def read(content, name):
    """(headings, [(row, cells) …]) of a file, in English."""
    with translation.override("en"):
        table = open_table(io.BytesIO(content), name, HEADINGS.__contains__)
        return table.headings, list(table.rows())


def refusal(content, name):
    with pytest.raises(ImportFailed) as caught:
        read(content, name)
    return str(caught.value)


def workbook(fill):
    """An XLSX file as bytes, `fill` having put something into it."""
    book = openpyxl.Workbook()
    fill(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def list_workbook(*rows):
    def fill(book):
        for row in (HEADINGS, *rows):
            book.active.append(row)

    return workbook(fill)


def repack(content, change, **options):
    """The zip `content` with each member's bytes passed through `change(name, bytes)`."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return file.getvalue()


TEXT = "号码,姓名\n138,王小明\n"


# --- Text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("name", ["list.csv", "LIST.CSV", "list.txt"])
def test_text_is_read_in_each_encoding_that_spreadsheets_write(encoding, name):
    assert read(TEXT.encode(encoding), name) == (HEADINGS, [(2, ["138", "王小明"])])


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_separator_is_the_one_that_makes_the_headings_known(separator):
    content = TEXT.replace(",", separator).replace("王", "王|").encode()
    assert read(content, "list.csv") == (HEADINGS, [(2, ["138", "王|小明"])])


def test_rows_are_numbered_as_a_spreadsheet_does_and_blank_ones_are_skipped():
    content = '号码,姓名\r\n\r\n138,"王\r\n小明"\r\n , \r\n139,李雷'.encode()
    assert read(content, "list.csv")[1] == [(3, ["138", "王\r\n小明"]), (5, ["139", "李雷"])]


def test_a_character_across_the_border_of_two_reads_is_one_character():
    names = "明" * (1 << 19)  # 1.5 MB, and no multiple of three bytes before it
    for encoding in ("utf-8", "gb18030"):
        content = ("号码,姓名\n1," + "\n1,".join(names[i : i + 1000] for i in range(0, len(names), 1000))).encode(
            encoding
        )
        assert "".join(cells[1] for _number, cells in read(content, "list.csv")[1]) == names


def test_a_damaged_utf_8_file_is_not_taken_for_gb18030():
    damaged = ("号码,姓名\n" + "138,王小明\n" * 20).encode() + b"139,\xe7\x8e\n"
    assert damaged.decode("gb18030", "replace")
    for content in (damaged, b"\xef\xbb\xbf" + damaged):
        assert refusal(content, "list.csv") == (
            "Line 22 holds a character that is neither UTF-8 nor GB18030: save the file as “CSV UTF-8” or .xlsx."
        )


def test_text_in_no_known_encoding_is_refused_with_its_line():
    assert refusal("号码,姓名\n138,".encode("gb18030") + b"\xff\xff\n", "list.csv") == (
        "Line 2 holds a character that is neither UTF-8 nor GB18030: save the file as “CSV UTF-8” or .xlsx."
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_refused_and_says_what_to_do(encoding):
    message = refusal(TEXT.encode(encoding), "list.csv")
    assert message in {
        "The file is “Unicode text” (UTF-16): save it as “CSV UTF-8” or as .xlsx.",
        "The file is not text: save it as “CSV UTF-8” or as .xlsx.",  # without a byte order mark
    }


@pytest.mark.parametrize(
    ("text", "row"), [('138,"王小明\n139,李雷\n', 2), ('138,王\n139,"李"雷\n', 3), (f'138,"{"王" * 200_000}"\n', 2)]
)
def test_a_quotation_mark_gone_astray_is_refused_with_its_row(text, row):
    assert refusal(f"号码,姓名\n{text}".encode(), "list.csv") == (
        f"Row {row} cannot be read: a quotation mark is not closed or stands inside a value."
    )


def test_the_file_stays_open_for_its_owner_and_can_be_read_again():
    for upload in (SimpleUploadedFile("list.csv", TEXT.encode()), TemporaryUploadedFile("list.csv", "", 0, None)):
        if not upload.size:
            upload.write(TEXT.encode())
        table = open_table(upload, "list.csv", HEADINGS.__contains__)
        for _time in range(2):
            rows = table.rows()
            assert next(rows) == (2, ["138", "王小明"])
            rows.close()
        assert not upload.closed
        upload.close()


# --- Workbooks ------------------------------------------------------------------------------------


def test_cells_keep_the_types_that_excel_gave_them():
    content = list_workbook([13800138000, date(2026, 11, 1)], [1.5, HALF_PAST_EIGHT], ["138", True])
    assert read(content, "list.xlsx") == (
        HEADINGS,
        [(2, [13800138000, date(2026, 11, 1)]), (3, [1.5, HALF_PAST_EIGHT]), (4, ["138", True])],
    )


def test_the_first_visible_sheet_with_content_is_read_wherever_its_table_begins():
    def fill(book):
        book.active.title = "empty"
        hidden = book.create_sheet("hidden")
        hidden["A1"] = "nothing for us"
        hidden.sheet_state = "hidden"
        sheet = book.create_sheet("list")
        sheet["C3"], sheet["D3"], sheet["C6"] = "号码", "姓名", "138"
        book.create_sheet("notes")["A1"] = "thanks"

    assert read(workbook(fill), "list.xlsx") == (HEADINGS, [(6, ["138", ""])])


def test_an_error_or_a_formula_without_its_result_is_not_an_empty_cell():
    def fill(book):
        sheet = book.active
        for row in (HEADINGS, ["138", "#N/A"], ["139", "=A2"], ["140", "李雷"], ["=A2", None]):
            sheet.append(row)
        sheet["B2"].data_type = "e"

    assert read(workbook(fill), "list.xlsx")[1] == [
        (2, ["138", BROKEN_CELL]),
        (3, ["139", BROKEN_CELL]),
        (4, ["140", "李雷"]),
        (5, [BROKEN_CELL, None]),
    ]


def test_the_result_of_a_formula_is_its_value():
    def add_results(name, content):
        return content.replace(b"<f>A2</f><v />", b"<f>A2</f><v>138</v>").replace(
            b"<f>A2</f><v></v>", b"<f>A2</f><v>138</v>"
        )

    content = repack(list_workbook(["138", "=A2"]), add_results)
    assert read(content, "list.xlsx")[1] == [(2, ["138", 138])]


def test_a_value_in_the_last_cell_of_a_sheet_is_refused_before_it_takes_all_memory():
    def fill(book):
        book.active.append(HEADINGS)
        book.active["XFD1048576"] = "x"

    assert refusal(workbook(fill), "list.xlsx") == (
        "The sheet reaches to row 1048576, column 16384: delete what is not part of the list."
    )


def test_a_far_cell_that_does_not_say_where_it_is_counts_too():
    def push_out(name, content):
        if name == "xl/worksheets/sheet1.xml":
            row = b'<row r="1048576">' + b'<c t="n"><v>1</v></c>' * 5000 + b"</row></sheetData>"
            return content.replace(b"</sheetData>", row)
        return content

    assert refusal(repack(list_workbook(), push_out), "list.xlsx") == (
        "The sheet reaches to row 1048576, column 10: delete what is not part of the list."
    )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 1_000_000)
    content = repack(list_workbook(["138", "x"]), lambda name, old: old + b" " * 1_000_000)
    assert len(content) < 100_000
    assert refusal(content, "list.xlsx") == "The workbook unpacks to too much data: split it, or save it as .csv."


def test_a_workbook_with_a_document_type_is_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>'
    content = repack(list_workbook(), lambda name, old: old.replace(b"<worksheet", bomb + b"<worksheet", 1))
    assert refusal(content, "list.xlsx") == "The workbook is damaged or is no Excel file: save it again as .xlsx."


def test_an_encrypted_zip_is_refused():
    content = bytearray(list_workbook())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at = archive.start_dir
    content[at + 8] |= 1  # the flag of the first member in the directory
    assert refusal(bytes(content), "list.xlsx") == "The file has a password: save it without one."


def test_damage_anywhere_in_a_workbook_never_ends_in_another_error():
    whole = list_workbook(*([f"138{i}", f"客户{i}"] for i in range(50)))
    chance = random.Random(1)
    outcomes = set()
    for _time in range(300):
        content = bytearray(whole)
        for _byte in range(chance.randint(1, 4)):
            content[chance.randrange(4, len(content))] = chance.randrange(256)
        if chance.random() < 0.2:
            content = content[: chance.randrange(8, len(content))]
        try:
            outcomes.add(len(read(bytes(content), "list.xlsx")[1]))
        except ImportFailed as failure:
            outcomes.add(str(failure))
    assert "The workbook is damaged or is no Excel file: save it again as .xlsx." in outcomes


# --- Name and content -----------------------------------------------------------------------------

OLD_OR_LOCKED = "This is an old Excel file (.xls) or one with a password: save it as .xlsx without a password."
OTHER_CONTENT = "The content of the file is not what its name says: save it again as .xlsx or .csv."
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "list.csv", "The file is empty."),
        (b"", "list.xlsx", "The file is empty."),
        (b"\xef\xbb\xbf", "list.csv", "The file is empty."),
        (b"\n , \n", "list.csv", "The file is empty."),
        (workbook(lambda book: None), "list.xlsx", "The file is empty."),
        (files.OLE + bytes(504), "list.xls", OLD_OR_LOCKED),
        (files.OLE + bytes(504), "list.xlsx", OLD_OR_LOCKED),
        (TEXT.encode(), "list.xls", OLD_OR_LOCKED),
        (TEXT.encode(), "list.xlsx", OTHER_CONTENT),
        (list_workbook(), "list.csv", OTHER_CONTENT),
        (PNG, "list.csv", "The file is not text: save it as “CSV UTF-8” or as .xlsx."),
        (PNG, "list.png", "Only .xlsx and .csv files can be imported: save it as one of these."),
        (TEXT.encode(), "list", "Only .xlsx and .csv files can be imported: save it as one of these."),
        (list_workbook()[:1000], "list.xlsx", "The workbook is damaged or is no Excel file: save it again as .xlsx."),
    ],
)
def test_content_and_name_must_agree_and_a_refusal_says_what_to_do(content, name, message):
    assert refusal(content, name) == message


def test_a_zip_that_is_no_workbook_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("list.csv", TEXT)
    assert refusal(file.getvalue(), "list.xlsx") == (
        "The workbook is damaged or is no Excel file: save it again as .xlsx."
    )
