"""exports/columns.py: which ratings an export has, in which order, zone and language."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from grades.exports import csv_chunks, xlsx_file
from grades.exports.columns import WIDTHS
from grades.models import Grade, GradeQuerySet

from ..helpers.exported import (
    HEADINGS,
    SHANGHAI,
    as_cells,
    as_text,
    parse_csv,
    read_csv,
    read_xlsx,
    table,
    to_the_second,
)

pytestmark = pytest.mark.django_db


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


def test_an_export_reads_in_batches_without_a_query_per_row(many, django_assert_num_queries):
    # keys of 2000, 2000 and 100 ratings, and of none; the rows of each batch, with their reviewers
    with django_assert_num_queries(7):
        list(csv_chunks(Grade.objects.all()))
    # before them the count, which decides how many sheets there are
    with django_assert_num_queries(8):
        xlsx_file(Grade.objects.all()).close()


def test_an_error_during_an_export_is_raised(some, monkeypatch):
    in_batches = GradeQuerySet.in_batches

    def failing(queryset):
        for number, grade in enumerate(in_batches(queryset)):
            if number == 30:
                raise ConnectionError
            yield grade

    monkeypatch.setattr(GradeQuerySet, "in_batches", failing)
    with pytest.raises(ConnectionError):
        xlsx_file(Grade.objects.all())
    with pytest.raises(ConnectionError):
        list(csv_chunks(Grade.objects.all()))


def test_times_are_in_the_time_zone_of_the_site(make_grade):
    make_grade(insert_time=datetime(2026, 11, 1, 16, 30, tzinfo=ZoneInfo("UTC")))
    with timezone.override("America/New_York"):
        assert read_csv(Grade.objects.all())[1][7] == "2026-11-02 00:30:00"
        assert read_xlsx(Grade.objects.all())[0][1][7] == to_the_second(datetime(2026, 11, 2, 0, 30, tzinfo=SHANGHAI))


def test_texts_keep_the_language_of_the_request_while_streaming(make_grade):
    make_grade()
    with translation.override("zh-hans"):
        headings = [str(Grade._meta.get_field(name).verbose_name) for name in WIDTHS]
        state = str(Grade.ReviewState.NEW.label)
        chunks = csv_chunks(Grade.objects.all())
    rows = parse_csv(chunks)
    assert (rows[0], rows[1][8]) == (headings, state)
    assert (headings[0], state) == ("号码", "未处理")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_column_headings_are_unique_in_each_language(make_grade, language):
    # The XLSX writer takes a row as a dict by heading: of two equal headings it would write one.
    make_grade()
    with translation.override(language):
        headings = read_xlsx(Grade.objects.all())[0][0]
    assert len(set(headings)) == len(headings) == 12
