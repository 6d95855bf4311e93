"""The client of WeChat's API: time limits, faults, and a log without secrets."""

import json
import logging
import socket
import time

import pytest
from django.test import Client

from e2e import wechat_stub
from grades import wechat as wechat_client

from .helpers.servers import request, running
from .helpers.submissions import FORM, NUMBER, assert_error, parallel, raw_form, session_of
from .helpers.submissions import log_in_by_wechat as log_in

pytestmark = pytest.mark.django_db


BUSY = "WeChat does not answer. Try again in a few seconds."


WRONG = "WeChat login is not set up correctly on this site."


@pytest.mark.parametrize("code", ["slow", "drip"])
def test_a_slow_answer_is_given_up_in_time(client, wechat, monkeypatch, code):
    monkeypatch.setattr(wechat_client, "READ_SECONDS", 0.3)
    monkeypatch.setattr(wechat_client, "ANSWER_SECONDS", 0.3)
    began = time.monotonic()
    assert_error(log_in(client, code), 503, "wechat", BUSY, retry_after="5")
    assert time.monotonic() - began < 2


def test_an_unreachable_wechat_is_answered_at_once(client, wechat, settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        settings.WECHAT_API_URL = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert_error(log_in(client, "code-ann"), 503, "wechat", BUSY, retry_after="5")


@pytest.mark.django_db(transaction=True)
def test_hanging_logins_leave_other_threads_to_the_ratings(wechat, monkeypatch):
    """At most two calls of a process are under way; the others give up while those two still wait."""
    monkeypatch.setattr(wechat_client, "READ_SECONDS", 3)
    monkeypatch.setattr(wechat_client, "WAIT_FOR_CONNECTION_SECONDS", 0.1)

    def timed(_):
        began = time.monotonic()
        response = log_in(Client(), "slow")
        return response.status_code, time.monotonic() - began < 2.5

    assert sorted(parallel(6, timed, range(6))) == [(503, False)] * 2 + [(503, True)] * 4
    assert wechat.hits["slow"] == 2


# --- Logs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "errcode"), [("WECHAT_APPID", "no-app", 40013), ("WECHAT_SECRET", "wrong-secret", 40125)]
)
def test_a_wrong_app_id_or_secret_is_logged_without_its_value(client, wechat, settings, caplog, field, value, errcode):
    setattr(settings, field, value)
    assert_error(log_in(client, "code-ann"), 500, "wechat", WRONG)
    lines = [record.getMessage() for record in caplog.records if record.name == "grades.wechat"]
    assert lines == [f"WeChat refuses this site's login, errcode {errcode}: check WECHAT_APPID and WECHAT_SECRET"]
    assert value not in caplog.text


SECRETS = ["code-ann", "o-ann", "app-secret-of-the-tests", wechat_stub.SESSION_KEY, "jscode2session"]


def test_a_servers_log_holds_no_code_openid_session_key_or_secret(transactional_db, wechat, settings, tmp_path):
    log = tmp_path / "gunicorn.log"
    more = {
        "LOG_LEVEL": "DEBUG",
        "WECHAT_APPID": settings.WECHAT_APPID,
        "WECHAT_SECRET": settings.WECHAT_SECRET,
        "WECHAT_API_URL": wechat.address,
    }
    with running(log, **more) as process:
        server = process.address
        as_json = {"Content-Type": "application/json"}
        status, _, reply = request(server, "POST", "/wechat/login", '{"code": "code-ann"}', as_json)
        assert status == 200
        for code in ("code-ann", "garbage", "hang-up", "errcode-40125", "errcode--1", "code-ann\n"):
            assert request(server, "POST", "/wechat/login", json.dumps({"code": code}), as_json)[0] >= 400
        session = {"Authorization": f"Bearer {json.loads(reply)['session']}"}
        for _ in range(2):
            assert request(server, "POST", "/score", raw_form(), session | {"Content-Type": FORM})[0] == 200
        assert request(server, "GET", "/wechat/receipts", headers=session)[0] == 200
        assert request(server, "GET", f"/graderesult?phonenum={NUMBER}", headers=session)[0] == 200
    text = log.read_text()
    assert "POST /wechat/login 200" in text
    assert "WeChat refuses this site's login, errcode 40125" in text
    for secret in [*SECRETS, json.loads(reply)["session"].split(":")[0]]:
        assert secret not in text


