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

from ..helpers.office import ACCOUNTS, log_in, make_credit, messages

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


def content(response):
    return b"".join(response.streaming_content)


def test_a_button_exports_the_dispatches_to_phone(reader, some_dispatches, today):
    overview = reader.get("/admin/?days=7").text
    page = reader.get(re.search(r'href="(/admin/coverage/[^"]*)"', overview)[1].replace("&amp;", "&"))
    form = re.search(r'<form class="export-table" method="post" action="([^"]+)">.*?</form>', page.text, re.DOTALL)
    assert "Export all 1 as XLSX" in form[0]
    response = reader.post(form[1].replace("&amp;", "&"), {"format": "csv"})
    name = f"dispatches_rated-no_from-{today - timedelta(days=6)}_to-{today}_1-rows_"
    assert name in response["Content-Disposition"]
    heading, row = csv.reader(io.StringIO(content(response).decode("utf-8-sig")))
    assert heading == [
        "account number", "customer name", "area", "product", "pay type", "state", "dispatched on", "monthly fee",
        "acct_id",
    ]  # fmt: skip
    assert row[:4] + row[6:7] == ["2", "王小明", "东", "畅享 129 套餐", str(today)]


def test_each_list_that_it_counts_offers_an_export(reader, some_dispatches):
    links = [figure.link for figure in reader.get(COVERAGE).context["figures"]]
    assert len(links) == 7
    for link in links:
        assert 'id="export-form"' in reader.get(link).text


def test_nothing_to_phone_has_no_button(reader):
    assert "as a list to phone" not in reader.get(COVERAGE).text


def test_its_tables_are_exported(reader, some_dispatches, today):
    period = f"{today - timedelta(days=6)}_{today}"
    response = reader.post(f"{COVERAGE}export/?days=7", {"table": "area", "format": "csv"})
    assert f"coverage-area_{period}_2-rows_" in response["Content-Disposition"]
    assert content(response).decode("utf-8-sig").splitlines() == [
        'area,Dispatches,Rated,Not yet rated,Rated low,More than once,Credited,"Share rated, in percent"',
        "东,2,1,1,0,1,1,50.0",
        "西,1,1,0,1,0,0,100.0",
    ]
    response = reader.post(f"{COVERAGE}export/?days=7", {"table": "product", "format": "xlsx"})
    table, about = openpyxl.load_workbook(io.BytesIO(content(response))).worksheets
    assert [cell.value for cell in table[2]] == ["畅享 129 套餐", 3, 2, 1, 1, 1, 1, 66.7]
    assert dict(list(about.values)[1:4]) == {
        "rows": 1,
        "filter": period.replace("_", " – "),
        "by": "view_account-view_grade",
    }


@pytest.mark.parametrize("data", [{}, {"table": "x", "format": "csv"}, {"table": "area", "format": "x"}])
def test_an_export_of_an_unknown_table_or_format_is_refused(reader, data):
    assert reader.post(f"{COVERAGE}export/", data).status_code == 400


def test_an_export_of_a_bad_period_goes_to_the_page_that_says_why(reader):
    query = "from=2026-11-02&to=2026-11-01"
    response = reader.post(f"{COVERAGE}export/?{query}", {"table": "area", "format": "csv"})
    assert response["Location"] == f"{COVERAGE}?{query}"


def test_an_export_of_an_empty_table_says_so(reader, today):
    response = reader.post(f"{COVERAGE}export/?days=1", {"table": "area", "format": "csv"})
    assert response["Location"] == f"{COVERAGE}?from={today}&to={today}"
    assert messages(response) == ["Nothing matches, so there is nothing to export."]


def test_a_bad_period_says_why_and_shows_the_default(reader):
    page = reader.get(f"{COVERAGE}?from=2026-11-02&to=2026-11-01")
    assert page.status_code == 400
    assert '<li class="error">The first day is after the last one.</li>' in page.text


def test_an_empty_period_says_so(reader):
    page = reader.get(COVERAGE)
    assert page.text.count("No dispatches in this period.") == 2
    assert figures(page)["Dispatches"] == 0


def test_it_needs_the_rights_to_see_dispatches_and_ratings(client_with, staff):
    for path in (COVERAGE, f"{COVERAGE}export/"):
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
