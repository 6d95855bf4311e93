"""`POST /wechat/login`, against a stub of WeChat's API."""

import json
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.test import Client

from e2e import wechat_stub
from grades.tokens import read_session

from ..helpers.submissions import ENGLISH, FORM, assert_error
from ..helpers.submissions import log_in_by_wechat as log_in

pytestmark = pytest.mark.django_db


def test_a_code_becomes_a_session_of_its_openid(client, wechat):
    response = log_in(client, "code-ann")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response["Cache-Control"] == "no-store"
    assert set(response.json()) == {"session", "expires_in"}
    assert response.json()["expires_in"] == 30 * 24 * 3600
    assert read_session(response.json()["session"]) == "o-ann"
    assert wechat_stub.SESSION_KEY not in response.content.decode()
    assert not response.cookies


@pytest.mark.parametrize("value", ["code-ann", '"code-ann"'])
def test_a_form_is_accepted_like_json(client, wechat, value):
    response = client.post("/wechat/login", data=f"code={quote(value)}", content_type=FORM)
    assert response.status_code == 200
    assert read_session(response.json()["session"]) == "o-ann"


def test_a_session_expires_after_the_days_of_the_setting(client, wechat, settings):
    settings.WECHAT_SESSION_DAYS = 2
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        response = log_in(client, "code-ann").json()
        assert response["expires_in"] == 2 * 24 * 3600
        clock.shift(timedelta(days=2))
        assert read_session(response["session"]) == "o-ann"
        clock.shift(timedelta(seconds=1))
        assert read_session(response["session"]) is None


def test_a_used_code_is_refused(client, wechat):
    assert log_in(client, "code-ann").status_code == 200
    assert_error(log_in(client, "code-ann"), 400, "code", "This login code is not valid or was used before.")
    assert wechat.hits == {"code-ann": 2}


BUSY = "WeChat does not answer. Try again in a few seconds."


WRONG = "WeChat login is not set up correctly on this site."


ANSWERS = {
    "errcode-40029": (400, "code", "This login code is not valid or was used before.", None),
    "unknown to WeChat": (400, "code", "code must be a login code of 1 to 128 characters.", None),
    "unknown-to-wechat": (400, "code", "This login code is not valid or was used before.", None),
    "errcode-40226": (403, "blocked", "WeChat does not let this user log in.", None),
    "errcode-45011": (429, "rate", "Too many logins. Try again in a minute.", "60"),
    "errcode--1": (503, "wechat", BUSY, "5"),
    "garbage": (503, "wechat", BUSY, "5"),
    "list": (503, "wechat", BUSY, "5"),
    "no-openid": (503, "wechat", BUSY, "5"),
    "status-500": (503, "wechat", BUSY, "5"),
    "status-302": (503, "wechat", BUSY, "5"),
    "hang-up": (503, "wechat", BUSY, "5"),
    "huge": (503, "wechat", BUSY, "5"),
    "errcode-40013": (500, "wechat", WRONG, None),
    "errcode-40125": (500, "wechat", WRONG, None),
    "errcode-48001": (500, "wechat", WRONG, None),
}


@pytest.mark.parametrize("code", ANSWERS)
def test_each_failure_of_wechat_has_its_answer(client, wechat, code):
    status, error, message, retry_after = ANSWERS[code]
    assert_error(log_in(client, code), status, error, message, retry_after=retry_after)
    assert set(wechat.hits) <= {code}  # and no redirect was followed


BAD_CODES = {
    "absent": {},
    "null": {"code": None},
    "number": {"code": 123},
    "true": {"code": True},
    "list": {"code": ["code-ann"]},
    "empty": {"code": ""},
    "129 characters": {"code": "c" * 129},
    "10 kB": {"code": "c" * 10_000},
    "line end": {"code": "code-ann\n"},
    "NUL": {"code": "\x00"},
    "half a surrogate pair": {"code": "\ud800"},
    "Chinese": {"code": "码"},
}


@pytest.mark.parametrize("name", BAD_CODES)
def test_an_invalid_code_is_refused_without_asking_wechat(client, wechat, name):
    response = client.post(
        "/wechat/login", json.dumps(BAD_CODES[name]), content_type="application/json", headers=ENGLISH
    )
    assert_error(response, 400, "code", "code must be a login code of 1 to 128 characters.")
    assert not wechat.hits


@pytest.mark.parametrize(
    ("content_type", "body", "status", "error", "message"),
    [
        ("application/json", b"{", 400, "body", "not JSON"),
        ("application/json", b"[]", 400, "body", "not an object"),
        ("application/json", b'{"code": "\xff"}', 400, "body", "not UTF-8"),
        (FORM, b"code=a&code=b", 400, "body", "a field is given twice"),
        ("application/json", b'{"code": "' + b"c" * 16384 + b'"}', 413, "body", "too large"),
        ("text/plain", b"code", 415, "content-type", "must be a form or JSON"),
    ],
)
def test_a_body_that_does_not_decode_is_refused(client, wechat, content_type, body, status, error, message):
    assert_error(client.post("/wechat/login", body, content_type=content_type), status, error, message)
    assert not wechat.hits


def test_without_app_id_and_secret_login_is_not_found(client):
    assert_error(log_in(client, "code-ann"), 404, "not_configured", "This site has no WeChat login.")


@pytest.mark.parametrize(
    ("path", "methods", "allow"),
    [
        ("/wechat/login", ["get", "put", "delete", "options"], "POST"),
        ("/wechat/receipts", ["post", "put", "delete", "options"], "GET"),
    ],
)
def test_other_methods_are_refused_with_json(client, path, methods, allow):
    for method in methods:
        response = getattr(client, method)(path, headers={"accept": "text/html"})
        assert_error(response, 405, "method", f"only {allow} is allowed")
        assert response["Allow"] == allow


def test_no_csrf_token_is_needed(wechat):
    assert log_in(Client(enforce_csrf_checks=True), "code-ann").status_code == 200
