"""admin/exports.py: a list is exported as its filter matches it, at once or by a background job."""

import io
import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.utils import timezone
from openpyxl import load_workbook

from grades import downloads, jobs
from grades.admin import exports, lists
from grades.models import Account, Grade, Job

from ..helpers.office import ACCOUNTS, GRADES, SHANGHAI, act, grant, messages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_folder")]


@pytest.fixture
def some_grades(make_grade):
    """120 ratings; the lowest grade is 1 or 2 in turn."""
    now = timezone.now()
    return [
        make_grade(acc_nbr=f"{number:03}", grade1=number % 2 + 1, insert_time=now - timedelta(minutes=number))
        for number in range(120)
    ]


def read(content, file_format="xlsx"):
    """The first column of a file, without its heading."""
    if file_format == "xlsx":
        return [row[0] for row in load_workbook(io.BytesIO(content)).worksheets[0].values][1:]
    return [line.split(",")[0] for line in content.decode("utf-8-sig").splitlines()[1:]]


def body(response):
    assert response.status_code == 200
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_the_button_exports_all_rows_of_the_filter(roles, some_grades, file_format):
    page = roles["view"].get(f"{GRADES}?lowest=1&p=2")
    assert f"Export all 60 as {file_format.upper()}" in page.text
    address = re.search('<form id="export-form" method="post" action="([^"]*)"', page.text)[1].replace("&amp;", "&")
    response = roles["view"].post(f"{GRADES}{address}", {"format": file_format})
    assert read(body(response), file_format) == [f"{number:03}" for number in range(0, 120, 2)]
    name = rf'attachment; filename="grades_lowest-1_60-rows_\d{{8}}-\d{{4}}\.{file_format}"'
    assert re.fullmatch(name, response["Content-Disposition"])


def test_the_button_exports_the_days_that_the_list_shows_also_after_midnight(roles, make_grade):
    moment = datetime(2026, 11, 26, 23, 59, 30, tzinfo=SHANGHAI)
    make_grade(acc_nbr="1", insert_time=moment - timedelta(hours=1))
    with time_machine.travel(moment, tick=False):
        page = roles["view"].get(f"{GRADES}?period=today&review=new").text
    address = re.search('<form id="export-form" method="post" action="([^"]*)"', page)[1].replace("&amp;", "&")
    assert address == "export/?review=new&from=2026-11-26&to=2026-11-26"
    with time_machine.travel(moment + timedelta(minutes=1), tick=False):
        assert read(body(roles["view"].post(f"{GRADES}{address}", {"format": "csv"})), "csv") == ["1"]


def test_ticked_rows_are_exported_alone(roles, some_grades):
    keys = [some_grades[number].pk for number in (5, 70, 30)]
    response = roles["view"].post(f"{GRADES}export/?lowest=2", {"format": "csv", "_selected_action": keys})
    assert "grades_lowest-2_selected_3-rows" in response["Content-Disposition"]
    assert read(body(response), "csv") == ["005", "030", "070"]


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_the_actions_export_the_ticked_rows_or_all_matches(roles, some_grades, file_format):
    action, keys = f"export_{file_format}", [some_grades[number].pk for number in (5, 70, 30)]
    assert read(body(act(roles["view"], action, keys)), file_format) == ["005", "030", "070"]
    expected = [f"{number:03}" for number in range(0, 120, 2)]
    assert read(body(act(roles["view"], action, keys[:1], True, "?lowest=1&p=2")), file_format) == expected


def test_the_dispatch_list_is_exported_too(roles, make_account):
    make_account()
    assert "Export all 1 as XLSX" in roles["view"].get(ACCOUNTS).text
    response = roles["view"].post(f"{ACCOUNTS}export/", {"format": "xlsx"})
    assert "dispatches_1-rows" in response["Content-Disposition"]
    assert read(body(response)) == ["13800138000"]


def test_the_last_sheet_names_the_filter_but_no_number(roles, make_grade):
    make_grade(grade1=1)
    today = timezone.localdate().isoformat()
    response = roles["view"].post(f"{GRADES}export/?q=138&lowest=2&from={today}&review=new", {"format": "xlsx"})
    lines = dict(load_workbook(io.BytesIO(body(response))).worksheets[-1].values)
    assert lines["filter"] == f"review: New; lowest grade: 2 or below; date: from {today}; searched"
    assert (lines["rows"], lines["by"]) == (1, "reader")
    assert f"grades_review-new_lowest-2_from-{today}_searched_1-rows" in response["Content-Disposition"]


