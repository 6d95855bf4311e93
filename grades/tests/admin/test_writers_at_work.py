"""Exports and the overview show one moment while others write."""

import csv
import io
import random
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone, translation

from grades.database.snapshots import snapshot
from grades.database.streaming import streaming_alias
from grades.exports import About, ratings_table, write_export
from grades.forms import Period
from grades.imports import import_accounts
from grades.models import Grade, Repeat, day_of
from grades.submissions.store import submit
from grades.views import overview

from ..helpers.files import csv_file
from ..helpers.office import GRADES, review
from ..helpers.sql import select
from ..helpers.writers import at_work

pytestmark = [
    pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has no snapshots here"),
    pytest.mark.django_db(transaction=True),
]

RATINGS, DAYS = 300, 5


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def make_ratings(count):
    now = timezone.now()
    Grade.objects.bulk_create(
        Grade(
            acc_nbr=f"1380013{8000 + number % 40}",
            grade1=number % 5 + 1,
            grade2=5,
            grade3=4,
            insert_time=now - timedelta(days=number % DAYS, seconds=number),
        )
        for number in range(count)
    )


def replace_one():
    """Delete a rating and add one of another day: every moment has RATINGS of them."""
    with transaction.atomic():
        first = Grade.objects.select_for_update().order_by("pk").filter(txt1="").first()
        Grade.objects.filter(pk=first.pk).delete()
        moment = timezone.now() - timedelta(days=random.randrange(DAYS), seconds=1)
        Grade.objects.create(acc_nbr="139", grade1=1, grade2=1, grade3=1, insert_time=moment)


def rate():
    submit(acc_nbr="13900000000", grade1=2, grade2=5, grade3=5, txt1=str(random.random()), txt2="", txt3="")


def review_some():
    pks = Grade.objects.values_list("pk", flat=True).order_by("?")[:5]
    review(Grade.objects.filter(pk__in=list(pks)), random.choice(["closed", "followed_up", "new"]))


def change_dispatches():
    rows = [
        {"acc_nbr": f"1380013{8000 + number}", "acct_id": f"A{number}", "area": random.choice("东西"), "product": "甲"}
        for number in random.sample(range(40), 3)
    ]
    import_accounts(csv_file(*rows), "list.csv")


def repeat():
    grade = Grade.objects.filter(txt1="").order_by("pk").last()
    Repeat.objects.create(grade=grade, repeated_at=timezone.now())


def export(tmp_path, using):
    path = tmp_path / "export.csv"
    table = ratings_table(Grade.objects.all())
    count = write_export(table, About("", "", "boss"), "csv", path, expected=RATINGS, using=using)
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))[1:]
    assert len(rows) == count
    return rows


def period():
    today = day_of(timezone.now())
    return Period(today - timedelta(days=DAYS), today)


def test_an_export_has_the_rows_of_one_moment(tmp_path, monkeypatch):
    monkeypatch.setattr("grades.exports.columns.READ_ROWS", 10)
    make_ratings(RATINGS)
    with at_work(replace_one, review_some, change_dispatches) as writers:
        seen = set()
        for _export in range(5):
            with streaming_alias() as alias:
                rows = export(tmp_path, alias)
            assert len(rows) == RATINGS
            seen.add(sum(row[0] == "139" for row in rows))
            writers.wait()
    assert len(seen) > 1


def test_an_export_equals_sql_at_the_same_snapshot(tmp_path):
    make_ratings(RATINGS)
    sql = """
        SELECT g.acc_nbr, g.grade1, g.review_state, COALESCE(
            (SELECT a.area FROM account a WHERE a.number = g.number AND a.dispatched_on <=
             DATE(DATE_ADD(g.insert_time, INTERVAL 8 HOUR)) ORDER BY a.dispatched_on DESC, a.id DESC LIMIT 1), '')
        FROM grade g ORDER BY g.insert_time DESC, g.id DESC
    """
    states = {"new": "New", "followed_up": "Followed up", "closed": "Closed"}
    with at_work(replace_one, rate, review_some, change_dispatches) as writers:
        for _export in range(3):
            with streaming_alias() as alias:
                with connections[alias].cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
                    cursor.execute(sql)
                    expected = [[number, str(grade), states[state], area] for number, grade, state, area in cursor]
                writers.wait()
                rows = export(tmp_path, alias)
            assert [[row[0], row[1], row[8], row[14]] for row in rows] == expected


def test_the_overview_shows_one_moment(superuser):
    make_ratings(RATINGS)
    with at_work(replace_one, review_some, change_dispatches) as writers:
        for _page in range(5):
            context = overview.collect(period(), superuser)
            figures = {str(figure.name): figure.value for figure in context["figures"]}
            low, reviewed = figures["Low ratings"], figures["Low ratings followed up"]
            assert figures["Ratings"] == RATINGS
            assert sum(bar.ratings for bar in context["trend"]) == RATINGS
            assert figures["Open low ratings"] + reviewed == low
            for question in context["questions"]:
                assert sum(grade["count"] for grade in question["grades"]) == RATINGS
            writers.wait()


def test_the_overview_equals_sql_at_the_same_snapshot(superuser):
    make_ratings(RATINGS)
    days = {"from": str(period().first), "to": str(period().last)}
    queries = {
        "Ratings": (GRADES, {}),
        "Low ratings": (GRADES, {"lowest": "2"}),
        "Open low ratings": (GRADES, {"lowest": "2", "review": "new"}),
        "Low ratings followed up": (GRADES, {"lowest": "2", "review": "reviewed"}),
        "Ratings not on the dispatch list": (GRADES, {"listed": "no"}),
        "Duplicates": ("/admin/grades/repeat/", {}),
    }
    with at_work(replace_one, rate, review_some, change_dispatches, repeat) as writers:
        for _page in range(5):
            with snapshot():
                expected = {
                    name: len(select(path, {**query, **days}, period().last)) for name, (path, query) in queries.items()
                }
                writers.wait()
                context = overview.collect(period(), superuser)
            figures = {str(figure.name): figure.value for figure in context["figures"]}
            assert {name: figures[name] for name in expected} == expected
