"""WeChat login against a stub of WeChat's API, over HTTP; and what a login is good for."""

import json
import logging
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.core import signing
from django.db import IntegrityError, connection, transaction
from django.test import Client

from e2e import wechat_stub
from grades import wechat as wechat_client
from grades.models import Grade
from grades.wechat import read_session

from .conftest import running
from .test_graderesult import NUMBER, look, remarks
from .test_score import ARTICLE, FORM, assert_accepted, post, raw_form, stored
from .test_score import assert_refused as assert_score_refused
from .test_server import request

pytestmark = pytest.mark.django_db

ENGLISH = {"accept-language": "en"}


def login(client, code):
    return client.post("/wechat/login", {"code": code}, content_type="application/json", headers=ENGLISH)


def session_of(client, code):
    response = login(client, code)
    assert response.status_code == 200, response.content
    return response.json()["session"]


def rate(client, session, **fields):
    return post(client, raw_form(**fields), authorization=f"Bearer {session}")


def receipts(client, session):
    return client.get("/wechat/receipts", headers=ENGLISH | {"authorization": f"Bearer {session}"})


def assert_error(response, status, error, message, **headers):
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    assert response.json() == {"error": error, "message": message}
    assert response["Cache-Control"] == "no-store"
    assert {name: response.get(name) for name in ("Retry-After", "WWW-Authenticate")} == {
        "Retry-After": headers.get("retry_after"), "WWW-Authenticate": headers.get("authenticate"),
    }  # fmt: skip


# --- POST /wechat/login ---------------------------------------------------------------------------


def test_a_code_becomes_a_session_of_its_openid(client, wechat):
    response = login(client, "code-ann")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response["Cache-Control"] == "no-store"
    assert set(response.json()) == {"session", "expires_in"}
    assert response.json()["expires_in"] == 30 * 24 * 3600
    assert read_session(response.json()["session"]) == "o-ann"
    assert wechat_stub.SESSION_KEY not in response.content.decode()
    assert not response.cookies


@pytest.mark.parametrize("value", ["code-ann", '"code-ann"'])
def test_a_form_is_taken_like_json(client, wechat, value):
    response = client.post("/wechat/login", data=f"code={quote(value)}", content_type=FORM)
    assert response.status_code == 200
    assert read_session(response.json()["session"]) == "o-ann"


def test_a_session_ends_after_the_days_of_the_setting(client, wechat, settings):
    settings.WECHAT_SESSION_DAYS = 2
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        response = login(client, "code-ann").json()
        assert response["expires_in"] == 2 * 24 * 3600
        clock.shift(timedelta(days=2))
        assert read_session(response["session"]) == "o-ann"
        clock.shift(timedelta(seconds=1))
        assert read_session(response["session"]) is None


def test_a_code_that_was_used_before_is_refused(client, wechat):
    assert login(client, "code-ann").status_code == 200
    assert_error(login(client, "code-ann"), 400, "code", "This login code is not valid or was used before.")
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
def test_every_failure_at_wechats_end_has_its_answer(client, wechat, code):
    status, error, message, retry_after = ANSWERS[code]
    assert_error(login(client, code), status, error, message, retry_after=retry_after)
    assert set(wechat.hits) <= {code}  # and no redirect was followed


@pytest.mark.parametrize(
    ("field", "value", "errcode"), [("WECHAT_APPID", "no-app", 40013), ("WECHAT_SECRET", "wrong-secret", 40125)]
)
def test_a_wrong_app_id_or_secret_is_told_to_the_operator_without_either(
    client, wechat, settings, caplog, field, value, errcode
):
    setattr(settings, field, value)
    assert_error(login(client, "code-ann"), 500, "wechat", WRONG)
    lines = [record.getMessage() for record in caplog.records if record.name == "grades.wechat"]
    assert lines == [f"WeChat refuses this site's login, errcode {errcode}: check WECHAT_APPID and WECHAT_SECRET"]
    assert value not in caplog.text


