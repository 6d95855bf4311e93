"""views/overview.py: the first page of the back office."""

import random
import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from grades.database.localtime import local_day_sql
from grades.forms import Period
from grades.models import Account, DailyScore, Grade, Repeat, day_of, end_of, start_of
from grades.views import overview

from ..helpers.office import CONFLICTS, GRADES, log_in, review

pytestmark = pytest.mark.django_db

OVERVIEW = "/admin/"


@pytest.fixture
def noon():
    """Noon of yesterday."""
    return start_of(day_of(timezone.now()) - timedelta(days=1)) + timedelta(hours=12)


def figures(response):
    return {figure.name: (figure.value, figure.before) for figure in response.context["figures"]}


def listed(client, link):
    """How many rows the list of a link counts."""
    return client.get(link).context["cl"].result_count


def test_each_figure_stands_beside_the_one_of_the_period_before(superuser_client, make_grade, make_conflict, noon):
    rating = make_grade(insert_time=noon, grade3=2)
    make_grade(insert_time=noon, grade3=5, grade2=5)
    Repeat.objects.create(grade=rating, repeated_at=noon)
    for _ in range(3):
        make_grade(insert_time=noon - timedelta(days=7))
    make_conflict(rating)
    review(Grade.objects.filter(pk=rating.pk))
    Grade.objects.filter(pk=rating.pk).update(reviewed_at=noon + timedelta(hours=3))
    DailyScore.objects.mark([day_of(noon)])
    page = superuser_client.get(f"{OVERVIEW}?days=7")
    assert figures(page) == {
        "Ratings": (2, 3),
        "Low ratings": (1, 0),
        "Open low ratings": (0, 0),
        "Low ratings followed up": (1, 0),
        "Mean time to follow-up": (3 * 3600, None),
        "Ratings not on the dispatch list": (2, 3),
        "Duplicates": (1, 0),
        "Open conflicts": ("1", None),
    }
    means = [(str(question["mean"].name), question["mean"].value) for question in page.context["questions"]]
    assert means == [("服务态度", 5), ("专业水平", 4.5), ("响应速度", 3.5)]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text))
    assert "Ratings 2 ▼ −33 %, before: 3" in text
    assert "Low ratings followed up 1 100.0 % of low ratings before: 0" in text
    assert "Mean time to follow-up 3.0 hours" in text
    assert "Duplicates 1 33.3 % of submissions before: 0" in text


def test_a_rating_of_this_moment_counts_at_once(superuser_client, make_grade):
    for count in (1, 2):
        make_grade(txt1=str(count))
        assert figures(superuser_client.get(f"{OVERVIEW}?days=1"))["Ratings"][0] == count


@pytest.mark.parametrize(
    ("query", "days"),
    [("", 7), ("?days=", 7), ("?days=1", 1), ("?days=90", 90), ("?from=2026-11-01&to=2026-11-03", 3)],
)
def test_a_period_is_chosen_in_the_address(superuser_client, query, days):
    page = superuser_client.get(OVERVIEW + query)
    assert (page.status_code, page.context["period"].length) == (200, days)
    assert page.text.count('aria-current="true"') == ("from" not in query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?days=8", "Select a valid choice. 8 is not one of the available choices."),
        ("?days=all", "Select a valid choice. all is not one of the available choices."),
        ("?from=2026-11-31&to=2026-12-01", "Enter a valid date."),
        ("?from=0001-01-01&to=2026-12-01", "Enter a valid date."),
        ("?from=2026-11-01&to=9999-12-31", "Enter a valid date."),
        ("?from=2026-11-02&to=2026-11-01", "The first day is after the last one."),
        ("?from=2026-11-02", "Give the first and the last day."),
        ("?to=2026-11-02", "Give the first and the last day."),
        ("?from=1976-11-02&to=2026-11-01", "A period has at most 3660 days. Choose a shorter one."),
        ("?from=<script>&to=%00", "Enter a valid date."),
    ],
)
def test_a_bad_period_says_why_and_shows_the_default(superuser_client, query, message):
    page = superuser_client.get(OVERVIEW + query)
    assert page.status_code == 400
    assert f'<li class="error">{message}</li>' in page.text
    assert "The page shows the last 7 days." in page.text
    assert page.context["period"] == Period.until_today(7)


def test_each_part_needs_its_permission(client_with, staff, make_grade, make_account, make_conflict, noon):
    make_account()
    for _ in range(5):
        make_grade(insert_time=noon, grade3=1)
    make_conflict()
    assert Client().get(OVERVIEW)["Location"] == "/admin/login/?next=%2Fadmin%2F"
    assert "figures" not in log_in(staff).get(OVERVIEW).context
    page = client_with("view_grade").get(OVERVIEW)
    assert ("Open conflicts" in figures(page), page.context["worst"]) == (False, [])
    assert "Open conflicts" in figures(client_with("view_grade", "view_conflict").get(OVERVIEW))
    worst = client_with("view_grade", "view_account").get(OVERVIEW).context["worst"]
    assert [row["name"] for group in worst for row in group["rows"]] == ["城东", "畅享 129 套餐"]


