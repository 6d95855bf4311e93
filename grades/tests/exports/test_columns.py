"""exports/columns.py: which rows and columns an export has, in which order, zone and language."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from grades.exports import dispatches_table, ratings_table
from grades.models import Account, Grade, ReviewNote

from ..helpers.exported import (
    HEADINGS,
    SHANGHAI,
    as_cells,
    as_text,
    load,
    read_csv,
    read_xlsx,
    table,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "narrow",
    [
        lambda grades: grades.filter(review_state="closed", lowest_grade__lte=2).select_related("reviewer"),
        lambda grades: grades.order_by("acc_nbr", "grade1"),
        lambda grades: grades.filter(acc_nbr__in=["00000000001", "00000000050"]),
        lambda grades: grades.none(),
    ],
    ids=["filtered", "ordered", "by number", "empty"],
)
def test_any_selection_is_exported_whole_and_newest_first(some, narrow):
    chosen = set(narrow(Grade.objects.all()).values_list("acc_nbr", flat=True))
    rows = [row for row in table() if row[0] in chosen]
    assert read_csv(narrow(Grade.objects.all())) == [HEADINGS, *as_text(rows)]
    assert read_xlsx(narrow(Grade.objects.all())) == [[HEADINGS, *as_cells(rows)]]


def test_an_export_is_one_statement(many, django_assert_num_queries):
    grades = ratings_table(Grade.objects.all())
    with django_assert_num_queries(1):
        assert len(list(grades.rows())) == 4100


# --- The notes of a rating ------------------------------------------------------------------------


def notes():
    return [row[9] for row in read_csv(Grade.objects.all())[1:]]


def test_the_notes_of_a_rating_are_one_text_in_order(make_grade, superuser):
    grade = make_grade(review_note="of before")
    moment = datetime(2026, 11, 1, 16, 30, tzinfo=UTC)
    ReviewNote.objects.create(grade=grade, text="of before", author_name="李", written_at=moment)
    for version, text in ((2, "second\nline"), (1, "first"), (3, "")):
        ReviewNote.objects.create(
            grade=grade, version=version, text=text, author_name="boss", written_at=moment, state="closed"
        )
    make_grade(acc_nbr="other", insert_time=grade.insert_time - timedelta(days=1))
    time = "2026-11-02 00:30:00"
    assert notes() == [f"{time} 李: of before\n{time} boss: first\n{time} boss: second\nline", ""]


def test_a_thread_that_no_cell_can_hold_is_cut_from_its_beginning(make_grade):
    grade = make_grade(review_version=20)
    for version in range(1, 21):
        ReviewNote.objects.create(grade=grade, version=version, text=f"{version:02}" + "很" * 1998, author_name="boss")
    (text,) = notes()
    assert (len(text), text[0]) == (30_000, "…")
    assert text.endswith("很" * 1998)
    assert "boss: 20很" in text
    assert "boss: 06" not in text


# --- The dispatch beside a rating -----------------------------------------------------------------


def dispatches():
    return [row[12:] for row in read_csv(Grade.objects.all())[1:]]


def test_a_rating_has_its_newest_dispatch_of_the_day_or_earlier(make_grade, make_account):
    for day, name in ((3, "later"), (1, "earlier"), (2, "")):
        make_account(acct_id=name or "blank", dispatched_on=date(2026, 11, day), customer_name=name, product="a,b")
    make_account(acct_id="other", acc_nbr="13900139000", dispatched_on=date(2026, 11, 2))
    for hour in (0, 24, 47, 48, -1):  # of the first of November
        make_grade(insert_time=datetime(2026, 11, 1, tzinfo=SHANGHAI) + timedelta(hours=hour))
    assert dispatches() == [
        ["2026-11-03", "later", "城东", "a,b"],
        ["2026-11-02", "", "城东", "a,b"],
        ["2026-11-02", "", "城东", "a,b"],
        ["2026-11-01", "earlier", "城东", "a,b"],
        ["", "", "", ""],
    ]


def test_a_dispatch_is_found_however_its_number_is_written(make_grade, make_account):
    make_account(acc_nbr="+86 138-0013-8000".replace(" ", ""), dispatched_on=date(2026, 1, 1))
    make_grade(acc_nbr="13800138000")
    assert dispatches() == [["2026-01-01", "王小明", "城东", "畅享 129 套餐"]]


def test_of_two_dispatches_of_a_day_the_last_is_taken(make_grade, make_account):
    for acct_id in ("A1", "A2"):
        make_account(acct_id=acct_id, customer_name=acct_id, dispatched_on=date(2026, 1, 1))
    make_grade()
    assert dispatches()[0][1] == "A2"


# --- Times and texts ------------------------------------------------------------------------------


def test_times_are_in_the_time_zone_of_the_site(make_grade):
    make_grade(insert_time=datetime(2026, 11, 1, 16, 30, 59, 999999, tzinfo=UTC))
    with timezone.override("America/New_York"):
        assert read_csv(Grade.objects.all())[1][7] == "2026-11-02 00:30:59"
        assert read_xlsx(Grade.objects.all())[0][1][7] == datetime(2026, 11, 2, 0, 30, 59)  # noqa: DTZ001


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London"])
def test_times_are_right_around_changes_to_summer_time(make_grade, make_account, settings, zone):
    settings.TIME_ZONE = zone
    moments = [
        moment + timedelta(minutes=minutes)
        for moment in (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC),
                       datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC))
        for minutes in (-1441, -1, 0, 29, 30, 600, 1440)
    ]  # fmt: skip
    for day in range(1, 300, 1):
        make_account(acct_id=f"A{day}", dispatched_on=date(2026, 2, 1) + timedelta(days=day))
    for moment in moments:
        make_grade(insert_time=moment)
    expected = sorted(moments, reverse=True)
    rows = read_csv(Grade.objects.all())[1:]
    local = [moment.astimezone(ZoneInfo(zone)) for moment in expected]
    assert [row[7] for row in rows] == [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in local]
    assert [row[12] for row in rows] == [f"{moment:%Y-%m-%d}" for moment in local]


def test_texts_are_in_the_language_of_the_user(make_grade):
    make_grade()
    with translation.override("zh-hans"):
        rows = read_csv(Grade.objects.all())
    assert (rows[0][0], rows[0][8], rows[1][8], rows[0][12]) == ("号码", "跟进状态", "未处理", "派单日期")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_column_headings_are_unique_in_each_language(make_grade, settings, language):
    settings.GRADE_LABELS = settings.REMARK_PROMPTS = ["服务", "服务", "速度"]
    make_grade(txt3="好")
    with translation.override(language):
        rows = list(load(Grade.objects.all()).worksheets[0].values)
    assert rows[0][1:7] == ("服务", "服务 (2)", "速度", "服务 (3)", "服务 (4)", "速度 (2)")
    assert rows[1][1:7] == (5, 4, 3, "服务态度很好", None, "好")


def test_dispatches_have_the_columns_of_the_import(make_account):
    make_account(dispatched_on=date(2026, 1, 1))
    make_account(acct_id="A2", dispatched_on=date(2026, 1, 2), pay_type="prepaid", monthly_fee="0.50")
    dispatches = dispatches_table(Account.objects.all())
    ours = ("id", "number", "last_digits", "rating_count", "lowest_grade", "times_rated", "is_credited")
    fields = [field for field in Account._meta.fields if field.name not in ours]
    assert dispatches.headings() == [str(field.verbose_name) for field in fields]
    rows = [tuple(map(str, row)) for row in dispatches.rows()]
    assert rows == [
        ("13800138000", "王小明", "城东", "畅享 129 套餐", "Prepaid", "在用", "2026-01-02", "0.50", "A2"),
        ("13800138000", "王小明", "城东", "畅享 129 套餐", "Post-paid", "在用", "2026-01-01", "99.00", "A1"),
    ]
