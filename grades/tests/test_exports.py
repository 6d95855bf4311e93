"""exports: the file equals the table, to the letter, however many rows and whatever they say."""

import csv
import io
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from grades import exports
from grades.models import Grade

pytestmark = pytest.mark.django_db

HEADINGS = [
    "account number",
    "grade 1",
    "grade 2",
    "grade 3",
    "remark 1",
    "remark 2",
    "remark 3",
    "submitted at",
    "review",
    "review note",
    "reviewed by",
    "reviewed at",
]
SHANGHAI = ZoneInfo("Asia/Shanghai")

# What has broken exports before: formulas, links, numbers, escapes, line ends, characters that XML lacks.
NASTY = [
    "=1+1",
    "+8613800138000",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "https://example.com/?a=1&b=2",
    "mailto:a@example.com",
    "00123",
    "1e5",
    "TRUE",
    "2026-11-01",
    "_x000D_",
    "_x0041_",
    "_x005F_x000D_",
    "a_xFFFE_b",
    "line one\nline two",
    "line one\r\nline two",
    "lone\rreturn",
    "  spaces around  ",
    '"quoted", with; separators',
    "<b>&amp;]]></b>",
    "\x7f\x85\u2028",
    "😀👨‍👩‍👧🇨🇳",
    "好" * 500,
    "😀" * 500,
    "'already quoted",
]


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def to_the_second(moment):
    return moment and moment.astimezone(SHANGHAI).replace(tzinfo=None, microsecond=0)


def table():
    """Every rating as the files should have it, by a query of its own."""
    return [
        [
            grade.acc_nbr,
            grade.grade1,
            grade.grade2,
            grade.grade3,
            grade.txt1,
            grade.txt2,
            grade.txt3,
            to_the_second(grade.insert_time),
            grade.get_review_state_display(),
            grade.review_note,
            grade.reviewer.username if grade.reviewer else "",
            to_the_second(grade.reviewed_at),
        ]
        for grade in Grade.objects.select_related("reviewer").order_by("-insert_time", "-id")
    ]


def read_xlsx(queryset):
    """The sheets of the XLSX of `queryset`, as openpyxl reads them, with the format's escapes resolved."""
    with exports.xlsx_file(queryset) as file:
        workbook = load_workbook(file)
    return [
        [[unescape(value) if isinstance(value, str) else value for value in row] for row in sheet.values]
        for sheet in workbook
    ]