def test_the_worst_areas_come_first_and_small_ones_are_left_out(superuser_client, make_grade, make_account, noon):
    for number, (area, low, good) in enumerate([("东", 1, 5), ("西", 4, 2), ("南", 4, 0), ("北", 0, 6)]):
        make_account(acc_nbr=str(number), acct_id=str(number), area=area)
        for _ in range(low):
            make_grade(acc_nbr=str(number), insert_time=noon, grade1=1)
        for _ in range(good):
            make_grade(acc_nbr=str(number), insert_time=noon, grade3=5)
    areas = superuser_client.get(OVERVIEW).context["worst"][0]["rows"]
    assert [(row["name"], row["low"], row["ratings"]) for row in areas] == [("西", 4, 6), ("东", 1, 6)]


def test_the_newest_low_ratings_are_shown_with_their_remarks(superuser_client, make_grade, noon):
    make_grade(insert_time=noon, grade1=1, txt1="掉线", txt3="再来一次")
    make_grade(insert_time=noon + timedelta(hours=1), grade1=2, txt1="迟到")
    make_grade(insert_time=noon, grade1=1, txt1="")
    make_grade(insert_time=noon)
    page = superuser_client.get(OVERVIEW)
    assert [rating.txt1 for rating in page.context["remarks"]] == ["迟到", "掉线"]
    assert '<span class="quiet">还有什么要说的？</span> 再来一次' in page.text


def test_a_page_with_too_many_stale_days_says_how_many_are_missing(superuser_client, make_grade, noon, monkeypatch):
    make_grade(insert_time=noon)
    monkeypatch.setattr(overview, "LOOK_SECONDS", -1)
    assert "The figures of 2 days are still missing." in superuser_client.get(OVERVIEW).text
    monkeypatch.undo()
    assert "still missing" not in superuser_client.get(OVERVIEW).text


def test_stored_days_cost_no_more_queries_than_few(superuser_client, make_grade, noon, django_assert_max_num_queries):
    for age in range(0, 60, 5):
        make_grade(insert_time=noon - timedelta(days=age))
    # In the first minutes after midnight the last hour of yesterday is read from the ratings too.
    with time_machine.travel(timezone.now().replace(minute=30)):
        superuser_client.get(f"{OVERVIEW}?days=90")
        # session, user, three for the first steps, the first rating and duplicate, stored days twice, five for today,
        # remarks of two grades, conflicts, the user's own actions
        with django_assert_max_num_queries(19):
            superuser_client.get(f"{OVERVIEW}?days=90")


def test_users_and_groups_stand_below_the_lists(superuser_client):
    apps = [app["app_label"] for app in superuser_client.get(OVERVIEW).context["app_list"]]
    assert apps == ["grades", "auth"]


def random_ratings(seed):
    """Ratings and duplicates of some weeks, some of them on the dispatch list, some of them reviewed."""
    drawn, now = random.Random(seed), timezone.now()
    for number in range(8):
        Account.objects.create(
            acc_nbr=f"1380013800{number % 6}",
            acct_id=str(number),
            area=drawn.choice("东西 ").strip(),
            product=drawn.choice("甲乙"),
            pay_type="prepaid",
            monthly_fee=1,
            dispatched_on=day_of(now) - timedelta(days=drawn.randrange(30)),
        )
    for _ in range(60):
        time = now - timedelta(minutes=drawn.randrange(30 * 24 * 60))
        grades = {f"grade{number}": drawn.choice([1, 2, 3, 4, 5, 5, 5]) for number in (1, 2, 3)}
        rating = Grade.objects.create(acc_nbr=f"138-0013-800{drawn.randrange(9)}", insert_time=time, **grades)
        if drawn.random() < 0.4:
            review(Grade.objects.filter(pk=rating.pk), drawn.choice(["closed", "followed_up"]))
        if drawn.random() < 0.2:
            Repeat.objects.create(grade=rating, repeated_at=min(now, time + timedelta(minutes=3)))


@pytest.mark.parametrize("seed", range(4))
def test_each_figure_is_the_count_of_its_list_and_of_plain_sql(superuser_client, seed):
    random_ratings(seed)
    drawn, today = random.Random(seed), day_of(timezone.now())
    first = today - timedelta(days=drawn.randrange(30))
    last = min(today, first + timedelta(days=drawn.randrange(12)))
    page = superuser_client.get(f"{OVERVIEW}?from={first}&to={last}")
    shown = {figure.name: figure for figure in page.context["figures"]}
    rows = [row for group in page.context["worst"] for row in group["rows"]]
    linked = [(figure.link, figure.value) for figure in shown.values() if figure.kind == "count"]
    linked += [(row["link"], row["bar"].ratings) for row in page.context["trend_rows"]]
    linked += [(row["low_link"], row["bar"].low) for row in page.context["trend_rows"]]
    linked += [(grade["link"], grade["count"]) for item in page.context["questions"] for grade in item["grades"]]
    linked += [(row["link"], row["ratings"]) for row in rows] + [(row["low_link"], row["low"]) for row in rows]
    assert [(link, listed(superuser_client, link)) for link, _count in linked] == linked
    with_sql = {
        "Ratings": "1 = 1",
        "Low ratings": "LEAST(grade1, grade2, grade3) <= 2",
        "Open low ratings": "LEAST(grade1, grade2, grade3) <= 2 AND review_state = 'new'",
        "Ratings not on the dispatch list": "NOT EXISTS (SELECT 1 FROM account WHERE account.number = grade.number"
        f" AND dispatched_on <= {local_day_sql('insert_time', connection.vendor)})",
    }
    for name, condition in with_sql.items():
        assert (name, shown[name].value) == (name, count_sql(condition, first, last))