@pytest.mark.parametrize("code", ["slow", "drip"])
def test_wechat_being_slow_is_given_up_in_time(client, wechat, monkeypatch, code):
    monkeypatch.setattr(wechat_client, "READ_SECONDS", 0.3)
    monkeypatch.setattr(wechat_client, "ANSWER_SECONDS", 0.3)
    began = time.monotonic()
    assert_error(login(client, code), 503, "wechat", BUSY, retry_after="5")
    assert time.monotonic() - began < 2


def test_wechat_out_of_reach_is_answered_at_once(client, wechat, settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        settings.WECHAT_API_URL = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert_error(login(client, "code-ann"), 503, "wechat", BUSY, retry_after="5")


@pytest.mark.django_db(transaction=True)
def test_logins_that_hang_leave_other_threads_to_the_ratings(wechat, monkeypatch):
    """Two calls are under way at most in a process; the others give up while those still wait."""
    monkeypatch.setattr(wechat_client, "READ_SECONDS", 2)
    monkeypatch.setattr(wechat_client, "WAIT_FOR_CONNECTION_SECONDS", 0.1)

    def timed(_):
        began = time.monotonic()
        response = login(Client(), "slow")
        return response.status_code, time.monotonic() - began < 1.5

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(timed, range(6)))
    assert outcomes == [(503, False)] * 2 + [(503, True)] * 4
    assert wechat.hits["slow"] == 2


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
def test_what_cannot_be_a_code_is_refused_and_wechat_is_not_asked(client, wechat, name):
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
def test_a_body_that_cannot_be_read_is_refused_by_name(client, wechat, content_type, body, status, error, message):
    assert_error(client.post("/wechat/login", body, content_type=content_type), status, error, message)
    assert not wechat.hits


def test_without_app_id_and_secret_there_is_no_login(client):
    assert_error(login(client, "code-ann"), 404, "not_configured", "This site has no WeChat login.")


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


def test_no_csrf_token_is_asked_for(wechat):
    assert login(Client(enforce_csrf_checks=True), "code-ann").status_code == 200


# --- Logs -----------------------------------------------------------------------------------------

SECRETS = ["code-ann", "o-ann", "app-secret-of-the-tests", wechat_stub.SESSION_KEY, "jscode2session"]


def test_no_code_openid_session_key_or_secret_reaches_the_log_of_a_real_server(
    transactional_db, wechat, settings, tmp_path
):
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
    login(client, "code-ann")
    login(client, "hang-up")
    assert not [record for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]
    for secret in SECRETS:
        assert secret not in caplog.text


# --- POST /score with a session -------------------------------------------------------------------


def test_a_rating_with_a_session_carries_its_openid_and_one_without_carries_none(client, wechat):
    assert_accepted(rate(client, session_of(client, "code-ann")))
    assert_accepted(post(client, raw_form(txt2='"anonymous"')))
    assert list(Grade.objects.order_by("id").values_list("openid", "txt2")) == [("o-ann", ""), (None, "anonymous")]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_known_in_any_case(client, wechat, scheme):
    session = session_of(client, "code-ann")
    assert_accepted(post(client, raw_form(), authorization=f"{scheme} {session}"))
    assert Grade.objects.get().openid == "o-ann"


def assert_login_refused(response, error):
    assert_score_refused(response, 401, error)
    assert response["WWW-Authenticate"] == "Bearer"
    assert stored() == []


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("session", ["", "x", "o-ann", '"o-ann"', "é"])
def test_a_session_that_is_no_good_is_refused_and_not_taken_for_none(client, wechat, settings, required, session):
    settings.REQUIRE_WECHAT_LOGIN = required
    assert_login_refused(rate(client, session), "login: expired or invalid")


def test_an_expired_session_is_refused(client, wechat):
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        session = session_of(client, "code-ann")
        clock.shift(timedelta(days=30, seconds=1))
        assert_login_refused(rate(client, session), "login: expired or invalid")


