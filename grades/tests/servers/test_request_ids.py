"""One request id in the reply and in every line of the log, from each server."""

import json
import re

import pytest

from ..helpers.servers import SCORE_COMMAND, SCORE_SERVERS, SITE_COMMAND, kept_connection, request, running
from ..helpers.submissions import FAILURE, FORM, SUCCESS, raw_form

pytestmark = pytest.mark.django_db(transaction=True)

GIVEN = "0123456789abcdef" * 2
MADE = re.compile("[0-9a-f]{32}")
# No transient error: /score answers 500 at once and logs why.
BROKEN_DATABASE = {"DATABASE_URL": "sqlite:////proc/db.sqlite3"}
# A granian worker that is told to end while it starts may end only after 30 s, so no second one may be starting.
ONE_WORKER = {"SCORE_WORKERS": "1"}


def rate(server, **headers):
    return request(server, "POST", "/score", raw_form(), {"Content-Type": FORM, **headers})


def records(log):
    """The records of a log in JSON; fails on a line that is none."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_rating_gets_the_id_of_the_proxy_back(any_server):
    status, headers, body = rate(any_server, **{"X-Request-Id": GIVEN})
    assert (status, body, headers.get_all("X-Request-Id")) == (200, SUCCESS, [GIVEN])


def test_a_rating_needs_no_id(any_server):
    for given in ({}, {"X-Request-Id": "13800138000"}):
        status, headers, body = rate(any_server, **given)
        assert (status, body, headers.get_all("X-Request-Id")) == (200, SUCCESS, None)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/score/form", "/static/nothing.css"])
def test_every_other_reply_has_an_id(any_server, path):
    _, headers, _ = request(any_server, "GET", path, headers={"X-Request-Id": GIVEN})
    assert headers.get_all("X-Request-Id") == [GIVEN]
    _, headers, _ = request(any_server, "GET", path, headers={"X-Request-Id": GIVEN[:-1]})
    [made] = headers.get_all("X-Request-Id")
    assert MADE.fullmatch(made)


@pytest.mark.parametrize("name", SCORE_SERVERS)
def test_an_error_of_a_rating_is_logged_with_the_id_of_its_reply(tmp_path, name):
    log = tmp_path / "log"
    settings = {"SCORE_SERVER": name, "LOG_FORMAT": "json"} | BROKEN_DATABASE | ONE_WORKER
    with running(log, SCORE_COMMAND, **settings) as process:
        replies = [rate(process.address, **{"X-Request-Id": GIVEN}), rate(process.address)]
    assert [(status, body) for status, _, body in replies] == [(500, FAILURE)] * 2
    ids = [headers["X-Request-Id"] for _, headers, _ in replies]
    assert (ids[0], bool(MADE.fullmatch(ids[1]))) == (GIVEN, True)
    failures = [record for record in records(log) if record["logger"] == "grades.api"]
    assert [record["message"] for record in failures] == ["a submission failed"] * 2
    assert [record["request_id"] for record in failures] == ids
    assert all(record["exception"].startswith("django.db.utils.OperationalError at\n") for record in failures)


def test_the_access_log_in_json_has_the_id_of_the_reply_and_no_query(tmp_path):
    log = tmp_path / "log"
    with running(log, SITE_COMMAND, LOG_FORMAT="json") as process:
        status, headers, body = request(process.address, "GET", '/now"here\\?phonenum=13800138000')
        request(process.address, "GET", "/nowhere", headers={"X-Request-Id": GIVEN})
    found = [record for record in records(log) if record.get("request_id") == headers["X-Request-Id"]]
    warning, line = found
    assert (warning["logger"], warning["level"]) == ("django.request", "WARNING")
    del line["time"], line["seconds"]
    assert line == {
        "level": "INFO",
        "logger": "gunicorn.access",
        "method": "GET",
        "path": "/now_here\\",
        "status": status,
        "bytes": len(body.encode()),
        "request_id": headers["X-Request-Id"],
    }
    others = [record["logger"] for record in records(log) if record.get("request_id") == GIVEN]
    assert others == ["django.request", "gunicorn.access"]


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_request_that_cannot_be_read_is_logged_without_an_id(tmp_path, form):
    """The thread has served another request before."""
    log = tmp_path / "log"
    with running(log, SITE_COMMAND, LOG_FORMAT=form, WEB_WORKERS="1", WEB_THREADS="1") as process:
        request(process.address, "GET", "/nowhere", headers={"X-Request-Id": GIVEN})
        status, _, body = request(process.address, "GET", "/score", headers={"Content-Length": "-1"})
        assert (status, body) == (400, FAILURE)
    [line] = [line for line in log.read_text().splitlines() if "Refused a malformed request" in line]
    assert GIVEN not in line
    assert not MADE.search(line)


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_body_that_cannot_be_read_after_the_reply_is_logged_without_an_id(tmp_path, form):
    log = tmp_path / "log"
    with (
        running(log, SITE_COMMAND, LOG_FORMAT=form) as process,
        kept_connection(process.address) as (client, answers),
    ):
        head = b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nTransfer-Encoding: chunked"
        client.sendall(head + b"\r\n\r\n1\r\nno end of a chunk")
        replies = answers.read()
    assert re.findall(rb"HTTP/1.1 (\d+)", replies) == [b"411", b"400"]
    lines = [line for line in log.read_text().splitlines() if "/nowhere" in line]
    if form == "plain":
        assert re.search("/nowhere 411 .* [0-9a-f]{32}$", lines[-2])
        assert lines[-1].endswith("/nowhere 400 0 bytes 0 ms -")
    else:
        replied, failed = map(json.loads, lines[-2:])
        assert (replied["status"], bool(MADE.fullmatch(replied["request_id"]))) == (411, True)
        assert (failed["logger"], failed["status"], "request_id" in failed) == ("gunicorn.access", 400, False)
