"""views/coverage.py: of the dispatches of a period, which were rated."""

import csv
import io
import random
import re
from datetime import timedelta

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from grades.models import Account, Grade, RecountedUntil, day_of
from grades.submissions.store import submit
from grades.views import coverage

from ..helpers.office import ACCOUNTS, log_in, make_credit

pytestmark = pytest.mark.django_db

COVERAGE = "/admin/coverage/"


@pytest.fixture
def today():
    return day_of(timezone.now())


@pytest.fixture
def reader(client_with):
    return client_with("view_account", "view_grade")


def figures(response):
    return {figure.name: figure.value for figure in response.context["figures"]}


def listed(client, link):
    return client.get(link).context["cl"].result_count


@pytest.fixture
def some_dispatches(make_account, make_grade, superuser, today):
    """Dispatches of today: one rated twice, one rated low, one not rated; one of last year."""
    for number in range(3):
        make_account(acct_id=f"A{number}", acc_nbr=str(number), dispatched_on=today, area="东西东"[number])
    make_account(acct_id="A9", dispatched_on=today - timedelta(days=365))
    for _ in range(2):
        make_grade(acc_nbr="0")
    make_grade(acc_nbr="1", grade1=1)
    make_grade(acc_nbr="99")
    make_credit(Account.objects.get(acct_id="A0"), superuser)


def test_it_counts_the_dispatches_of_the_period(reader, some_dispatches):
    page = reader.get(COVERAGE)
    assert figures(page) == {
        "Dispatches": 3,
        "Rated": 2,
        "Not yet rated": 1,
        "Rated low": 1,
        "Rated more than once": 1,
        "Credited": 1,
        "Ratings not on the dispatch list": 1,
    }
    areas = [(row["name"], [count for count, _link in row["cells"]]) for row in page.context["tables"][0]["rows"]]
    assert areas == [("东", [2, 1, 1, 0, 1, 1]), ("西", [1, 1, 0, 1, 0, 0])]


def test_a_rating_of_this_moment_counts_at_once(reader, some_dispatches):
    reader.get(COVERAGE)
    submit(acc_nbr="2", grade1=1, grade2=1, grade3=1, txt1="", txt2="", txt3="")
    shown = figures(reader.get(COVERAGE))
    assert (shown["Not yet rated"], shown["Rated low"]) == (0, 2)


def test_the_list_counts_a_rating_of_this_moment_too(reader, some_dispatches):
    submit(acc_nbr="2", grade1=1, grade2=1, grade3=1, txt1="", txt2="", txt3="")
    assert listed(reader, f"{ACCOUNTS}?rated=low") == 2


def test_the_export_of_the_list_has_a_rating_of_this_moment_too(reader, make_account, today):
    make_account(acc_nbr="1", dispatched_on=today)
    reader.get(COVERAGE)
    submit(acc_nbr="1", grade1=5, grade2=5, grade3=5, txt1="", txt2="", txt3="")
    response = reader.post(f"{ACCOUNTS}export/?rated=yes", {"format": "csv"})
    assert "_1-rows_" in response["Content-Disposition"]
    assert b"".join(response.streaming_content).decode("utf-8-sig").splitlines()[1].startswith("1,")