def filter_and_name(response):
    """The filter that the last sheet of a workbook names, and the part of the file's name that stands for it."""
    told = dict(load_workbook(io.BytesIO(body(response))).worksheets[-1].values)["filter"]
    return told, re.search(r"filename=\"[a-z]+_(.*)_\d+-rows", response["Content-Disposition"])[1]


def test_a_typed_value_of_a_filter_stays_out_of_the_file_name(roles, make_account):
    make_account(product="王小明")
    response = roles["view"].post(f"{ACCOUNTS}export/?product=王小明", {"format": "xlsx"})
    assert filter_and_name(response) == ("product: 王小明", "product")


@pytest.mark.parametrize(
    ("query", "told", "name"),
    [
        ("area=", "area: (none)", "area-"),
        ("product=&rated=no", "product: (none); ratings since the dispatch: Not yet rated", "product_rated-no"),
        ("to=2026-12-31&from=", "dispatched on: to 2026-12-31", "to-2026-12-31"),
        (
            "from=2026-01-01&to=2026-12-31",
            "dispatched on: 2026-01-01 to 2026-12-31",
            "from-2026-01-01_to-2026-12-31",
        ),
        ("period=month", "dispatched on: 2026-11-01 to 2026-11-26", "from-2026-11-01_to-2026-11-26"),
    ],
)
def test_an_export_names_the_chosen_filters_of_dispatches(roles, make_account, query, told, name):
    make_account(area="", product="", dispatched_on="2026-11-26")
    with time_machine.travel(datetime(2026, 11, 26, 12, tzinfo=SHANGHAI), tick=False):
        assert filter_and_name(roles["view"].post(f"{ACCOUNTS}export/?{query}", {"format": "xlsx"})) == (told, name)


@pytest.mark.parametrize(
    ("query", "told", "name"),
    [
        ("grade1=5", "服务态度: 5", "grade1-5"),
        ("listed=no", "not on the dispatch list", "listed"),
        ("words=Speed", "words in remarks: Speed", "words"),
    ],
)
def test_an_export_names_the_chosen_filters_of_ratings(roles, make_grade, query, told, name):
    make_grade(grade1=5, txt1="Speed")
    assert filter_and_name(roles["view"].post(f"{GRADES}export/?{query}", {"format": "xlsx"})) == (told, name)


# --- Nothing, nonsense, strangers -----------------------------------------------------------------


def test_an_export_of_nothing_is_a_message_on_the_list(roles, make_grade):
    make_grade(grade1=5, grade2=5, grade3=5)
    assert "export-form" not in roles["view"].get(f"{GRADES}?lowest=1").text
    response = roles["view"].post(f"{GRADES}export/?lowest=1", {"format": "csv"})
    assert (response.status_code, response["Location"]) == (302, f"{GRADES}?lowest=1")
    assert messages(response) == ["Nothing matches, so there is nothing to export."]


@pytest.mark.parametrize("query", ["?lowest=99", "?from=yesterday"])
def test_an_unknown_filter_exports_nothing(roles, make_grade, query):
    make_grade()
    response = roles["view"].post(f"{GRADES}export/{query}", {"format": "csv"})
    assert (response.status_code, response["Location"]) == (302, GRADES)
    assert messages(response)[-1] == "This filter is not known. Nothing was exported."


@pytest.mark.parametrize(
    "fields", [{}, {"format": "exe"}, {"format": "csv", "_selected_action": ["x"]}], ids=["none", "format", "key"]
)
def test_an_unknown_format_or_key_is_a_bad_request(superuser_client, make_grade, fields):
    make_grade()
    assert superuser_client.post(f"{GRADES}export/", fields).status_code == 400


def test_an_export_needs_the_right_to_see_the_list(roles, make_grade, make_account):
    make_grade(), make_account()
    for address in (GRADES, ACCOUNTS):
        responses = [client.post(f"{address}export/", {"format": "csv"}) for client in roles.values()]
        for response in responses:
            response.getvalue()  # reads a download to its end, which closes it
        assert [response.status_code for response in responses] == [302, 302, 403, 200, 200, 200]
        assert roles["view"].get(f"{address}export/").status_code == 405


