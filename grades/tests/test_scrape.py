"""scrape.py: what `/metrics` reads at each scrape."""

import os
import shutil
import subprocess
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from grades import metrics
from grades import scrape as module
from grades.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def var_dir(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    (settings.VAR_DIR / "state").mkdir(parents=True)
    return settings.VAR_DIR


def test_the_release_is_named(counting, settings):
    settings.VERSION = "20261128-0a1b2c3"
    assert counting().labels("build_info") == {("20261128-0a1b2c3",): 1}


def test_jobs_are_counted_by_state_with_their_ages(counting, staff):
    now = timezone.now()
    for age in (100, 50):
        Job.objects.create(kind="a", owner=staff, created_at=now - timedelta(seconds=age))
    for age in (10, 5):
        Job.objects.create(
            kind="b", owner=staff, state="running", claim="0" * 32, heartbeat=now - timedelta(seconds=age)
        )
    Job.objects.create(kind="c", owner=staff, state="failed", created_at=now - timedelta(days=3))
    scrape = counting()
    assert scrape.labels("jobs") == {("waiting",): 2, ("running",): 2, ("failed",): 1}
    assert ("scoring_jobs", frozenset({("state", "done")})) in scrape.samples
    assert 100 <= scrape("job_oldest_waiting_seconds") < 110
    assert 10 <= scrape("job_oldest_heartbeat_seconds") < 20
    assert scrape("database_up") == 1


def test_without_jobs_the_ages_are_zero(counting):
    scrape = counting()
    assert scrape.samples["scoring_job_oldest_waiting_seconds", frozenset()] == 0
    assert scrape.samples["scoring_job_oldest_heartbeat_seconds", frozenset()] == 0


def test_connections_of_the_server_are_counted(counting, request):
    from django.db import connection

    if connection.vendor != "mysql":
        pytest.skip("needs MySQL or MariaDB")
    scrape = counting()
    assert 1 <= scrape("database_connections") <= scrape("database_max_connections")


def test_a_database_that_fails_leaves_the_other_metrics(counting, monkeypatch):
    def fail():
        raise DatabaseError

    monkeypatch.setattr(module, "read_jobs", fail)
    scrape = counting()
    assert scrape.samples["scoring_database_up", frozenset()] == 0
    assert not [name for name, _ in scrape.samples if name.startswith(("scoring_job_", "scoring_jobs{"))]
    assert scrape.labels("build_info")


def test_the_backup_and_the_drill_are_read_from_their_files(counting, var_dir):
    (var_dir / "state" / "last_backup.json").write_text('{"at": "2026-11-28T01:02:03Z", "ok": true, "bytes": 7}')
    (var_dir / "state" / "last_drill.json").write_text('{"at": "2026-11-27T00:00:00Z", "ok": false}')
    scrape = counting()
    assert scrape.labels("task_timestamp_seconds") == {("backup",): 1795827723, ("drill",): 1795737600}
    assert scrape("task_success", task="backup") == 1
    assert scrape.samples["scoring_task_success", frozenset({("task", "drill")})] == 0


@pytest.mark.parametrize(("hours", "seconds"), [(30, 108_000), (0, 0)])
def test_the_alerts_know_whether_a_machine_makes_backups(counting, settings, hours, seconds):
    settings.BACKUP_MAX_HOURS = hours
    assert counting().samples["scoring_backup_max_age_seconds", frozenset()] == seconds


def test_each_ended_process_is_added_once(counting):
    """Many restarts leave one file, so that a scrape stays fast."""
    metrics.count_batch(3)
    metrics.flush()
    for ended in range(4_200_000, 4_200_020):  # beyond the largest process id
        shutil.copy(counting.folder / f"histogram_{os.getpid()}.db", counting.folder / f"histogram_{ended}.db")
    for _ in range(2):
        scrape = counting()
        found = [scrape(f"group_commit_rows_{suffix}") for suffix in ("sum", "count")]
        assert (found, scrape("group_commit_rows_bucket", le="2.0")) == ([63, 21], 0)
        assert scrape("group_commit_rows_bucket", le="4.0") == scrape("group_commit_rows_bucket", le="+Inf") == 21
    assert len(list(counting.folder.glob("histogram_*.db"))) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "yesterday", "ok": true}', '{"at": 7, "ok": true}'])
def test_a_state_that_cannot_be_read_is_a_failure(counting, var_dir, text):
    (var_dir / "state" / "last_backup.json").write_text(text)
    (var_dir / "state" / "last_13800138000.json").write_text('{"at": "2026-11-28T01:02:03Z", "ok": true}')
    scrape = counting()
    assert scrape.samples["scoring_task_success", frozenset({("task", "backup")})] == 0
    assert scrape.labels("task_timestamp_seconds") == {}
    assert "13800138000" not in counting.text()


def test_counts_of_ended_processes_are_added_up_and_gauges_deleted(counting):
    ended = subprocess.Popen(["true"])
    ended.wait()
    metrics.count_retry()
    metrics.count_opening(1)
    for name in ("gauge_livemax", "counter"):
        shutil.copy(counting.folder / f"{name}_{os.getpid()}.db", counting.folder / f"{name}_{ended.pid}.db")
    (counting.folder / f"histogram_{ended.pid}.db").touch()
    assert [counting()("database_retries_total") for _ in range(2)] == [2, 2]
    kinds = ("counter", "gauge_livemax", "histogram")
    mine = [f"{kind}_{os.getpid()}.db" for kind in kinds]
    assert sorted(os.listdir(counting.folder)) == sorted(["boot_id", "counter_ended.db", *mine])
