"""`GET /wechat/receipts`: receipts for the ratings of a person on another phone."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from grades.models import Grade

from ..helpers.submissions import ARTICLE, ENGLISH, NUMBER, assert_error, bearer, look, rate, remarks, session_of

pytestmark = pytest.mark.django_db


def receipts(client, session):
    return client.get("/wechat/receipts", headers=ENGLISH | bearer(session))


def test_two_phones_of_one_person_have_the_same_ratings(client, wechat):
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        first_phone = session_of(client, "code-ann")
        rate(client, first_phone, txt1='"first"')
        clock.shift(timedelta(minutes=1))
        rate(client, first_phone, acc_nbr='"2"', txt1='"other"')
        clock.shift(timedelta(minutes=1))
        second_phone = session_of(client, "code-ann.2")
        rate(client, second_phone, txt1='"second"')
        rate(client, session_of(client, "code-bob"), acc_nbr='"3"', txt1='"bob"')

        response = receipts(client, second_phone)
        assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
        assert receipts(client, first_phone).json() == response.json()
        assert [set(entry) for entry in response.json()["receipts"]] == [{"acc_nbr", "receipt"}] * 3
        found = [(entry["acc_nbr"], entry["receipt"]) for entry in response.json()["receipts"]]
        assert [number for number, _receipt in found] == [NUMBER, "2", NUMBER]
        assert [remarks(look(client, *pair)) for pair in ((number, [receipt]) for number, receipt in found)] == [
            ["second"], ["other"], ["first"],
        ]  # fmt: skip
        for session in (first_phone, second_phone):
            assert remarks(look(client, session=session)) == ["second", "first"]


def test_at_most_fifty_receipts_are_listed_newest_first(client, wechat, make_grade, django_assert_num_queries):
    ann = session_of(client, "code-ann")
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        for number in range(52):
            make_grade(acc_nbr=f"{number}", openid="o-ann")
            clock.shift(timedelta(seconds=1))
        make_grade(acc_nbr="0", openid="o-ann")
        with django_assert_num_queries(1):
            response = receipts(client, ann)
    assert [entry["acc_nbr"] for entry in response.json()["receipts"]] == ["0", *map(str, range(51, 2, -1))]


def test_a_person_without_ratings_has_no_receipts(client, wechat):
    response = receipts(client, session_of(client, "code-ann"))
    assert (response.status_code, response.json()) == (200, {"receipts": []})


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp4"}])
def test_receipts_need_a_login_and_no_query(client, wechat, django_assert_num_queries, headers):
    with django_assert_num_queries(0):
        response = client.get("/wechat/receipts?openid=o-ann", headers=ENGLISH | headers)
    assert_error(response, 401, "login", "Log in with WeChat first.", authenticate="Bearer")


@pytest.mark.django_db(transaction=True)  # MySQL's ANALYZE commits
def test_the_ratings_of_a_person_are_found_by_an_index(make_grade):
    Grade.objects.bulk_create(Grade(**ARTICLE, openid=f"o-{n}" if n % 2 else None) for n in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE grade" if connection.vendor == "mysql" else "ANALYZE")
    plan = Grade.objects.filter(openid="o-1").newest_first()[:50].explain()
    assert "grade_by_openid" in plan