def test_a_full_disk_is_a_message_on_the_list(roles, make_grade, monkeypatch):
    make_grade()

    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads.tempfile, "NamedTemporaryFile", full)
    response = roles["view"].post(f"{GRADES}export/?review=new", {"format": "csv"})
    assert (response.status_code, response["Location"]) == (302, f"{GRADES}?review=new")
    assert messages(response) == ["The server's disk is full. Nothing was exported."]


# --- In the background ----------------------------------------------------------------------------


@pytest.fixture
def low_bound(monkeypatch):
    for module in (downloads, exports):
        monkeypatch.setattr(module, "DIRECT_ROWS", 20)


@pytest.fixture
def order(roles, low_bound, some_grades):
    """Order an export that is too large for the request; returns its job."""

    def post(query="?lowest=1", file_format="csv", client=roles["view"]):
        response = client.post(f"{GRADES}export/{query}", {"format": file_format})
        job = Job.objects.latest("pk")
        assert (response.status_code, response["Location"]) == (302, f"/jobs/{job.pk}")
        return job

    return post


def on_one_connection(monkeypatch):
    """Rows of an open transaction are seen by its connection only."""
    from contextlib import nullcontext

    monkeypatch.setattr(exports, "streaming_alias", lambda: nullcontext("default"))


@pytest.mark.parametrize("file_format", ["xlsx", "csv"])
def test_a_large_export_is_made_by_a_job_and_fetched(roles, order, monkeypatch, file_format):
    on_one_connection(monkeypatch)
    job = order(file_format=file_format)
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.error) == ("done", 60, 60, "")
    assert re.fullmatch(rf"grades_lowest-1_60-rows_\d{{8}}-\d{{4}}\.{file_format}", job.result)
    response = roles["view"].get(f"/jobs/{job.pk}/file")
    assert read(body(response), file_format) == [f"{number:03}" for number in range(0, 120, 2)]
    assert roles["change"].get(f"/jobs/{job.pk}/file").status_code == 404


def test_a_job_exports_the_days_of_its_order_also_after_midnight(order):
    moment = datetime(2026, 11, 22, 23, 59, 30, tzinfo=SHANGHAI)  # a Sunday
    Grade.objects.update(insert_time=moment - timedelta(days=7))
    with time_machine.travel(moment, tick=False):
        job = order("?period=last-week")
    assert job.parameters["query"] == "from=2026-11-09&to=2026-11-15"


def test_the_same_export_twice_is_one_job(roles, order):
    first = order()
    assert order() == first
    assert order("?lowest=2") != first
    assert order(client=roles["change"]) != first


def test_a_sixth_unfinished_export_is_refused(roles, order):
    for lowest in (1, 2, 3, 4):
        order(f"?lowest={lowest}")
    order("?review=new")
    response = roles["view"].post(f"{GRADES}export/", {"format": "csv"})
    assert response["Location"] == "/jobs"
    text = "You have several jobs that are not finished. Wait for one of them, or stop one."
    assert [str(message) for message in get_messages(response.wsgi_request)][-1] == text


def test_a_job_runs_though_its_list_writes_a_message(order, monkeypatch):
    on_one_connection(monkeypatch)
    job = order("?lowest=1&p=damaged")
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.error) == ("done", 60, "")


def test_a_job_whose_search_is_refused_when_it_runs_fails_with_the_reason(order, monkeypatch):
    job = order("?q=0")
    monkeypatch.setattr(lists, "SEARCH_LIMIT", 3)
    jobs.run_next()
    job.refresh_from_db()
    reason = "More than 3 rows have a number that begins like this. Type more digits."
    error = f"The list does not take this filter or search any more. {reason}"
    assert (job.state, job.error) == ("failed", error)


def test_a_job_of_staff_who_lost_the_right_fails(order, monkeypatch, jobs_folder):
    job = order()
    grant(job.owner)
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "You may not see these rows any more.")
    assert list(jobs_folder.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_an_export_sees_one_moment_while_others_write(order, monkeypatch, some_grades):
    def report(job, done, **options):
        if done:
            Grade.objects.all().delete()
            Account.objects.all().delete()
        return original(job, done, **options)

    original = Job.report
    monkeypatch.setattr(Job, "report", report)
    monkeypatch.setattr("grades.exports.files.REPORT_ROWS", 10)
    job = order()
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, Grade.objects.count()) == ("done", 60, 0)
    assert len(read(job.path.read_bytes(), "csv")) == 60