@pytest.mark.parametrize("seed", range(3))
def test_each_figure_is_the_count_of_its_list_and_of_plain_sql(superuser, seed, today):
    drawn, client = random.Random(seed), log_in(superuser)
    for number in range(30):
        account = Account.objects.create(
            acc_nbr=f"1380013800{drawn.randrange(9)}",
            acct_id=str(number),
            area=drawn.choice(["", "东", "西"]),
            product=drawn.choice("甲乙"),
            pay_type="prepaid",
            monthly_fee=1,
            dispatched_on=today - timedelta(days=drawn.randrange(20)),
        )
        if drawn.random() < 0.3:
            make_credit(account, superuser)
    for _ in range(20):
        time = timezone.now() - timedelta(minutes=drawn.randrange(20 * 24 * 60))
        grades = {f"grade{place}": drawn.choice([1, 3, 4, 5, 5]) for place in (1, 2, 3)}
        Grade.objects.create(acc_nbr=f"138-0013-800{drawn.randrange(12)}", insert_time=time, **grades)
    first = today - timedelta(days=drawn.randrange(20))
    last = min(today, first + timedelta(days=drawn.randrange(12)))
    page = client.get(f"{COVERAGE}?from={first}&to={last}")
    linked = [(figure.link, figure.value) for figure in page.context["figures"]]
    for table in page.context["tables"]:
        linked += [(link, count) for row in table["rows"] for count, link in row["cells"]]
    assert [(link, listed(client, link)) for link, _count in linked] == linked
    with connection.cursor() as cursor:
        day = "DATE(g.insert_time, '+8 hours')"
        if connection.vendor == "mysql":
            day = "DATE(g.insert_time + INTERVAL 8 HOUR)"
        rated = f"SELECT 1 FROM grade g WHERE g.number = a.number AND {day} >= a.dispatched_on"
        for name, condition in (
            ("Rated", f"EXISTS ({rated})"),
            ("Not yet rated", f"NOT EXISTS ({rated})"),
            ("Rated low", f"EXISTS ({rated} AND (grade1 <= 2 OR grade2 <= 2 OR grade3 <= 2))"),
        ):
            cursor.execute(
                f"SELECT COUNT(*) FROM account a WHERE {condition} AND dispatched_on BETWEEN %s AND %s", [first, last]
            )
            assert (name, figures(page)[name]) == (name, cursor.fetchone()[0])


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_the_list_to_phone_has_every_dispatch_that_is_not_rated(reader, some_dispatches, today, file_format):
    response = reader.get(f"{COVERAGE}not-rated.{file_format}?days=7")
    name = f"dispatches_not-rated_{today - timedelta(days=6)}_{today}_1-rows_"
    assert name in response["Content-Disposition"]
    content = b"".join(response.streaming_content)
    response.close()
    if file_format == "csv":
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    else:
        rows = [
            [cell.value for cell in row]
            for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows()
        ]
    assert rows[0] == [
        "account number", "customer name", "area", "product", "pay type", "state", "dispatched on", "monthly fee",
        "acct_id",
    ]  # fmt: skip
    assert [[str(cell)[:10] for cell in row[:4] + row[6:7]] for row in rows[1:]] == [
        ["2", "王小明", "东", "畅享 129 套餐", str(today)]
    ]


@pytest.mark.parametrize(
    "path", ["not-rated.pdf", "not-rated.csv?days=8", "not-rated.csv?from=2026-11-02&to=2026-11-01"]
)
def test_an_export_of_a_bad_period_or_format_is_not_found(reader, path):
    assert reader.get(COVERAGE + path).status_code == 404


def test_a_bad_period_says_why_and_shows_the_default(reader):
    page = reader.get(f"{COVERAGE}?from=2026-11-02&to=2026-11-01")
    assert page.status_code == 400
    assert '<li class="error">The first day is after the last one.</li>' in page.text


def test_an_empty_period_says_so(reader):
    page = reader.get(COVERAGE)
    assert page.text.count("No dispatches in this period.") == 2
    assert figures(page)["Dispatches"] == 0


def test_it_needs_the_rights_to_see_dispatches_and_ratings(client_with, staff):
    for path in (COVERAGE, f"{COVERAGE}not-rated.csv"):
        assert Client().get(path)["Location"].startswith("/admin/login/?next=")
        for client in (log_in(staff), client_with("view_account"), client_with("view_grade")):
            assert client.get(path).status_code == 403
        Account.objects.all().delete()
        staff.__class__.objects.exclude(pk=staff.pk).delete()


def test_ratings_that_are_not_counted_in_time_are_announced(reader, make_grade, monkeypatch):
    for _ in range(3):
        make_grade()
    RecountedUntil.objects.all().delete()
    monkeypatch.setattr("grades.models.coverage.STEP", 2)
    monkeypatch.setattr(coverage, "LOOK_SECONDS", -1)
    assert "Not all ratings are counted yet." in reader.get(COVERAGE).text
    monkeypatch.undo()
    assert "Not all ratings are counted yet." not in reader.get(COVERAGE).text


def test_the_list_of_dispatches_shows_which_figure_it_counts(reader, some_dispatches):
    page = reader.get(f"{ACCOUNTS}?rated=no&area=东&credited=yes")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text))
    assert "credited" in text
    assert page.context["cl"].get_filters_params() == {"rated": ["no"], "area": ["东"], "credited": ["yes"]}


@pytest.mark.parametrize("query", ["rated=x", "credited=no"])
def test_a_filter_refuses_other_values(reader, query):
    assert reader.get(f"{ACCOUNTS}?{query}")["Location"] == f"{ACCOUNTS}?e=1"