def test_the_loggers_of_the_http_client_are_silent_at_every_level(client, wechat, caplog):
    caplog.set_level(logging.DEBUG)
    session_of(client, "code-ann")
    log_in(client, "code-ann")
    log_in(client, "hang-up")
    assert not [record for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]
    for secret in SECRETS:
        assert secret not in caplog.text


# --- Codes ----------------------------------------------------------------------------------------

TOKEN_PATH, PICTURE_PATH = "/cgi-bin/stable_token", "/wxa/getwxacodeunlimit"


def calls(wechat):
    """How often a token and a picture were asked for."""
    return wechat.hits[TOKEN_PATH], wechat.hits[PICTURE_PATH]


def ask_for_code():
    return wechat_client.unlimited_code("A" * 28, "release")


def test_an_access_token_serves_many_codes(wechat):
    assert [ask_for_code()[0] for _ in range(3)] == ["image/png"] * 3
    assert calls(wechat) == (1, 3)


def test_an_access_token_is_renewed_before_its_end(wechat, monkeypatch):
    ask_for_code()
    lived = 7200 - wechat_client.TOKEN_MARGIN_SECONDS
    now = time.monotonic
    monkeypatch.setattr(wechat_client.time, "monotonic", lambda: now() + lived - 5)
    ask_for_code()
    assert calls(wechat) == (1, 2)
    monkeypatch.setattr(wechat_client.time, "monotonic", lambda: now() + lived)
    ask_for_code()
    assert calls(wechat) == (2, 3)


def test_an_access_token_of_another_app_is_not_used(wechat, settings):
    ask_for_code()
    settings.WECHAT_APPID = "wx-another"
    ask_for_code()
    assert calls(wechat) == (2, 2)


def test_a_refused_access_token_is_replaced_once(wechat):
    ask_for_code()
    wechat.forget_token()
    ask_for_code()
    assert calls(wechat) == (2, 3)
    wechat.faults = [42001, 42001]
    with pytest.raises(wechat_client.Refused) as refusal:
        ask_for_code()
    assert refusal.value.errcode == 42001
    assert calls(wechat) == (3, 5)


@pytest.mark.parametrize(
    ("field", "value", "errcode"), [("WECHAT_APPID", "no-app", 40013), ("WECHAT_SECRET", "wrong-secret", 40125)]
)
def test_a_refused_app_is_logged_without_its_values(wechat, settings, caplog, field, value, errcode):
    setattr(settings, field, value)
    with pytest.raises(wechat_client.Refused) as refusal:
        ask_for_code()
    assert (refusal.value.errcode, calls(wechat)) == (errcode, (1, 0))
    lines = [record.getMessage() for record in caplog.records if record.name == "grades.wechat"]
    assert lines == [f"WeChat refuses an access token, errcode {errcode}"]


@pytest.mark.parametrize("fault", [-1, 0, "garbage", "list", "no-openid", "huge", "hang-up"])
def test_an_answer_that_is_no_picture_may_be_tried_again(wechat, fault):
    wechat.faults = [fault]
    with pytest.raises(wechat_client.Unavailable):
        ask_for_code()
    assert calls(wechat) == (1, 1)


def test_no_log_holds_an_access_token_or_a_code(wechat, caplog):
    caplog.set_level(logging.DEBUG)
    ask_for_code()
    for wechat.faults in ([45009], ["hang-up"], [40001, 40001], [-1]):
        with pytest.raises((wechat_client.Refused, wechat_client.Unavailable)):
            ask_for_code()
    assert "WeChat refuses a code, errcode 45009" in caplog.text
    for secret in ("access-token-of-the-stub", "app-secret-of-the-tests", "A" * 28):
        assert secret not in caplog.text
