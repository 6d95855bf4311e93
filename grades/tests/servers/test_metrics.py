"""`/metrics` of real servers: the counts of all processes, and who may read them."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.conf import settings

from grades.models import Grade

from ..helpers.metrics import Scrape
from ..helpers.servers import SCORE_COMMAND, SCORE_SERVERS, SITE_COMMAND, request, running
from ..helpers.submissions import FAILURE, FORM, SUCCESS, raw_form

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PROXIED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


def start(stack, folder, name, **more_settings):
    """One of the three servers, which counts in `folder`; returns its process."""
    command = SITE_COMMAND if name == "site" else SCORE_COMMAND
    # A granian worker that is told to end while it starts may end only after 30 s, so no second one may be starting.
    server = {} if name == "site" else {"SCORE_SERVER": name, "SCORE_WORKERS": "1"}
    log = folder.parent / f"{name}-{uuid.uuid4().hex}.log"
    return stack.enter_context(running(log, command, METRICS_DIR=str(folder), **(server | more_settings)))


def rate(address, **fields):
    status, _, body = request(address, "POST", "/score", raw_form(**fields), {"Content-Type": FORM})
    return status, body


def scrape(address, stored=None):
    """The metrics; with `stored` as soon as so many ratings are counted: other processes count them once a second."""
    if stored:
        wait_for(lambda: scrape(address)("ratings_total", outcome="stored", reason="") >= stored)
    status, headers, text = request(address, "GET", "/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return Scrape(text)


def test_the_counts_of_all_processes_equal_what_was_sent(tmp_path):
    folder, names = tmp_path / "metrics", ["site", "gunicorn", "granian"]
    with ExitStack() as stack:
        addresses = [start(stack, folder, name, SCORE_WORKERS="2").address for name in names]
        wait_for(lambda: len(list(folder.glob("counter_*.db"))) == 6)  # two processes of each
        with ThreadPoolExecutor(24) as pool:
            replies = list(pool.map(lambda n: rate(addresses[n % 3], acc_nbr=f'"1390000{n:04}"'), range(300)))
        assert replies == [(200, SUCCESS)] * 300
        number = str(uuid.uuid4())
        for address in addresses * 2:
            assert rate(address, submission_id=f'"{number}"') == (200, SUCCESS)  # one is new, five are duplicates
            assert rate(address, submission_id=f'"{number}"', grade1="1") == (409, FAILURE)
            assert rate(address, grade2="9") == (400, FAILURE)
            assert rate(address, txt1='"\\u0007"') == (400, FAILURE)
        scrapes = [scrape(address, stored=301) for address in addresses]
    assert Grade.objects.count() == 301
    for found in scrapes:
        counted = found.labels("ratings_total")
        asked = counted.pop(("refused", "method"))  # by `running`, whether the server is ready
        assert counted == {
            ("stored", ""): 301,
            ("duplicate", ""): 5,
            ("conflict", ""): 6,
            ("refused", "grade2"): 6,
            ("refused", "txt1"): 6,
        }
        assert found("rating_seconds_count") == 324 + asked
        assert found("group_commit_rows_sum") == 301
        assert 1 <= found("group_commit_rows_count") <= 301


@pytest.mark.parametrize("name", SCORE_SERVERS)
def test_counts_survive_a_restart_and_the_kill_of_a_worker(tmp_path, name):
    """A worker that is killed loses at most the counts of its last second."""
    folder = tmp_path / "metrics"
    with ExitStack() as stack:
        other = start(stack, folder, "site")
        with ExitStack() as first:
            address = start(first, folder, name).address
            assert rate(address) == (200, SUCCESS)
        [ended] = [file for file in folder.glob("gauge_livemax_*.db") if not lives(file)]
        assert scrape(other.address).labels("ratings_total")["stored", ""] == 1
        assert not ended.exists()
        process = start(stack, folder, name)
        before = set(folder.glob("gauge_livemax_*.db"))
        [worker] = [int(file.stem.rpartition("_")[2]) for file in before if parent(file) == process.pid]
        assert rate(process.address, acc_nbr='"13900000002"') == (200, SUCCESS)
        scrape(other.address, stored=2)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: is_answered(process.address))
        assert rate(process.address, acc_nbr='"13900000003"') == (200, SUCCESS)
        found = scrape(process.address)
        assert found.labels("ratings_total")["stored", ""] == 3
        assert not (folder / f"gauge_livemax_{worker}.db").exists()


def lives(file):
    return os.path.exists(f"/proc/{file.stem.rpartition('_')[2]}")


def parent(file):
    with open(f"/proc/{file.stem.rpartition('_')[2]}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def is_answered(address):
    try:
        return request(address, "GET", "/score")[0] == 405
    except OSError:
        return False


def wait_for(condition):
    for _try in range(200):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen")


@pytest.mark.parametrize("name", ["site", *SCORE_SERVERS])
def test_only_programs_on_this_machine_read_the_metrics(tmp_path, name):
    """By plain HTTP at an address of this machine, also if the site is https://rate.example.cn only."""
    with ExitStack() as stack:
        address = start(stack, tmp_path / "metrics", name, HTTPS="1", ALLOWED_HOSTS="rate.example.cn").address
        assert scrape(address)("build_info", version="checkout") == 1
        for path in ("/metrics", "/nowhere"):
            host = {"Host": "rate.example.cn"}
            status, _, body = request(address, "GET", path, headers=PROXIED | host)
            assert (status, "scoring_" in body) == (404, False)
            status, headers, body = request(address, "GET", path, headers=host | {"X-Forwarded-For": ""})
            assert (status, headers["Location"], body) == (301, f"https://rate.example.cn{path}", "")


def test_without_a_folder_there_is_no_such_page(any_server):
    status, _, body = request(any_server, "GET", "/metrics")
    assert (status, "scoring_" in body) == (404, False)


@pytest.mark.parametrize("name", SCORE_SERVERS)
def test_an_outage_is_counted_and_the_metrics_stay(tmp_path, name):
    if not importlib.util.find_spec("MySQLdb"):
        pytest.skip("needs the driver for MySQL or MariaDB")
    with ExitStack() as stack:
        gone = {"DATABASE_URL": "mysql://user:secret@127.0.0.1:1/scoring"}
        address = start(stack, tmp_path / "metrics", name, **gone).address
        assert [rate(address), rate(address)] == [(503, FAILURE)] * 2  # the second one by the circuit breaker
        found = scrape(address)
    assert found("ratings_total", outcome="unavailable", reason="") == 2
    assert found("circuit_breaker_openings_total") == 1
    assert abs(found("circuit_breaker_open_until_timestamp_seconds") - time.time()) < 10
    assert found("database_retries_total") >= 5
    assert found.samples["scoring_database_up", frozenset()] == 0


@pytest.mark.parametrize("name", ["site", *SCORE_SERVERS])
def test_a_folder_that_cannot_be_used_stops_the_start_with_advice(name):
    command = SITE_COMMAND if name == "site" else SCORE_COMMAND
    more = {"ENV_FILE": "", "SECRET_KEY": settings.SECRET_KEY, "METRICS_DIR": "/dev/null/x"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=os.environ | more | ({} if name == "site" else {"SCORE_SERVER": name}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (
        1,
        "The settings are wrong: METRICS_DIR: /dev/null/x cannot be used: Not a directory. "
        "Let this user write there, or set METRICS_DIR=",
    )