def test_a_session_of_another_app_or_key_is_refused(client, wechat, settings):
    ours, settings.WECHAT_APPID = settings.WECHAT_APPID, "wx-other"
    of_another_app, settings.WECHAT_APPID = session_of(client, "code-ann"), ours
    for other in (
        of_another_app,
        signing.dumps("o-ann", salt=wechat_client.session_salt(), key="another" * 8),
        signing.dumps("o-ann"),
    ):
        assert_login_refused(rate(client, other), "login: expired or invalid")


def test_where_login_is_required_an_anonymous_rating_is_refused(client, wechat, settings):
    settings.REQUIRE_WECHAT_LOGIN = True
    assert_login_refused(post(client, raw_form()), "login: required")
    assert_login_refused(post(client, raw_form(), authorization="Basic b2Zhbm46eA=="), "login: required")
    assert_accepted(rate(client, session_of(client, "code-ann")))
    assert stored() == [ARTICLE]


def test_without_wechat_login_the_header_means_nothing(client):
    """The operator switched it off: a client with an old session has nowhere to log in again."""
    assert_accepted(rate(client, "whatever"))
    assert Grade.objects.get().openid is None


def test_the_same_content_from_two_people_within_the_window_is_two_ratings(client, wechat):
    ann, bob = session_of(client, "code-ann"), session_of(client, "code-bob")
    for session in (ann, bob, ann, bob):
        assert_accepted(rate(client, session))
    assert_accepted(post(client, raw_form()))
    assert list(Grade.objects.order_by("id").values_list("openid", flat=True)) == ["o-ann", "o-bob", None]


def test_a_submission_that_is_sent_again_after_a_login_is_the_same_submission(client, wechat):
    body = {"submission_id": f'"{uuid.uuid4()}"'}
    assert_accepted(post(client, raw_form(**body)))
    repeat = rate(client, session_of(client, "code-ann"), **body)
    assert_accepted(repeat)
    assert list(Grade.objects.values_list("openid", flat=True)) == [None]
    assert remarks(look(client, receipts=[repeat["X-Grade-Receipt"]])) == ["很好"]


def test_an_anonymous_repeat_of_a_persons_submission_gets_a_receipt_that_shows_nothing_of_that_person(client, wechat):
    body = {"submission_id": f'"{uuid.uuid4()}"', "txt1": '"this"'}
    ann = session_of(client, "code-ann")
    rate(client, ann, **body)
    rate(client, ann, txt1='"that"')
    repeat = post(client, raw_form(**body))
    assert_accepted(repeat)
    assert remarks(look(client, receipts=[repeat["X-Grade-Receipt"]])) == []


def test_someone_elses_submission_id_is_a_conflict(client, wechat):
    body = {"submission_id": f'"{uuid.uuid4()}"'}
    assert_accepted(rate(client, session_of(client, "code-ann"), **body))
    response = rate(client, session_of(client, "code-bob"), **body)
    assert_score_refused(response, 409, "submission_id: already used for other content")
    assert Grade.objects.get().openid == "o-ann"


def test_a_rating_with_a_session_costs_one_insert(client, wechat, django_assert_num_queries):
    session = session_of(client, "code-ann")
    with django_assert_num_queries(1) as queries:
        assert_accepted(rate(client, session))
    assert queries[0]["sql"].startswith("INSERT INTO grade ")


# --- One rating per dispatch ----------------------------------------------------------------------

RATED = "acc_nbr: this dispatch is already rated"


@pytest.fixture
def once(wechat, settings):
    settings.ONE_RATING_PER_DISPATCH = True


