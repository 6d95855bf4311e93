"""Bounded counts, prefix ranges and keyset paging."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from grades.database.paging import bounded_count, count_label, key_batches, prefix_range
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
    ],
)
def test_a_prefix_range_is_exact(make_grade, prefix, found):
    for acc_nbr in ("a", "ab", "AB", "a_b", "a~", "138", "1380", "139", "b"):
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
