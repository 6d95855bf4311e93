"""metrics.py: what is counted, under which labels, and in which folder."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone
from prometheus_client.mmap_dict import MmapedDict

from grades import jobs, metrics
from grades.api import ScoreView
from grades.middleware import view_of
from grades.models import Job
from grades.replies import toast

from .helpers.submissions import FORM, raw_form


def reply(status, error="", is_duplicate=False):
    response = toast("", status, {"X-Score-Error": error} if error else {})
    response.is_duplicate = is_duplicate
    return response


@pytest.mark.parametrize(
    ("response", "labels"),
    [
        (reply(200), ("stored", "")),
        (reply(200, is_duplicate=True), ("duplicate", "")),
        (reply(409, "submission_id: already used for other content"), ("conflict", "")),
        (reply(409, "acc_nbr: this dispatch is already rated"), ("already_rated", "")),
        (reply(429, "rate: too many"), ("rate_limited", "")),
        (reply(500, "server: internal error"), ("failed", "")),
        (reply(503, "store: unreachable"), ("unavailable", "")),
        (reply(400, "grade1: out of range"), ("refused", "grade1")),
        (reply(401, "login: required"), ("refused", "login")),
        (reply(413, "body: too large"), ("refused", "body")),
        (reply(400, "13800138000: of a client"), ("refused", "other")),
        (reply(418), ("refused", "other")),
    ],
)
def test_a_reply_has_one_outcome_and_known_labels(response, labels):
    assert metrics.outcome_of(response) == labels
    assert labels in metrics.all_outcomes()


@pytest.mark.django_db
def test_the_view_says_whether_a_rating_is_a_duplicate(rf):
    view = ScoreView.as_view()
    replies = [view(rf.post("/score", raw_form(), content_type=FORM)) for _ in range(2)]
    assert [metrics.outcome_of(response) for response in replies] == [("stored", ""), ("duplicate", "")]


def test_without_a_folder_nothing_is_counted_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metrics.start("")
    metrics.count_rating(reply(200), 0.1)
    metrics.count_batch(3)
    assert metrics.instruments is None
    assert list(tmp_path.iterdir()) == []


def test_each_count_is_in_the_scrape(counting):
    metrics.count_rating(reply(200), 0.004)
    metrics.count_rating(reply(400, "grade1: out of range"), 0.3)
    metrics.count_request("home", "GET", 200, 0.01)
    metrics.count_request("home", "BREW", 405, 0.01)
    metrics.count_batch(3)
    metrics.count_retry()
    metrics.count_opening(1)
    metrics.count_export("csv", 1200, 0.2)
    scrape = counting()
    assert scrape.labels("ratings_total") == {("stored", ""): 1, ("refused", "grade1"): 1}
    assert (scrape("rating_seconds_count"), scrape("rating_seconds_bucket", le="0.005")) == (2, 1)
    assert scrape.labels("requests_total") == {("GET", "2xx", "home"): 1, ("other", "4xx", "home"): 1}
    assert scrape("request_seconds_count", view="home") == 2
    assert (scrape("group_commit_rows_sum"), scrape("group_commit_rows_count")) == (3, 1)
    assert (scrape("database_retries_total"), scrape("circuit_breaker_openings_total")) == (1, 1)
    assert 0 < scrape("circuit_breaker_open_until_timestamp_seconds") - time.time() <= 1
    assert (scrape("export_rows_total", format="csv"), scrape("export_seconds_count", format="csv")) == (1200, 1)


def test_every_outcome_begins_at_zero(counting):
    """Prometheus sees no increase in a series that begins with its first event."""
    text = counting.text()
    for outcome in ("stored", "duplicate", "conflict", "already_rated", "rate_limited", "failed", "unavailable"):
        assert f'scoring_ratings_total{{outcome="{outcome}",reason=""}} 0.0' in text


@pytest.mark.parametrize(("rows", "bucket"), [(1, "1.0"), (2, "2.0"), (3, "4.0"), (64, "64.0"), (65, "+Inf")])
def test_an_observation_is_in_the_bucket_of_its_bound(counting, rows, bucket):
    metrics.count_batch(rows)
    found = counting().labels("group_commit_rows_bucket")
    assert min(found, key=lambda labels: float(labels[0])) == (bucket,)
    assert set(found.values()) == {1}


def test_counts_of_many_threads_are_exact(counting):
    def count(number):
        metrics.count_rating(reply(200, is_duplicate=number % 4 == 0), 0.25)
        metrics.count_batch(2)
        if number % 10 == 0:
            metrics.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(4000)))
    scrape = counting()
    assert scrape.labels("ratings_total") == {("stored", ""): 3000, ("duplicate", ""): 1000}
    assert (scrape("rating_seconds_count"), scrape("rating_seconds_sum")) == (4000, 1000)
    assert (scrape("group_commit_rows_count"), scrape("group_commit_rows_sum")) == (4000, 8000)


def test_a_stored_rating_is_counted_within_seconds_without_a_scrape_of_its_process(counting):
    metrics.count_rating(reply(200), 0.25)
    metrics.count_batch(1)
    [histograms] = counting.folder.glob("histogram_*.db")
    sums = None
    for _try in range(200):
        read = {json.loads(key)[1]: value for key, value, *_ in MmapedDict.read_all_values_from_file(str(histograms))}
        sums = (read["scoring_rating_seconds_sum"], read["scoring_group_commit_rows_sum"])
        if sums == (0.25, 1):
            break
        time.sleep(0.05)
    assert sums == (0.25, 1)


@pytest.mark.django_db
def test_an_export_is_counted_with_its_rows(counting, superuser_client, make_account):
    make_account()
    response = superuser_client.post("/admin/grades/account/export/", {"format": "csv"})
    assert b"13800138000" in b"".join(response.streaming_content)
    scrape = counting()
    assert (scrape("export_rows_total", format="csv"), scrape("export_seconds_count", format="csv")) == (1, 1)


@pytest.mark.django_db(transaction=True)  # the worker closes an idle connection
def test_a_worker_of_jobs_tells_that_it_lives(counting, staff):
    looks = iter([False, True])
    jobs.run_until(lambda: next(looks), lambda _seconds: None)
    assert time.time() - counting()("jobs_worker_seen_timestamp_seconds") < 5


@pytest.mark.django_db
def test_a_report_of_a_job_is_a_sign_of_life_too(counting, staff):
    claimed = {"state": "running", "claim": "0" * 32, "heartbeat": timezone.now()}
    job = Job.objects.get(pk=Job.objects.create(kind="test", owner=staff, **claimed).pk)
    job.report(1)
    assert time.time() - counting()("jobs_worker_seen_timestamp_seconds") < 5


# --- The folder -------------------------------------------------------------------------------------


def test_files_from_before_a_boot_are_deleted(tmp_path):
    metrics.prepare(str(tmp_path / "new" / "metrics"))
    folder = tmp_path / "new" / "metrics"
    assert (folder.stat().st_mode & 0o777, os.listdir(folder)) == (0o700, ["boot_id"])
    (folder / "counter_7.db").touch()
    (folder / "boot_id").write_text("of an earlier boot\n")
    metrics.prepare(str(folder))
    assert os.listdir(folder) == ["boot_id"]
    assert (folder / "boot_id").read_text() == Path("/proc/sys/kernel/random/boot_id").read_text()


def test_files_of_this_boot_stay(tmp_path):
    """A program that is restarted must not take the counts of the others away."""
    metrics.prepare(str(tmp_path))
    (tmp_path / "counter_7.db").touch()
    metrics.prepare(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["boot_id", "counter_7.db"]


def test_a_folder_that_cannot_be_used_is_named():
    message = "METRICS_DIR: /dev/null/x cannot be used: Not a directory. Let this user write there, or set METRICS_DIR="
    with pytest.raises(ImproperlyConfigured) as error:
        metrics.start("/dev/null/x")
    assert str(error.value) == message
    assert metrics.instruments is None


def test_the_worker_of_jobs_names_it_too(settings):
    settings.METRICS_DIR = "/dev/null/x"
    with pytest.raises(CommandError, match=r"^METRICS_DIR: /dev/null/x cannot be used"):
        call_command("run_jobs", "--once")


# --- The middleware ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_requests_are_counted_by_view_and_never_by_path(counting, client):
    client.handler.load_middleware()
    for path in ("/", "/nowhere/13800138000", "/static/nothing.css", "/query", "/r/AAAAAAAAAAFP-g", "/admin/nowhere/"):
        client.get(path)
    assert counting().labels("requests_total") == {
        ("GET", "2xx", "home"): 1,
        ("GET", "4xx", "none"): 1,
        ("GET", "4xx", "static"): 1,
        ("GET", "3xx", "query"): 1,
        ("GET", "2xx", "open-in-wechat"): 1,
        ("GET", "3xx", "admin:django.contrib.admin.sites.catch_all_view"): 1,
    }
    assert "13800138000" not in counting.text()


def test_the_view_of_a_request_is_one_of_few(rf):
    request = rf.get("/static/x")
    assert view_of(request) == "static"
    request.resolver_match = SimpleNamespace(view_name="admin:index")
    assert view_of(request) == "admin:index"
