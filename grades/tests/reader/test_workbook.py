"""XLSX workbooks: types, broken cells, and limits."""

import io
import random
import zipfile
from datetime import date, datetime

from grades.imports import ImportFailed
from grades.reader import workbook
from grades.reader.tables import BROKEN_CELL

from ..helpers.files import TWO_COLUMNS, TWO_HEADINGS, make_workbook, read, refusal, repack, workbook_of

HALF_PAST_EIGHT = datetime.fromisoformat("2026-11-01 08:30")


def test_cells_keep_their_excel_types():
    content = workbook_of([13800138000, date(2026, 11, 1)], [1.5, HALF_PAST_EIGHT], ["138", True])
    assert read(content, "list.xlsx") == (
        TWO_HEADINGS,
        [(2, [13800138000, date(2026, 11, 1)]), (3, [1.5, HALF_PAST_EIGHT]), (4, ["138", True])],
    )


def test_the_first_visible_sheet_with_content_is_read():
    def fill(book):
        book.active.title = "empty"
        hidden = book.create_sheet("hidden")
        hidden["A1"] = "nothing for us"
        hidden.sheet_state = "hidden"
        sheet = book.create_sheet("list")
        sheet["C3"], sheet["D3"], sheet["C6"] = "号码", "姓名", "138"
        book.create_sheet("notes")["A1"] = "thanks"

    assert read(make_workbook(fill), "list.xlsx") == (TWO_HEADINGS, [(6, ["138", ""])])


def test_a_broken_cell_is_not_an_empty_cell():
    def fill(book):
        sheet = book.active
        for row in (TWO_HEADINGS, ["138", "#N/A"], ["139", "=A2"], ["140", "李雷"], ["=A2", None]):
            sheet.append(row)
        sheet["B2"].data_type = "e"

    assert read(make_workbook(fill), "list.xlsx")[1] == [
        (2, ["138", BROKEN_CELL]),
        (3, ["139", BROKEN_CELL]),
        (4, ["140", "李雷"]),
        (5, [BROKEN_CELL, None]),
    ]


def test_a_formula_with_a_result_has_that_value():
    def add_results(name, content):
        return content.replace(b"<f>A2</f><v />", b"<f>A2</f><v>138</v>").replace(
            b"<f>A2</f><v></v>", b"<f>A2</f><v>138</v>"
        )

    content = repack(workbook_of(["138", "=A2"]), add_results)
    assert read(content, "list.xlsx")[1] == [(2, ["138", 138])]


def test_a_value_far_outside_the_list_is_refused():
    def fill(book):
        book.active.append(TWO_HEADINGS)
        book.active["XFD1048576"] = "x"

    assert refusal(make_workbook(fill), "list.xlsx") == (
        "The sheet reaches to row 1048576, column 16384. Delete the cells outside the list."
    )


def test_a_far_cell_without_a_reference_is_refused():
    def push_out(name, content):
        if name == "xl/worksheets/sheet1.xml":
            row = b'<row r="1048576">' + b'<c t="n"><v>1</v></c>' * 5000 + b"</row></sheetData>"
            return content.replace(b"</sheetData>", row)
        return content

    assert refusal(repack(workbook_of(), push_out), "list.xlsx") == (
        "The sheet reaches to row 1048576, column 10. Delete the cells outside the list."
    )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 1_000_000)
    content = repack(workbook_of(["138", "x"]), lambda name, old: old + b" " * 1_000_000)
    assert len(content) < 100_000
    assert refusal(content, "list.xlsx") == "The workbook unpacks to too much data: split it, or save it as .csv."


def test_a_workbook_with_a_document_type_is_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>'
    content = repack(workbook_of(), lambda name, old: old.replace(b"<worksheet", bomb + b"<worksheet", 1))
    assert refusal(content, "list.xlsx") == "The workbook is damaged or is not an Excel file. Save it again as .xlsx."


def test_an_encrypted_zip_is_refused():
    content = bytearray(workbook_of())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at = archive.start_dir
    content[at + 8] |= 1  # the flag of the first member in the directory
    assert refusal(bytes(content), "list.xlsx") == "The file has a password: save it without one."


def test_a_damaged_workbook_is_read_or_refused():
    whole = workbook_of(*([f"138{i}", f"客户{i}"] for i in range(50)))
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
    assert "The workbook is damaged or is not an Excel file. Save it again as .xlsx." in outcomes


def test_a_zip_without_a_workbook_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("list.csv", TWO_COLUMNS)
    assert refusal(file.getvalue(), "list.xlsx") == (
        "The workbook is damaged or is not an Excel file. Save it again as .xlsx."
    )
