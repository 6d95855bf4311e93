"""views/health.py and health.py: what monitoring is told."""

import os
import time

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from grades import health

from ..helpers.servers import SCORE_COMMAND, SITE_COMMAND, request, running
from ..helpers.sql import newest_migration

pytestmark = pytest.mark.slow

READY = {"status": "ok", "database": "ok", "migrations": "ok", "jobs": "ok"}
# A worker of granian that starts while the server stops is killed after 30 seconds only.
ONE_WORKER = {"SCORE_WORKERS": "1", "WEB_WORKERS": "1"}


@pytest.fixture(autouse=True)
def state(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(health, "is_migrated", health.threading.Event())


def test_healthz_answers_without_a_database():
    response = Client().get("/healthz")  # pytest-django refuses a database here
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies


@pytest.mark.django_db
def test_readyz_is_ready_with_database_migrations_and_worker():
    health.beat()
    response = Client().get("/readyz")
    assert (response.status_code, response.json()) == (200, READY)
    assert response["Cache-Control"] == "no-store"
    assert response.text.count("\n") == 5, "a line each"
    assert not response.cookies


@pytest.mark.django_db
def test_readyz_is_not_ready_while_a_migration_is_pending(django_assert_num_queries):
    health.beat()
    recorder = MigrationRecorder(connection)
    newest = newest_migration()
    recorder.record_unapplied("grades", newest)
    response = Client().get("/readyz")
    assert (response.status_code, response.json()) == (503, READY | {"status": "failed", "migrations": "pending"})
    recorder.record_applied("grades", newest)
    assert Client().get("/readyz").json() == READY
    with django_assert_num_queries(1):  # SELECT 1: what this process found stays true
        assert Client().get("/readyz").json() == READY


@pytest.mark.django_db
def test_readyz_is_ready_where_the_jobs_run_on_another_machine(settings):
    settings.JOBS_ELSEWHERE = True
    assert health.seconds_since_beat() is None
    response = Client().get("/readyz")
    assert (response.status_code, response.json()) == (200, READY)


@pytest.mark.django_db
@pytest.mark.parametrize("age", [None, 181])
def test_readyz_is_not_ready_without_a_worker_of_the_jobs(age):
    if age:
        health.beat()
        os.utime(health.heartbeat_file(), (time.time() - age, time.time() - age))
    response = Client().get("/readyz")
    assert (response.status_code, response.json()) == (503, READY | {"status": "failed", "jobs": "silent"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_takes_get_and_head_only(path):
    assert Client().post(path).status_code == 405


def test_a_beat_touches_the_file_at_most_every_ten_seconds():
    health.beat()
    file = health.heartbeat_file()
    for age, is_touched in [(5, False), (11, True), (-3600, True)]:
        then = time.time() - age
        os.utime(file, (then, then))
        health.beat()
        assert (abs(file.stat().st_mtime - then) > 1) == is_touched


def test_a_beat_that_cannot_be_written_is_logged(settings, tmp_path, caplog):
    settings.VAR_DIR = tmp_path / "file"
    settings.VAR_DIR.write_text("")
    health.beat()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert health.seconds_since_beat() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("command", "server"), [(SITE_COMMAND, "gunicorn"), (SCORE_COMMAND, "granian"), (SCORE_COMMAND, "gunicorn")]
)
def test_probes_come_by_plain_http_and_by_ip_also_with_https(tmp_path, command, server):
    options = ONE_WORKER | {"SCORE_SERVER": server, "HTTPS": "1", "ALLOWED_HOSTS": "rate.example.cn"}
    with running(tmp_path / "log", command, **options) as process:
        status, headers, text = request(process.address, "GET", "/healthz")
        assert (status, headers["Content-Type"], text) == (200, "application/json", '{\n"status": "ok"\n}')
        status, headers, text = request(process.address, "GET", "/readyz")
        assert '"database": "ok",\n"migrations": "ok",' in text
        assert "Set-Cookie" not in headers
        assert request(process.address, "GET", "/query")[0] in (301, 400), "other pages keep their guard"


@pytest.mark.parametrize(("command", "server"), [(SITE_COMMAND, "gunicorn"), (SCORE_COMMAND, "granian")])
def test_readyz_tells_an_outage_and_healthz_does_not(tmp_path, command, server):
    pytest.importorskip("MySQLdb", reason="needs the driver for MySQL or MariaDB")
    options = ONE_WORKER | {"SCORE_SERVER": server, "DATABASE_URL": "mysql://user:secret@127.0.0.1:1/scoring"}
    with running(tmp_path / "log", command, **options) as process:
        status, _headers, text = request(process.address, "GET", "/readyz")
        assert (status, '"database": "unreachable",\n"migrations": "unknown"' in text) == (503, True)
        assert "secret" not in text
        assert request(process.address, "GET", "/healthz")[0] == 200
