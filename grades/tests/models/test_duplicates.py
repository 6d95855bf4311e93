"""Duplicates and conflicts: kept once, and deleted together with their rating."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from grades.models import Conflict, Grade, Repeat

from ..helpers.office import GRADES, act, confirm, messages
from ..helpers.submissions import parallel

pytestmark = pytest.mark.django_db


# --- Keep -----------------------------------------------------------------------------------------


def test_a_deleted_conflict_is_not_kept(make_conflict):
    conflict = make_conflict()
    Conflict.objects.all().delete()
    assert conflict.keep() is False
    assert Grade.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_conflict_kept_by_eight_threads_is_one_rating(make_conflict):
    conflict = make_conflict()
    results = parallel(8, lambda pk: Conflict.objects.get(pk=pk).keep(), [conflict.pk] * 8)
    assert sorted(results) == [False] * 7 + [True]
    conflict.refresh_from_db()
    assert conflict.kept_as == Grade.objects.exclude(pk=conflict.grade_id).get()


def test_keeping_ignores_duplicates_and_the_limit_per_dispatch(make_grade, make_conflict, settings):
    settings.ONE_RATING_PER_DISPATCH = True
    grade = make_grade(openid="a")
    for number in range(2):
        conflict = make_conflict(grade, txt1=str(number))
        assert conflict.keep() is True
    assert Grade.objects.count() == 3


# --- Delete ---------------------------------------------------------------------------------------


def count_children(grade):
    return (grade.repeats.count(), grade.conflicts.count())


def test_deleting_a_rating_deletes_only_its_own_duplicates_and_conflicts(superuser_client, make_grade, make_conflict):
    grade, other = make_grade(), make_grade()
    for rating in (grade, other):
        Repeat.objects.bulk_create(Repeat(grade=rating) for _ in range(3))
        make_conflict(rating).keep()
        make_conflict(rating, txt1="x")
    page = superuser_client.get(f"{GRADES}{grade.pk}/delete/").text
    assert re.findall(r"<li>(.*?)</li>", page.split("<h2>Summary</h2>")[1]) == [
        "Ratings: 1",
        "Review notes: 0",
        "Duplicates: 3",
        "Conflicting submissions: 2",
        f"#{grade.pk}",
    ]
    response = superuser_client.post(f"{GRADES}{grade.pk}/delete/", {"post": "yes"})
    assert (response.status_code, response["Location"]) == (302, GRADES)
    assert count_children(other) == (3, 2)
    assert (Repeat.objects.count(), Conflict.objects.count(), Grade.objects.count()) == (3, 2, 3)


def test_deleting_a_kept_rating_deletes_its_conflict(superuser_client, make_conflict):
    conflict = make_conflict()
    conflict.keep()
    assert "Conflicting submissions: 1" in superuser_client.get(f"{GRADES}{conflict.kept_as_id}/delete/").text
    superuser_client.post(f"{GRADES}{conflict.kept_as_id}/delete/", {"post": "yes"})
    assert list(Grade.objects.all()) == [conflict.grade]
    assert not Conflict.objects.exists()


def test_bulk_deletion_deletes_duplicates_and_conflicts_too(superuser_client, make_grade, make_conflict):
    kept = make_grade(acc_nbr="139")
    Repeat.objects.create(grade=kept)
    for number in range(5):
        grade = make_grade(acc_nbr="138", txt1=str(number))
        Repeat.objects.bulk_create(Repeat(grade=grade) for _ in range(number))
        make_conflict(grade)
    page = act(superuser_client, "delete_selected", [kept.pk], True, "?q=138")
    assert "This deletes 5 ratings. It cannot be undone." in page.text
    assert "Their notes, duplicates and conflicting submissions are deleted too." in page.text
    assert messages(confirm(superuser_client, page)) == ["5 deleted."]
    assert (Grade.objects.get(), Repeat.objects.get().grade, Conflict.objects.count()) == (kept, kept, 0)


@pytest.mark.parametrize("rows", [3, 60])
def test_the_cost_of_deletion_does_not_depend_on_the_rows(make_grade, make_conflict, rows):
    for number in range(rows):
        Repeat.objects.create(grade=make_grade(txt1=str(number)))
    with CaptureQueriesContext(connection) as queries:
        assert Grade.objects.all().delete() == (2 * rows, {"grades.Repeat": rows, "grades.Grade": rows})
    # begin; keys, no more keys; numbers, lock of their dispatches; lock, duplicates' times; rows; duplicates, conflicts
    # by both keys, notes, ratings; day; commit
    assert len([query for query in queries.captured_queries if "SAVEPOINT" not in query["sql"]]) <= 13


def test_more_ratings_than_a_batch_are_deleted(make_grade):
    now = timezone.now()
    Grade.objects.bulk_create(
        Grade(acc_nbr=str(number % 7), grade1=1, grade2=1, grade3=1, insert_time=now) for number in range(4100)
    )
    assert Grade.objects.exclude(acc_nbr="0").delete()[1] == {"grades.Grade": 3514}
    assert set(Grade.objects.values_list("acc_nbr", flat=True)) == {"0"}
    assert Grade.objects.all().delete()[0] == 586
    assert Grade.objects.all().delete() == (0, {})
