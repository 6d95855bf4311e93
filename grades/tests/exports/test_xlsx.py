"""exports/xlsx.py: the file equals the table, texts stay texts, and long exports have several sheets."""

import io
import re
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from grades.exports import dispatches_table, write_export, xlsx
from grades.exports.columns import DISPATCH_COLUMNS, RATING_COLUMNS
from grades.models import Account, Grade, ReviewNote

from ..helpers.exported import ABOUT, HEADINGS, as_cells, export, load, read_xlsx, table

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_the_xlsx_equals_the_table_across_batches(many):
    assert read_xlsx(Grade.objects.all()) == [[HEADINGS, *as_cells(table())]]


# --- Cells ----------------------------------------------------------------------------------------


def test_any_text_survives_the_xlsx_unchanged(nasty):
    assert read_xlsx(Grade.objects.all()) == [[HEADINGS, *as_cells(table())]]


def test_a_second_reader_sees_the_same_xlsx(nasty):
    file = io.BytesIO(export("xlsx", Grade.objects.all()))
    rows = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()
    assert rows[1:] == [["" if value is None else value for value in row] for row in table()]


def test_texts_are_text_cells_without_formulas_or_links(nasty):
    sheet = load(Grade.objects.all()).worksheets[0]
    for row in sheet.iter_rows(min_row=2):
        assert {cell.data_type for cell in row if cell.value is not None and cell.column in (1, 5, 7, 9, 10)} == {"s"}
        assert [cell.data_type for cell in row[1:4]] == ["n"] * 3
        assert (row[7].data_type, row[7].number_format) == ("d", "yyyy-mm-dd hh:mm:ss")
        assert not any(cell.hyperlink for cell in row)


@pytest.mark.parametrize(("text", "written"), [("\ufffe", "_xFFFE_"), ("a\uffffb", "a_xFFFF_b")])
def test_a_character_that_xml_lacks_is_escaped(make_grade, text, written):
    make_grade(txt1=text)
    assert load(Grade.objects.all()).worksheets[0]["E2"].value == written


@pytest.mark.parametrize(
    ("day", "data_type"),
    [("0001-01-01", "s"), ("0226-11-01", "s"), ("1899-12-31", "s"), ("1900-01-01", "d"), ("9999-12-31", "d")],
)
def test_a_date_that_excel_cannot_hold_is_a_text(make_account, tmp_path, day, data_type):
    make_account(dispatched_on=day)
    write_export(dispatches_table(Account.objects.all()), ABOUT, "xlsx", tmp_path / "list.xlsx", expected=1)
    cell = load_workbook(tmp_path / "list.xlsx").worksheets[0]["G2"]
    assert (cell.data_type, str(cell.value)[:10]) == (data_type, day)


def test_a_time_that_excel_cannot_hold_is_a_text(make_grade):
    make_grade(insert_time=datetime(226, 11, 1, 12, tzinfo=UTC))
    written = load(Grade.objects.all()).worksheets[0]["H2"].value
    assert isinstance(written, str)
    assert written.startswith("0226-11-01 ")


# --- Sheets ---------------------------------------------------------------------------------------


def test_rows_beyond_a_full_sheet_go_onto_further_sheets(some, monkeypatch):
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 20)
    rows = as_cells(table())
    assert read_xlsx(Grade.objects.all()) == [
        [HEADINGS, *rows[:20]],
        [HEADINGS, *rows[20:40]],
        [HEADINGS, *rows[40:]],
    ]


def test_an_exactly_full_sheet_is_the_only_one(some, monkeypatch):
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 53)
    assert read_xlsx(Grade.objects.all()) == [[HEADINGS, *as_cells(table())]]


def test_ratings_that_arrive_after_the_count_are_exported(some, monkeypatch, make_grade):
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 20)
    make_grade(acc_nbr="late")
    sheets = load(Grade.objects.all(), expected=40).worksheets
    assert [sheet.max_row for sheet in sheets[:-1]] == [21, 35]


def test_each_sheet_has_a_bold_frozen_heading_filter_and_widths(some, monkeypatch):
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 40)
    first, second, _about = load(Grade.objects.all())
    assert (first.title, second.title) == ("ratings 1", "ratings 2")
    for sheet, last in ((first, 41), (second, 14)):
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == f"A1:P{last}"
        assert all(cell.font.bold for cell in sheet[1])
        # openpyxl keeps neighbours of one width together
        groups = [(int(group.width), group.max - group.min + 1) for group in sheet.column_dimensions.values()]
        widths = [width for width, columns in groups for _column in range(columns)]
        assert widths == [width for _name, width, *_rest in RATING_COLUMNS + DISPATCH_COLUMNS]


def test_remarks_and_notes_are_wrapped(make_grade):
    rating = make_grade(txt2="好", txt3="好", review_version=1)
    ReviewNote.objects.create(grade=rating, version=1, text="好")
    sheet = load(Grade.objects.all()).worksheets[0]
    wrapped = [cell.column_letter for cell in sheet[2] if cell.alignment.wrap_text]
    assert wrapped == ["E", "F", "G", "J"]


def test_the_last_sheet_says_what_the_file_has(some):
    about = load(Grade.objects.all()).worksheets[-1]
    rows = list(about.values)
    assert about.title == "About this export"
    assert rows[:4] == [("Item", "Value"), ("rows", 53), ("filter", "review: New"), ("by", "boss")]
    assert rows[4][0] == "at"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d CST", rows[4][1])
    assert (about.freeze_panes, about.auto_filter.ref) == (None, None)
