"""Several servers on one database, a database that hangs, and a server that is told to stop."""

import os
import runpy
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings as site_settings
from django.db import connection
from django.utils import timezone

from grades.database import retries
from grades.models import Grade

from ..helpers.servers import SCORE_COMMAND, SCORE_SERVERS, request, running
from ..helpers.submissions import FAILURE, FORM, SUCCESS, raw_form

pytestmark = pytest.mark.slow


@contextmanager
def two_servers(tmp_path, name, **settings):
    with (
        running(tmp_path / "1.log", SCORE_COMMAND, SCORE_SERVER=name, **settings) as one,
        running(tmp_path / "2.log", SCORE_COMMAND, SCORE_SERVER=name, **settings) as other,
    ):
        yield [one.address, other.address]


def send(address, body):
    return request(address, "POST", "/score", body, {"Content-Type": FORM})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SCORE_SERVERS)
def test_copies_to_two_servers_are_one_row_per_window(tmp_path, name):
    window = 10
    with two_servers(tmp_path, name, DEDUPE_WINDOW=str(window)) as addresses, ThreadPoolExecutor(64) as pool:
        with_id = raw_form(submission_id=f'"{uuid.uuid4()}"', txt2='"with id"')
        replies = list(pool.map(lambda number: send(addresses[number % 2], with_id), range(64)))
        replies += pool.map(lambda number: send(addresses[number % 2], raw_form()), range(64))
        assert Grade.objects.count() == 2
        # Older by almost the whole window, so that the test does not wait for its end.
        first = timezone.now() - timedelta(seconds=window - 0.5)
        Grade.objects.filter(submission_id=None).update(insert_time=first)

        def send_about_the_edge(number):
            edge = window - (timezone.now() - first).total_seconds()
            time.sleep(max(0, edge + (number - 32) / 320))  # from 0.1 s before to 0.1 s after
            return send(addresses[number % 2], raw_form())

        replies += pool.map(send_about_the_edge, range(64))
    assert {(status, text) for status, _, text in replies} == {(200, SUCCESS)}
    times = list(Grade.objects.filter(submission_id=None).order_by("insert_time").values_list("insert_time", flat=True))
    assert len(times) == 2
    assert times[1] - times[0] >= timedelta(seconds=window)
    assert Grade.objects.count() == 3


@pytest.fixture
def database_pid(transactional_db):
    """The process of the database server, if bin/mariadb or bin/mysql started it; skips otherwise."""
    if connection.vendor != "mysql":
        pytest.skip("needs MySQL or MariaDB: SQLite has no process to stop")
    if "THROW_AWAY_DATABASE_PID" not in os.environ:
        pytest.skip("stops the database server: only one that bin/mariadb or bin/mysql started")
    return int(os.environ["THROW_AWAY_DATABASE_PID"])


@contextmanager
def frozen(pid):
    """Stop a process for a while: a database server that hangs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SCORE_SERVERS)
@pytest.mark.parametrize("seconds", [3, 8])
def test_a_hanging_database_gives_an_answer_within_ten_seconds(database_pid, tmp_path, name, seconds):
    """Sixty-four requests at once, many more than threads, on connections that worked before and on new ones."""
    bodies = [raw_form(submission_id=f'"{uuid.uuid4()}"') for _ in range(72)]

    def timed(body):
        begun = time.monotonic()
        status, headers, text = send(process.address, body)
        return time.monotonic() - begun, status, headers, text

    with (
        running(tmp_path / "log", SCORE_COMMAND, SCORE_SERVER=name, SCORE_THREADS="4") as process,
        ThreadPoolExecutor(72) as pool,
    ):
        assert [reply[1] for reply in pool.map(timed, bodies[:8])] == [200] * 8
        with frozen(database_pid):
            replies = [pool.submit(timed, body) for body in bodies[8:]]
            time.sleep(seconds)
        replies = [reply.result() for reply in replies]
        for taken, status, headers, text in replies:
            assert (status, text) in {(200, SUCCESS), (503, FAILURE)}
            assert headers["Content-Type"] == "application/json"
            assert status == 200 or (headers["Retry-After"], headers["X-Score-Error"]) == ("5", "store: unreachable")
            assert taken < 10
        acknowledged = sum(reply[1] == 200 for reply in replies) + 8
        assert acknowledged <= Grade.objects.count() <= 72
        if seconds > 4:
            assert acknowledged < 72, "the outage was too short to refuse a rating"
        time.sleep(1.1)
        assert {timed(body)[1] for body in bodies} == {200}
    assert Grade.objects.count() == 72


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SCORE_SERVERS)
def test_a_stopping_server_finishes_its_requests(database_pid, tmp_path, name):
    bodies = [raw_form(submission_id=f'"{uuid.uuid4()}"') for _ in range(4)]
    with running(tmp_path / "log", SCORE_COMMAND, SCORE_SERVER=name) as process, ThreadPoolExecutor(4) as pool:
        with frozen(database_pid):
            replies = [pool.submit(send, process.address, body) for body in bodies]
            time.sleep(0.7)
            process.terminate()
            time.sleep(0.7)
        assert {reply.result()[0] for reply in replies} == {200}
        assert process.wait(timeout=20) == 0
    assert Grade.objects.count() == 4


def test_the_connections_of_ratings_time_out_within_ten_seconds(monkeypatch):
    """The last attempt begins within RETRY_SECONDS and is bounded by the connection's time limits."""
    monkeypatch.setenv("DATABASE_URL", "mysql://user:password@127.0.0.1/scoring")
    monkeypatch.setenv("SECRET_KEY", site_settings.SECRET_KEY)
    fresh = runpy.run_path(str(site_settings.BASE_DIR / "scoring_site" / "settings.py"))
    ours, office = (fresh["DATABASES"][alias] for alias in (fresh["API_DATABASE"], "default"))
    assert retries.RETRY_SECONDS + ours["OPTIONS"]["connect_timeout"] + ours["OPTIONS"]["read_timeout"] < 10
    assert {"innodb_lock_wait_timeout=2", "sql_mode='STRICT_ALL_TABLES"} <= {
        *ours["OPTIONS"]["init_command"].replace("SET ", "").replace(",", " ").split()
    }
    assert (ours["CONN_HEALTH_CHECKS"], office["CONN_HEALTH_CHECKS"]) == (False, True)
    assert "read_timeout" not in office["OPTIONS"]
