"""models/grades.py: what the database refuses and computes, and the order of ratings."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from grades.models import Grade

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "columns", [{"acc_nbr": ""}, {"review_state": "gone"}, {"review_state": "closed", "reviewed_at": None}]
)
def test_the_database_refuses_an_invalid_rating(make_grade, columns):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_grade(**columns)
    grade = make_grade()
    with pytest.raises(IntegrityError), transaction.atomic():
        Grade.objects.filter(pk=grade.pk).update(**columns)


@pytest.mark.parametrize("grades", [(1, 5, 5), (5, 1, 5), (5, 5, 1)])
def test_the_database_computes_the_lowest_grade(make_grade, grades):
    grade = make_grade(grade1=grades[0], grade2=grades[1], grade3=grades[2])
    grade.refresh_from_db()
    assert grade.lowest_grade == 1


@pytest.mark.parametrize(
    ("texts", "expected"),
    [(("", "", ""), False), (("好", "", ""), True), (("", "😀", ""), True), (("", "", " "), True)],
)
def test_the_database_knows_whether_there_are_remarks(make_grade, texts, expected):
    grade = make_grade(txt1=texts[0], txt2=texts[1], txt3=texts[2])
    grade.refresh_from_db()
    assert grade.has_remarks is expected
    assert [text for _question, text in grade.remarks] == [text for text in texts if text]


def test_fields_have_the_names_of_the_questions(make_grade, settings):
    settings.GRADE_LABELS = ["态度", "水平", "速度"]
    settings.REMARK_PROMPTS = ["态度怎样？", "水平怎样？", "其他？"]
    grade = make_grade(txt1="好", txt3="慢")
    assert grade.graded == [("态度", 5), ("水平", 4), ("速度", 3)]
    assert grade.remarks == [("态度怎样？", "好"), ("其他？", "慢")]


def test_another_wording_of_a_question_needs_no_migration(settings):
    before = [field.deconstruct() for field in Grade._meta.fields]
    settings.GRADE_LABELS = ["态度", "水平", "速度"]
    assert [field.deconstruct() for field in Grade._meta.fields] == before


def test_ratings_of_the_same_time_are_ordered_by_id(make_grade):
    now = timezone.now()
    first, second = make_grade(insert_time=now), make_grade(insert_time=now)
    assert list(Grade.objects.newest_first()) == [second, first]


def test_the_newest_time_of_each_number_is_found_in_one_query(make_grade, django_assert_num_queries):
    now = timezone.now()
    for number, age in (("1", 3), ("1", 1), ("1", 2), ("2", 5), ("3", 0)):
        make_grade(acc_nbr=number, insert_time=now - timedelta(days=age))
    with django_assert_num_queries(1):
        found = Grade.objects.newest_times({"1", "2", "4"})
    assert found == {"1": now - timedelta(days=1), "2": now - timedelta(days=5)}