def count_sql(condition, first, last):
    if connection.vendor == "sqlite":
        condition = condition.replace("LEAST(", "MIN(")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COUNT(*) FROM grade WHERE {condition} AND insert_time >= %s AND insert_time < %s",
            [connection.ops.adapt_datetimefield_value(moment) for moment in (start_of(first), end_of(last))],
        )
        return cursor.fetchone()[0]


def test_the_list_shows_which_figure_it_counts(superuser_client, make_grade, make_account):
    make_account(area="")
    make_grade()
    page = superuser_client.get(f"{GRADES}?grade1=5&product=畅享 129 套餐")
    assert page.context["cl"].result_count == 1
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text))
    assert "服务态度: 5" in text
    assert "product: 畅享 129 套餐" in text


@pytest.mark.parametrize("query", ["grade1=x", "grade2=", "grade3=99999", "listed=yes", "listed="])
def test_a_linked_filter_refuses_other_values(superuser_client, query):
    assert superuser_client.get(f"{GRADES}?{query}")["Location"] == f"{GRADES}?e=1"


def test_the_list_of_duplicates_leads_to_the_ratings(client_with, make_grade):
    rating = make_grade()
    Repeat.objects.create(grade=rating)
    page = client_with("view_grade").get("/admin/grades/repeat/")
    assert f'<a href="{GRADES}{rating.pk}/change/">#{rating.pk}</a>' in page.text
    assert client_with("view_conflict").get("/admin/grades/repeat/").status_code == 403
    assert CONFLICTS not in page.text


def exported(client, query, table):
    response = client.post(f"{OVERVIEW}overview/export/{query}", {"table": table, "format": "csv"})
    name = re.search('filename="(.*)_[0-9]{8}-[0-9]{4}.csv"', response["Content-Disposition"])[1]
    return name, b"".join(response.streaming_content).decode("utf-8-sig").splitlines()


def test_each_table_is_exported(client_with, make_grade, make_account, noon):
    make_account(area="")
    for grade in (1, 2, 5, 5, 5, 5):
        make_grade(insert_time=noon, grade1=grade, grade2=5, grade3=5)
    client, day, today = client_with("view_grade", "view_account"), day_of(noon), day_of(timezone.now())
    query, days = f"?from={day}&to={today}", f"{day}_{today}"
    page = client.get(OVERVIEW + query)
    for table, rows, lines in (
        ("trend", 2, ["From,To,Ratings,Low ratings", f"{day},{day},6,2", f"{today},{today},0,0"]),
        ("grade1", 5, ["Grade,Ratings,Share in percent", "5,4,66.7", "4,0,0.0", "3,0,0.0", "2,1,16.7", "1,1,16.7"]),
        ("area", 1, ['area,Ratings,Low ratings,Share in percent,"Before, in percent"', "(none),6,2,33.3,"]),
    ):
        name, found = exported(client, query, table)
        subject = "overview-worst" if table == "area" else "overview"
        assert (name, found) == (f"{subject}-{table}_{days}_{rows}-rows", lines)
    names = re.findall('<input type="hidden" name="table" value="([^"]+)">', page.text)
    assert names == ["trend", "grade1", "grade2", "grade3", "area", "product"]
    for name in names:
        exported(client, query, name)


def test_an_export_needs_the_permission_of_its_table(client_with, staff, make_grade, make_account, noon):
    make_account()
    for _ in range(5):
        make_grade(insert_time=noon, grade3=1)
    data = {"table": "area", "format": "csv"}
    url = f"{OVERVIEW}overview/export/"
    assert log_in(staff).post(url, data).status_code == 403
    assert client_with("view_grade").post(url, data).status_code == 400
    assert client_with("view_grade", "view_account").get(url).status_code == 405
    assert exported(client_with("view_account", "view_grade", "view_credit"), "", "area")[1]


def test_an_export_of_a_bad_period_goes_to_the_page_that_says_why(superuser_client):
    response = superuser_client.post(f"{OVERVIEW}overview/export/?days=8", {"table": "trend", "format": "csv"})
    assert response["Location"] == f"{OVERVIEW}?days=8"