def read_csv(queryset):
    text = b"".join(exports.csv_chunks(queryset)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def as_cells(rows):
    """The table as a spreadsheet has it: no empty texts, only empty cells."""
    return [[None if value == "" else value for value in row] for row in rows]


def as_text(rows):
    """The table as the CSV has it, without the guard before formulas."""
    return [["" if value is None else str(value) for value in row] for row in rows]


def make_grades(count, reviewer):
    """`count` ratings in runs of equal times; every seventh is closed."""
    start = datetime(2026, 11, 1, 8, tzinfo=SHANGHAI)
    Grade.objects.bulk_create(
        Grade(
            acc_nbr=f"{number:011d}",
            grade1=number % 5 + 1,
            grade2=5,
            grade3=4,
            txt1=f"remark {number}" if number % 3 else "",
            insert_time=start - timedelta(seconds=number // 700),
            **({"review_state": "closed", "reviewer": reviewer, "reviewed_at": start} if number % 7 == 0 else {}),
        )
        for number in range(count)
    )


@pytest.fixture
def many(superuser):
    """5,300 ratings: more than two batches, with runs of equal times across the batches' edges."""
    make_grades(5300, superuser)


@pytest.fixture
def some(superuser):
    make_grades(53, superuser)


# --- The whole table ------------------------------------------------------------------------------


def test_the_xlsx_equals_the_table_over_the_batches_edges(many):
    assert read_xlsx(Grade.objects.all()) == [[HEADINGS, *as_cells(table())]]


def test_the_csv_equals_the_table_over_the_batches_edges(many):
    assert read_csv(Grade.objects.all()) == [HEADINGS, *as_text(table())]


def test_an_export_asks_for_a_batch_at_a_time_and_nothing_per_row(many, django_assert_num_queries):
    # which rows: 2000, 2000, 1300 and the empty rest; three times those rows, with their reviewers
    with django_assert_num_queries(7):
        list(exports.csv_chunks(Grade.objects.all()))
    # the count for the sheets before them
    with django_assert_num_queries(8):
        exports.xlsx_file(Grade.objects.all()).close()


def test_the_csv_comes_in_chunks_of_some_hundred_rows(many):
    chunks = list(exports.csv_chunks(Grade.objects.all()))
    assert len(chunks) == 12
    assert max(map(len, chunks)) < 100_000


@pytest.mark.parametrize(
    "narrow",
    [
        lambda grades: grades.filter(review_state="closed", lowest_grade__lte=2).select_related("reviewer"),
        lambda grades: grades.order_by("acc_nbr", "grade1"),
        lambda grades: grades.order_by("txt1")[10:40],
        lambda grades: grades.filter(acc_nbr__in=["00000000001", "00000000050"]).distinct(),
        lambda grades: grades.none(),
    ],
    ids=["filtered", "ordered", "sliced", "distinct", "empty"],
)
def test_any_selection_is_exported_whole_and_newest_first(some, narrow):
    chosen = set(narrow(Grade.objects.all()).values_list("acc_nbr", flat=True))
    rows = [row for row in table() if row[0] in chosen]
    assert read_csv(narrow(Grade.objects.all())) == [HEADINGS, *as_text(rows)]
    assert read_xlsx(narrow(Grade.objects.all())) == [[HEADINGS, *as_cells(rows)]]


# --- What the cells say ---------------------------------------------------------------------------


@pytest.fixture
def nasty(make_grade):
    for number, text in enumerate(NASTY):
        make_grade(acc_nbr=f"00{number}", txt1=text, txt2="", txt3=text, review_note=text)
    make_grade(acc_nbr="+8613800138000")


def test_any_text_comes_back_from_the_xlsx_to_the_letter(nasty):
    assert read_xlsx(Grade.objects.all()) == [[HEADINGS, *as_cells(table())]]


def test_a_second_reader_sees_the_same_xlsx(nasty):
    with exports.xlsx_file(Grade.objects.all()) as file:
        rows = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()
    assert rows[1:] == [["" if value is None else value for value in row] for row in table()]


def test_texts_are_text_cells_and_neither_formulas_nor_links(nasty):
    with exports.xlsx_file(Grade.objects.all()) as file:
        sheet = load_workbook(file).active
    for row in sheet.iter_rows(min_row=2):
        assert {cell.data_type for cell in row if cell.value is not None and cell.column in (1, 5, 7, 9, 10)} == {"s"}
        assert [cell.data_type for cell in row[1:4]] == ["n"] * 3
        assert (row[7].data_type, row[7].number_format) == ("d", "yyyy-mm-dd hh:mm:ss")
        assert not any(cell.hyperlink for cell in row)


@pytest.mark.parametrize(("text", "written"), [("\ufffe", "_xFFFE_"), ("a\uffffb", "a_xFFFF_b")])
def test_a_character_that_xml_lacks_does_not_break_the_xlsx(make_grade, text, written):
    make_grade(txt1=text)
    with exports.xlsx_file(Grade.objects.all()) as file:
        assert load_workbook(file).active["E2"].value == written


def test_a_cell_of_the_csv_never_starts_a_formula(nasty):
    rows = read_csv(Grade.objects.all())
    assert not [cell for row in rows for cell in row if cell.startswith(exports.FORMULA_STARTS)]
    guarded = [
        [f"'{cell}" if cell.startswith(exports.FORMULA_STARTS) else cell for cell in row] for row in as_text(table())
    ]
    assert rows[1:] == guarded
    assert "'+8613800138000" in [row[0] for row in rows]


def test_the_bytes_of_the_csv(make_grade, superuser):
    grade = make_grade(
        insert_time=datetime(2026, 11, 1, 16, 30, 5, 999999, ZoneInfo("UTC")), txt1="很好,\n谢谢", txt2="=1+1"
    )
    Grade.objects.filter(pk=grade.pk).update(
        review_state="closed", reviewer=superuser, reviewed_at=datetime(2026, 11, 2, 0, 0, 0, 0, SHANGHAI)
    )
    assert (
        b"".join(exports.csv_chunks(Grade.objects.all()))
        == (
            "\ufeffaccount number,grade 1,grade 2,grade 3,remark 1,remark 2,remark 3,"
            "submitted at,review,review note,reviewed by,reviewed at\r\n"
            '13800138000,5,4,3,"很好,\n谢谢",\'=1+1,,'
            "2026-11-02 00:30:05,Closed,,boss,2026-11-02 00:00:00\r\n"
        ).encode()
    )


def test_the_times_are_the_sites_whatever_the_users_zone(make_grade):
    make_grade(insert_time=datetime(2026, 11, 1, 16, 30, tzinfo=ZoneInfo("UTC")))
    with timezone.override("America/New_York"):
        assert read_csv(Grade.objects.all())[1][7] == "2026-11-02 00:30:00"
        assert read_xlsx(Grade.objects.all())[0][1][7] == to_the_second(datetime(2026, 11, 2, 0, 30, tzinfo=SHANGHAI))


def test_the_language_is_that_of_the_request_though_the_stream_runs_after_it(make_grade):
    make_grade()
    with translation.override("zh-hans"):
        headings = [str(Grade._meta.get_field(name).verbose_name) for name in exports.WIDTHS]
        state = str(Grade.ReviewState.NEW.label)
        chunks = exports.csv_chunks(Grade.objects.all())
    rows = list(csv.reader(io.StringIO(b"".join(chunks).decode("utf-8-sig"), newline="")))
    assert (rows[0], rows[1][8]) == (headings, state)
    assert (headings[0], state) == ("号码", "未处理")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_no_two_columns_have_the_same_heading(make_grade, language):
    # the XLSX writer takes rows by heading: of two that are equal it would write one
    make_grade()
    with translation.override(language):
        headings = read_xlsx(Grade.objects.all())[0][0]
    assert len(set(headings)) == len(headings) == 12


# --- The sheets -----------------------------------------------------------------------------------


def test_more_rows_than_a_sheet_holds_go_onto_further_sheets(some, monkeypatch):
    monkeypatch.setattr(exports, "SHEET_ROWS", 20)
    rows = as_cells(table())
    assert read_xlsx(Grade.objects.all()) == [
        [HEADINGS, *rows[:20]],
        [HEADINGS, *rows[20:40]],
        [HEADINGS, *rows[40:]],
    ]


def test_a_sheet_that_is_just_full_is_followed_by_none(some, monkeypatch):
    monkeypatch.setattr(exports, "SHEET_ROWS", 53)
    assert read_xlsx(Grade.objects.all()) == [[HEADINGS, *as_cells(table())]]


def test_what_comes_in_after_the_sheets_were_counted_is_not_cut(some, monkeypatch, make_grade):
    monkeypatch.setattr(exports, "SHEET_ROWS", 53)
    read_table = exports.read_table

    def read_table_later(queryset):
        make_grade(acc_nbr="late")
        return read_table(queryset)

    monkeypatch.setattr(exports, "read_table", read_table_later)
    rows = read_xlsx(Grade.objects.all())
    assert rows == [[HEADINGS, *as_cells(table())]]
    assert len(rows[0]) == 55


def test_each_sheet_has_a_bold_frozen_heading_a_filter_and_widths(some, monkeypatch):
    monkeypatch.setattr(exports, "SHEET_ROWS", 40)
    with exports.xlsx_file(Grade.objects.all()) as file:
        first, second = load_workbook(file)
    assert (first.title, second.title) == ("ratings 1", "ratings 2")
    for sheet, last in ((first, 41), (second, 14)):
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == f"A1:L{last}"
        assert all(cell.font.bold for cell in sheet[1])
        # openpyxl keeps neighbours of one width together
        groups = [(int(group.width), group.max - group.min + 1) for group in sheet.column_dimensions.values()]
        widths = [width for width, columns in groups for _column in range(columns)]
        assert widths == list(exports.WIDTHS.values())


def test_a_fault_in_the_middle_is_raised_and_leaves_no_short_file(some, monkeypatch):
    in_batches = type(Grade.objects.all()).in_batches

    def failing(queryset):
        for number, grade in enumerate(in_batches(queryset)):
            if number == 30:
                raise ConnectionError
            yield grade

    monkeypatch.setattr(type(Grade.objects.all()), "in_batches", failing)
    with pytest.raises(ConnectionError):
        exports.xlsx_file(Grade.objects.all())
    with pytest.raises(ConnectionError):
        list(exports.csv_chunks(Grade.objects.all()))