def test_a_person_rates_a_dispatch_once(client, once, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    assert_score_refused(rate(client, ann, grade1="1"), 409, RATED)
    assert_score_refused(rate(client, session_of(client, "code-ann.2"), grade1="2"), 409, RATED)
    assert stored() == [ARTICLE]


def test_other_people_other_numbers_and_the_next_dispatch_are_rated_all_the_same(client, once, make_account):
    make_account()
    make_account(acc_nbr="2", acct_id="A2")
    ann = session_of(client, "code-ann")
    for session, fields in [
        (ann, {}),
        (session_of(client, "code-bob"), {}),
        (ann, {"acc_nbr": '"2"'}),
    ]:
        assert_accepted(rate(client, session, **fields))
    assert_score_refused(rate(client, ann, grade1="1"), 409, RATED)
    make_account(dispatched_on="2026-11-02")
    assert_accepted(rate(client, ann, grade1="1"))
    assert_score_refused(rate(client, ann, grade1="2"), 409, RATED)
    assert Grade.objects.count() == 4


def test_it_is_the_newest_dispatch_that_counts_whatever_the_order_of_import(client, once, make_account):
    make_account(dispatched_on="2026-11-02")
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    make_account(dispatched_on="2026-11-01")
    assert_score_refused(rate(client, ann, grade1="1"), 409, RATED)


def test_a_dispatch_that_is_imported_again_is_the_same_dispatch(client, once, make_account):
    dispatch = make_account()
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    dispatch.delete()
    make_account(customer_name="another spelling")
    assert_score_refused(rate(client, ann, grade1="1"), 409, RATED)


def test_numbers_that_are_not_on_the_list_and_anonymous_ratings_are_not_limited(client, once, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    for grade in "123":
        assert_accepted(rate(client, ann, acc_nbr='"2"', grade1=grade))
        assert_accepted(post(client, raw_form(grade1=grade)))
    assert Grade.objects.count() == 6


def test_without_the_setting_a_person_rates_a_dispatch_as_often_as_they_like(client, wechat, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    for grade in "123":
        assert_accepted(rate(client, ann, grade1=grade))
    assert Grade.objects.count() == 3


def test_a_repeat_is_still_a_success_and_no_second_rating(client, once, make_account):
    make_account()
    make_account(acc_nbr="2", acct_id="A2")
    ann = session_of(client, "code-ann")
    with_id = {"submission_id": f'"{uuid.uuid4()}"'}
    for fields in ({"acc_nbr": '"2"'}, with_id):
        with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
            assert_accepted(rate(client, ann, **fields))
            clock.shift(timedelta(seconds=9))
            assert_accepted(rate(client, ann, **fields))
    assert Grade.objects.count() == 2


def test_the_same_content_after_the_window_is_a_second_rating_and_takes_nothing_over(client, once, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        assert_accepted(rate(client, ann))
        before = Grade.objects.values().get()
        clock.shift(timedelta(seconds=10))
        assert_score_refused(rate(client, ann), 409, RATED)
    assert Grade.objects.values().get() == before


def test_with_a_window_of_zero_the_dispatch_still_counts(client, once, make_account, settings):
    settings.DEDUPE_WINDOW = 0
    make_account()
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    assert_score_refused(rate(client, ann), 409, RATED)
    assert stored() == [ARTICLE]


def test_the_database_itself_has_room_for_one(once, make_account):
    make_account()
    Grade.submit(openid="o-ann", **ARTICLE)
    key = Grade.objects.get().dispatch_key
    with pytest.raises(IntegrityError), transaction.atomic():
        Grade.objects.create(openid="o-ann", dispatch_key=key, **ARTICLE | {"grade1": 1})
    assert Grade.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_id", [True, False])
def test_of_thirty_two_parallel_ratings_of_a_dispatch_one_is_stored_and_the_others_are_refused(
    once, make_account, with_id
):
    make_account()
    session = session_of(Client(), "code-ann")

    def submit(number):
        fields = {"submission_id": f'"{uuid.uuid4()}"'} if with_id else {"txt2": f'"{number}"'}
        try:
            return rate(Client(), session, **fields)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(submit, range(32)))
    (accepted,) = (response for response in responses if response.status_code == 200)
    assert_accepted(accepted)
    for response in responses:
        if response is not accepted:
            assert_score_refused(response, 409, RATED)
    assert list(Grade.objects.values_list("openid", flat=True)) == ["o-ann"]


@pytest.mark.django_db(transaction=True)
def test_parallel_copies_and_rivals_of_one_rating_all_get_their_own_answer(once, make_account):
    """Sixteen copies of one submission succeed together or are refused together; sixteen others never double it."""
    make_account()
    session = session_of(Client(), "code-ann")
    copied = f'"{uuid.uuid4()}"'

    def submit(number):
        submission_id = f'"{uuid.uuid4()}"' if number % 2 else copied
        try:
            return rate(Client(), session, submission_id=submission_id, txt2=f'"{number % 2 and number}"')
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(submit, range(32)))
    won = Grade.objects.get().submission_id == uuid.UUID(copied[1:-1])
    assert [response.status_code for response in responses[::2]] == [200 if won else 409] * 16
    assert sum(response.status_code == 200 for response in responses[1::2]) == (not won)


# --- GET /wechat/receipts -------------------------------------------------------------------------


def test_two_phones_of_one_person_have_one_list_of_ratings(client, wechat):
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        first_phone = session_of(client, "code-ann")
        rate(client, first_phone, txt1='"first"')
        clock.shift(timedelta(minutes=1))
        rate(client, first_phone, acc_nbr='"2"', txt1='"other"')
        clock.shift(timedelta(minutes=1))
        second_phone = session_of(client, "code-ann.2")
        rate(client, second_phone, txt1='"second"')
        rate(client, session_of(client, "code-bob"), acc_nbr='"3"', txt1='"bob"')

        response = receipts(client, second_phone)
        assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
        assert receipts(client, first_phone).json() == response.json()
        found = {entry["acc_nbr"]: entry["receipt"] for entry in response.json()["receipts"]}
        assert list(found) == [NUMBER, "2"]
        assert [set(entry) for entry in response.json()["receipts"]] == [{"acc_nbr", "receipt"}] * 2
        assert remarks(look(client, receipts=[found[NUMBER]])) == ["second", "first"]
        assert remarks(look(client, "2", receipts=[found["2"]])) == ["other"]
        for session in (first_phone, second_phone):
            assert remarks(look(client, session=session)) == ["second", "first"]


def test_fifty_accounts_at_most_the_last_rated_first(client, wechat, make_grade, django_assert_num_queries):
    ann = session_of(client, "code-ann")
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        for number in range(52):
            make_grade(acc_nbr=f"{number}", openid="o-ann")
            clock.shift(timedelta(seconds=1))
        make_grade(acc_nbr="0", openid="o-ann")
        with django_assert_num_queries(1):
            response = receipts(client, ann)
    assert [entry["acc_nbr"] for entry in response.json()["receipts"]] == ["0", *map(str, range(51, 2, -1))]


def test_who_has_rated_nothing_has_no_receipts(client, wechat):
    response = receipts(client, session_of(client, "code-ann"))
    assert (response.status_code, response.json()) == (200, {"receipts": []})


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp4"}])
def test_receipts_are_for_those_who_are_logged_in(client, wechat, django_assert_num_queries, headers):
    with django_assert_num_queries(0):
        response = client.get("/wechat/receipts?openid=o-ann", headers=ENGLISH | headers)
    assert_error(response, 401, "login", "Log in with WeChat first.", authenticate="Bearer")


@pytest.mark.django_db(transaction=True)  # MySQL's ANALYZE commits
def test_the_accounts_of_a_person_are_read_from_the_index_alone(make_grade):
    Grade.objects.bulk_create(Grade(**ARTICLE, openid=f"o-{n}" if n % 2 else None) for n in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE grade" if connection.vendor == "mysql" else "ANALYZE")
    plan = Grade.objects.accounts_rated_by("o-1").explain()
    assert "grade_by_openid" in plan
    assert ("Using index" if connection.vendor == "mysql" else "COVERING INDEX") in plan
