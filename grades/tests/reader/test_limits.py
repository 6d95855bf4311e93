"""The reader's limits: a hostile file is refused before anything large is made of it."""

import pytest

from grades.reader import scan, tables, workbook

from ..helpers.files import TWO_COLUMNS, TWO_HEADINGS, read, refusal, repack
from ..helpers.hostile import FIRST_ROW, cell, one_text_in_many_cells, raw_workbook, two_sheets_of_one_name

DAMAGED = "The workbook is damaged or is not an Excel file. Save it again as .xlsx."
TOO_MANY_CELLS = "The workbook has too many cells or texts: split it, or save it as .csv."
TOO_MUCH_TEXT = "The cells of the workbook hold too much text: split it, or save it as .csv."
TOO_MANY_PARTS = "The workbook has too many parts. Copy the list into a new workbook."
UNPACKED = "The workbook unpacks to too much data: split it, or save it as .csv."
SAME_NAME = "Two sheets of the workbook have the same name: rename one of them."


def row(number, *cells):
    return f'<row r="{number}">{"".join(cells)}</row>'


def shared(reference, index=0):
    return f'<c r="{reference}" t="s"><v>{index}</v></c>'


# --- Workbooks ------------------------------------------------------------------------------------


def test_a_raw_workbook_is_read():
    texts = ["<si><t>王</t></si><si><t>1</t></si>"]
    content = raw_workbook(FIRST_ROW + row(2, shared("A2", 1), shared("B2")), texts=texts)
    assert read(content, "list.xlsx") == (TWO_HEADINGS, [(2, ["1", "王"])])


def test_two_sheets_of_one_name_are_refused():
    content = two_sheets_of_one_name()
    assert len(content) < 2000
    assert refusal(content, "list.xlsx") == SAME_NAME
    assert refusal(raw_workbook(FIRST_ROW, FIRST_ROW, names=["List", "list"]), "list.xlsx") == SAME_NAME


def test_two_sheets_of_one_part_are_refused():
    def point_twice(name, content):
        return content.replace(b"sheet2.xml", b"sheet1.xml") if name.endswith(".rels") else content

    assert refusal(repack(raw_workbook("", FIRST_ROW), point_twice), "list.xlsx") == DAMAGED


def test_a_text_is_counted_once_for_each_of_its_cells(monkeypatch):
    assert refusal(one_text_in_many_cells(), "list.xlsx") == TOO_MUCH_TEXT
    monkeypatch.setattr(scan, "MAX_TEXTS_BYTES", 50)
    texts = [f"<si><t>{'王' * 5}</t></si><si><t/></si>"]  # 15 bytes
    three = FIRST_ROW + row(2, *(shared(f"{letter}2") for letter in "ABC"), shared("D2", 1))
    assert len(read(raw_workbook(three, texts=texts), "list.xlsx")[1]) == 1
    assert refusal(raw_workbook(three + row(3, shared("A3")), texts=texts), "list.xlsx") == TOO_MUCH_TEXT


def test_an_index_across_two_chunks_is_read(monkeypatch):
    monkeypatch.setattr(scan, "MAX_TEXTS_BYTES", 50)
    texts = ["<si/>" * 123, "<si><t>123456789</t></si>"]
    for size in (1, 2, 7):
        monkeypatch.setattr(scan, "CHUNK_BYTES", size)
        sheet = FIRST_ROW + "".join(row(number, shared(f"A{number}", 123)) for number in range(2, 7))
        assert len(read(raw_workbook(sheet, texts=texts), "list.xlsx")[1]) == 5
        sheet += row(7, shared("A7", 123))
        assert refusal(raw_workbook(sheet, texts=texts), "list.xlsx") == TOO_MUCH_TEXT


def test_a_text_has_the_length_that_excel_allows():
    def with_text(text):
        return raw_workbook(FIRST_ROW + row(2, shared("A2")), texts=[f"<si><r><t>{text}</t></r><r><t>x</t></r></si>"])

    longest = "😀" * 32_767
    assert read(with_text(longest), "list.xlsx")[1] == [(2, [f"{longest}x", ""])]
    assert refusal(with_text(longest + "😀"), "list.xlsx") == (
        "A cell of the workbook has more than 131072 bytes of text: shorten it."
    )


