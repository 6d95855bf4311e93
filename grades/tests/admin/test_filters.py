"""admin/filters.py: the filters of the list of ratings."""

import re
from datetime import datetime

import pytest
from django.utils import timezone

from grades.models import Grade, save_review

from ..helpers.office import GRADES, SHANGHAI, act, numbers

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("review=new", ["1", "2"]),
        ("review=followed_up", ["3"]),
        ("review=closed", ["4"]),
        ("lowest=1", ["1"]),
        ("lowest=2", ["1", "2"]),
        ("lowest=3", ["1", "2", "3"]),
        ("lowest=4", ["1", "2", "3", "4"]),
        ("remarks=yes", ["2", "4"]),
        ("remarks=no", ["1", "3"]),
        ("remarks=yes&review=new&lowest=2", ["2"]),
    ],
)
def test_a_filter_shows_the_matching_ratings(superuser_client, make_grade, query, found):
    now = timezone.now()
    make_grade(acc_nbr="4", grade1=5, grade2=5, grade3=4, txt1="", txt3="好", review_state="closed", reviewed_at=now)
    make_grade(acc_nbr="3", grade1=5, grade2=3, grade3=5, txt1="", review_state="followed_up", reviewed_at=now)
    make_grade(acc_nbr="2", grade1=2, grade2=5, grade3=5, txt1="好")
    make_grade(acc_nbr="1", grade1=5, grade2=5, grade3=1, txt1="")
    assert numbers(superuser_client.get(f"{GRADES}?{query}")) == found


def test_mine_are_the_ratings_that_the_reader_takes_care_of(superuser_client, superuser, staff, make_grade):
    for number, assignee in (("1", superuser), ("2", staff), ("3", None), ("4", superuser)):
        save_review(make_grade(acc_nbr=number).pk, 0, staff, "new", assignee, "")
    assert numbers(superuser_client.get(f"{GRADES}?assignee=me")) == ["4", "1"]
    assert numbers(superuser_client.get(f"{GRADES}?assignee=me&review=closed")) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from=2026-11-02", ["last", "late", "early"]),
        ("to=2026-11-02", ["late", "early", "before"]),
        ("from=2026-11-02&to=2026-11-02", ["late", "early"]),
        ("from=&to=", ["last", "late", "early", "before"]),
        ("from=2026-11-03&to=2026-11-02", []),
    ],
)
def test_dates_are_days_at_the_site_with_both_ends_included(superuser_client, make_grade, query, found):
    make_grade(acc_nbr="before", insert_time=datetime(2026, 11, 1, 23, 59, 59, 999999, SHANGHAI))
    make_grade(acc_nbr="early", insert_time=datetime(2026, 11, 2, 0, 0, tzinfo=SHANGHAI))
    make_grade(acc_nbr="late", insert_time=datetime(2026, 11, 2, 23, 59, 59, 999999, SHANGHAI))
    make_grade(acc_nbr="last", insert_time=datetime(2026, 11, 3, 0, 0, tzinfo=SHANGHAI))
    assert numbers(superuser_client.get(f"{GRADES}?{query}")) == found


def test_the_date_form_keeps_the_other_filters_and_the_search(superuser_client):
    text = superuser_client.get(f"{GRADES}?from=2026-11-02&review=new&q=138&p=2").text
    form = re.search(r'<form method="get" class="date-filter">.*?</form>', text, re.DOTALL)[0]
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    assert sorted(fields) == [("from", "2026-11-02"), ("q", "138"), ("review", "new"), ("to", "")]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=2026-02-30",
        "from=0001-01-01",
        "to=9999-12-31",
        "review=none",
        "lowest=5",
        "lowest=x",
        "remarks=2",
        "assignee=1",
    ],
)
def test_an_invalid_filter_is_removed_and_no_action_runs(superuser_client, make_grade, query):
    grade = make_grade()
    for response in (
        superuser_client.get(f"{GRADES}?{query}"),
        act(
            superuser_client,
            "mark_closed",
            [grade.pk],
            True,
            f"?{query}",
            confirmed="yes",
            until=timezone.now().isoformat(),
        ),
        act(superuser_client, "export_csv", [grade.pk], True, f"?{query}"),
    ):
        assert (response.status_code, response["Location"]) == (302, f"{GRADES}?e=1")
    assert Grade.objects.get().review_state == "new"
    assert superuser_client.get(f"{GRADES}?e=1").status_code == 200


def test_an_invalid_date_is_reported(superuser_client):
    response = superuser_client.get(f"{GRADES}?from=yesterday", follow=True)
    assert "This is not a date. The filter was removed." in response.text


@pytest.mark.parametrize(
    "lookup", ["txt1__icontains=x", "acc_nbr__contains=8", "grade1__gt=3", "reviewer__username=boss", "id__gt=0"]
)
def test_only_columns_with_a_filter_can_be_filtered(superuser_client, lookup):
    assert superuser_client.get(f"{GRADES}?{lookup}").status_code == 400
