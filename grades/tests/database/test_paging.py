"""Bounded counts, prefix ranges and keyset paging."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from grades.database.paging import bounded_count, count_label, key_batches, prefix_range, sorted_keys
from grades.models import Grade

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(("rows", "count"), [(0, 0), (2, 2), (3, 3), (4, 4), (9, 4)])
def test_a_count_is_exact_up_to_its_limit(make_grade, rows, count):
    for _ in range(rows):
        make_grade()
    with CaptureQueriesContext(connection) as queries:
        assert bounded_count(Grade.objects.newest_first(), 3) == count
    (sql,) = (query["sql"] for query in queries.captured_queries)
    assert "LIMIT 4" in sql
    assert "ORDER BY" not in sql


@pytest.mark.parametrize(
    ("count", "label"), [(0, "0"), (1234, "1,234"), (10_000, "10,000"), (10_001, "10,000+"), (99_999, "10,000+")]
)
def test_a_count_above_its_limit_has_a_plus(count, label):
    assert count_label(count) == label


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("a", ["a", "a_b", "ab", "a~"]),
        ("ab", ["ab"]),
        ("A", ["AB"]),
        ("a_", ["a_b"]),
        ("a%", []),
        ("138", ["138", "1380"]),
        ("z", []),
        ("c\ud7ff", ["c\ud7ff1"]),
        ("c\U0010ffff", ["c\U0010ffff1"]),
        ("\U0010ffff", ["\U0010ffff2"]),
    ],
)
def test_a_prefix_range_is_exact(make_grade, prefix, found):
    for acc_nbr in (
        "a",
        "ab",
        "AB",
        "a_b",
        "a~",
        "138",
        "1380",
        "139",
        "b",
        "c\ud7ff1",
        "c\ue000",
        "c\U0010ffff1",
        "d",
        "\U0010ffff2",
    ):
        make_grade(acc_nbr=acc_nbr)
    rows = Grade.objects.filter(prefix_range("acc_nbr", prefix)).values_list("acc_nbr", flat=True)
    assert sorted(rows) == sorted(found)


@pytest.mark.parametrize("size", [1, 3, 7, 8, 100])
def test_key_batches_have_each_key_once_newest_first(make_grade, size):
    """Several rows have the same time, and the ids do not follow the times."""
    for hour in (3, 1, 1, 2, 1, 3, 1):
        make_grade(insert_time=NOON + timedelta(hours=hour))
    expected = list(Grade.objects.newest_first().values_list("pk", flat=True))
    batches = list(key_batches(Grade.objects.all(), "insert_time", size))
    assert [pk for batch in batches for pk in batch] == expected
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert list(key_batches(Grade.objects.filter(acc_nbr="other"), "insert_time", size)) == []


def test_key_batches_keep_their_place_when_rows_come_and_go(make_grade):
    grades = [make_grade(insert_time=NOON + timedelta(hours=hour)) for hour in range(6)]
    batches = key_batches(Grade.objects.all(), "insert_time", 2)
    assert next(batches) == [grades[5].pk, grades[4].pk]
    for hour in (8, 9):
        make_grade(insert_time=NOON + timedelta(hours=hour))
    for deleted in (grades[4], grades[3]):
        deleted.delete()
    assert list(batches) == [[grades[2].pk, grades[1].pk], [grades[0].pk]]


def test_each_batch_is_one_query(make_grade, django_assert_num_queries):
    for _ in range(5):
        make_grade()
    with django_assert_num_queries(4):  # the last finds nothing more
        assert len(list(key_batches(Grade.objects.all(), "insert_time", 2))) == 3


# --- Kinds: the parts of a queryset of ratings ----------------------------------------------------


@pytest.fixture
def ratings_of_all_kinds(make_grade):
    for number, (state, grade, remark) in enumerate(product(Grade.ReviewState.values, range(5, 0, -1), ("", "好"))):
        reviewed_at = None if state == "new" else NOON
        time = NOON + timedelta(minutes=number * 7 % 30)
        make_grade(
            grade1=grade, grade2=5, grade3=5, txt1=remark, review_state=state, reviewed_at=reviewed_at, insert_time=time
        )


FILTERS = {
    "state": lambda ratings: ratings.in_state("closed"),
    "lowest": lambda ratings: ratings.at_or_below(3),
    "remarks": lambda ratings: ratings.with_remarks(),
    "no remarks": lambda ratings: ratings.with_remarks(False),
    "all": lambda ratings: ratings.in_state("new").at_or_below(4).with_remarks(False),
    "a contradiction": lambda ratings: ratings.in_state("new").in_state("closed"),
    "a time": lambda ratings: ratings.at_or_below(2).since(NOON + timedelta(minutes=9)),
    "a time first": lambda ratings: ratings.since(NOON + timedelta(minutes=9)).with_remarks(),
    "off the list": lambda ratings: ratings.off_list(),
    "off the list, new": lambda ratings: ratings.off_list().in_state("new"),
    "an unknown grade": lambda ratings: ratings.at_or_below(-1),
}


@pytest.mark.parametrize("name", FILTERS)
def test_parts_by_kind_have_the_same_rows_in_the_same_order(ratings_of_all_kinds, name):
    found = FILTERS[name](Grade.objects.all())
    expected = list(found.newest_first().values_list("insert_time", "pk"))
    assert sorted_keys(found, "insert_time", 99) == expected
    assert sorted_keys(found, "insert_time", 99, newest_first=False) == expected[::-1]
    assert [pk for batch in key_batches(found, "insert_time", 2) for pk in batch] == [pk for _time, pk in expected]
    assert sorted_keys(found, "insert_time", 99, by_index=False) == expected
    assert [bounded_count(found, limit) for limit in (2, 99)] == [min(3, len(expected)), len(expected)]


def test_keys_go_on_in_both_directions(ratings_of_all_kinds):
    found = Grade.objects.at_or_below(4)
    expected = list(found.newest_first().values_list("insert_time", "pk"))
    for by_index in (True, False):
        assert sorted_keys(found, "insert_time", 3, expected[4], by_index=by_index) == expected[5:8]
        newer = sorted_keys(found, "insert_time", 3, expected[4], newest_first=False, by_index=by_index)
        assert newer == [expected[3], expected[2], expected[1]]


def test_a_grade_outside_the_settings_is_found(ratings_of_all_kinds, make_grade):
    grade = make_grade(grade1=-3)
    assert sorted_keys(Grade.objects.at_or_below(0), "insert_time", 9) == [(grade.insert_time, grade.pk)]


@pytest.mark.skipif(not connection.features.supports_slicing_ordering_in_compound, reason="needs MySQL or MariaDB")
def test_each_part_reads_the_index_of_kinds_in_its_order(ratings_of_all_kinds):
    parts = Grade.objects.in_state("new").at_or_below(2).index_ranges()
    assert len(parts) == 4
    for part in parts:
        assert "grade_by_kind" in part.newest_first().values("pk")[:50].explain()


def test_numbers_replace_the_parts_of_kinds(ratings_of_all_kinds):
    found = Grade.objects.at_or_below(2).narrowed_to(prefix_range("number", "138"))
    assert found.index_ranges() == [found]
    assert found.count() == 12


@pytest.mark.skipif(not connection.features.supports_slicing_ordering_in_compound, reason="needs MySQL or MariaDB")
def test_each_part_of_a_place_reads_the_index_of_that_place(ratings_of_all_kinds):
    for number, rating in enumerate(Grade.objects.all()):
        place = ("东", "甲") if number % 3 else (None, None)
        Grade.objects.filter(pk=rating.pk).update(area=place[0], product=place[1])
    grades = Grade.objects
    for found, index in (
        (grades.of_area("东"), "grade_by_area"),
        (grades.off_list().low().in_state("new"), "grade_by_area"),
        (grades.of_product("甲").with_remarks(), "grade_by_product"),
    ):
        parts = found.index_ranges()
        assert len(parts) > 1
        assert sum(part.count() for part in parts) == found.count()
        for part in parts:
            assert index in part.newest_first().values("pk")[:50].explain().split()


def test_a_number_replaces_the_parts_of_a_place():
    found = Grade.objects.of_area("东").narrowed_to(prefix_range("number", "138"))
    assert found.index_ranges() == [found]