def test_the_number_of_texts_is_limited(monkeypatch):
    monkeypatch.setattr(scan, "MAX_CELLS", 100)
    assert refusal(raw_workbook(FIRST_ROW, texts=["<x:si/>" * 101]), "list.xlsx") == TOO_MANY_CELLS
    assert refusal(raw_workbook(FIRST_ROW, texts=["<si/>" * 101]), "list.xlsx") == TOO_MANY_CELLS
    assert read(raw_workbook(FIRST_ROW, texts=["<si/>" * 100]), "list.xlsx")[0] == TWO_HEADINGS


@pytest.mark.parametrize("place", ["sheet", "texts"])
def test_the_number_of_tags_is_limited_before_they_are_parsed(monkeypatch, place):
    monkeypatch.setattr(workbook, "MAX_TAGS", 1000)
    many = "<a/>" * 1000
    content = raw_workbook(FIRST_ROW + many) if place == "sheet" else raw_workbook(FIRST_ROW, texts=[many])
    assert refusal(content, "list.xlsx") == TOO_MANY_CELLS


def test_the_number_of_cells_is_limited(monkeypatch):
    monkeypatch.setattr(scan, "MAX_CELLS", 10)
    assert refusal(raw_workbook(FIRST_ROW + row(2, *[cell("A2")] * 9)), "list.xlsx") == (
        "The sheet reaches to row 2, column 2. Delete the cells outside the list."
    )


def test_the_number_of_parts_is_limited():
    content = raw_workbook(FIRST_ROW, more=[(f"xl/media/{number}.png", b"") for number in range(10_000)])
    assert refusal(content, "list.xlsx") == TOO_MANY_PARTS


@pytest.mark.parametrize("name", ["xl/styles.xml", "xl/Styles.xml", "_rels/.RELS"])
def test_a_part_that_is_not_scanned_is_limited(name):
    content = raw_workbook(FIRST_ROW, more=[(name, b" " * ((32 << 20) + 1))])
    assert refusal(content, "list.xlsx") == UNPACKED


@pytest.mark.parametrize("reference", ["A", "1", "a1", "AAAA1", "A12345678", "Ä1", "A١", "A-1", "A1A", " A1"])
def test_a_malformed_reference_is_refused(reference):
    assert refusal(raw_workbook(FIRST_ROW + row(2, cell(reference))), "list.xlsx") == DAMAGED


def test_a_formula_whose_result_is_blank_has_no_result():
    def formula(result):
        return raw_workbook(FIRST_ROW + row(2, cell("A2"), f'<c r="B2"><f>1</f><v>{result}</v>\n</c>\n'))

    assert read(formula("7"), "list.xlsx")[1] == [(2, ["x", 7])]
    assert read(formula(""), "list.xlsx")[1] == [(2, ["x", tables.BROKEN_CELL])]


# --- CSV ------------------------------------------------------------------------------------------


def test_blank_rows_are_limited(monkeypatch):
    assert tables.MAX_BLANK_ROWS == 1_048_576  # Excel fills a saved file with blank rows up to this
    monkeypatch.setattr(tables, "MAX_BLANK_ROWS", 5)
    for blank in (b"\n", b" ,\n"):
        for content in (blank * 6 + TWO_COLUMNS.encode(), TWO_COLUMNS.encode() + blank * 6):
            assert refusal(content, "list.csv") == "The file has more than 5 blank rows: delete them."
    assert len(read(TWO_COLUMNS.encode() + b"\n" * 5 + b"139,x\n", "list.csv")[1]) == 2


def test_a_csv_file_has_as_many_columns_as_excel():
    wide = TWO_COLUMNS.encode() + b"x" + b"," * 16_383
    assert len(read(wide, "list.csv")[1][1][1]) == 16_384
    assert refusal(wide + b",", "list.csv") == "Row 3 has more than 16384 cells."
    assert refusal(b"," * 16_384, "list.csv") == "Row 1 has more than 16384 cells."
