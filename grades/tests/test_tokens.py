"""Signed tokens: receipts and sessions. api/test_graderesult.py tests which ratings they show."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing

from grades.tokens import MICROSECOND, RECEIPTS_READ, make_receipt, make_session, read_receipts, read_session

from .helpers.submissions import NUMBER

NOW = "2026-11-22T08:00:00+00:00"
TIME = datetime(2026, 11, 22, 7, 59, 59, 123456, UTC)


@pytest.fixture
def login(settings):
    settings.WECHAT_APPID = "wx1"


def test_a_receipt_names_the_time_and_the_content_of_its_rating():
    receipts = [make_receipt(NUMBER, TIME, "one"), make_receipt(NUMBER, TIME + MICROSECOND, "two")]
    assert read_receipts(receipts[0], NUMBER) == {(TIME, "one")}
    assert read_receipts(" , ".join(receipts), NUMBER) == {(TIME, "one"), (TIME + MICROSECOND, "two")}
    assert read_receipts("", NUMBER) == set()


def test_a_receipt_is_valid_for_its_account_only():
    header = f"{make_receipt('1', TIME, 'one')},{make_receipt(NUMBER, TIME, 'two')}"
    assert read_receipts(header, NUMBER) == {(TIME, "two")}
    assert read_receipts(header, "1") == {(TIME, "one")}
    assert read_receipts(header, "2") == set()


def test_a_bounded_number_of_receipts_is_read():
    receipts = [make_receipt(NUMBER, TIME, f"{number}") for number in range(RECEIPTS_READ + 1)]
    assert read_receipts(",".join(receipts), NUMBER) == {(TIME, f"{number}") for number in range(RECEIPTS_READ)}


@pytest.mark.parametrize(
    "content",
    [
        [NUMBER, None],  # receipts of all ratings of an account, before 2026-11-25
        [NUMBER, "o-ann"],
        [NUMBER, 1.5, "one"],
        [NUMBER, 1, 2],
        [NUMBER, True, "one", 4],
        [NUMBER, 10**18, "one"],
        [NUMBER, -(10**18), "one"],
    ],
)
def test_a_receipt_of_another_form_is_ignored(content):
    assert read_receipts(signing.dumps(content, salt="grades.receipt"), NUMBER) == set()


def test_a_receipt_expires_after_the_days_of_the_setting(settings):
    settings.RECEIPT_DAYS = 2
    with time_machine.travel(NOW, tick=False) as clock:
        receipt = make_receipt(NUMBER, TIME, "one")
        clock.shift(timedelta(days=2))
        assert read_receipts(receipt, NUMBER) == {(TIME, "one")}
        clock.shift(timedelta(seconds=1))
        assert read_receipts(receipt, NUMBER) == set()


def test_a_session_names_its_person_until_it_expires(login, settings):
    settings.WECHAT_SESSION_DAYS = 2
    with time_machine.travel(NOW, tick=False) as clock:
        session = make_session("o-ann")
        clock.shift(timedelta(days=2))
        assert read_session(session) == "o-ann"
        clock.shift(timedelta(seconds=1))
        assert read_session(session) is None


def test_a_session_belongs_to_one_app(login, settings):
    session = make_session("o-ann")
    for appid in ("wx2", ""):
        settings.WECHAT_APPID = appid
        assert read_session(session) is None


def test_without_an_app_every_session_is_invalid(settings):
    settings.WECHAT_APPID = ""
    assert read_session(make_session("o-ann")) is None


@pytest.mark.parametrize("token", ["", "o-ann", "a:b:c", "é", ":"])
def test_a_token_that_is_not_signed_is_invalid(login, token):
    assert read_session(token) is None
    assert read_receipts(token, NUMBER) == set()


def test_receipts_and_sessions_are_not_exchangeable(login):
    assert read_session(make_receipt(NUMBER, TIME, "one")) is None
    assert read_receipts(make_session("o-ann"), NUMBER) == set()


def test_fifty_receipts_fit_one_header():
    receipt = make_receipt("1" * 32, TIME, "f" * 16)
    assert len(",".join([receipt] * RECEIPTS_READ)) < 8190  # the limit of gunicorn and nginx


def test_tokens_are_ascii_that_fits_a_header(login):
    for token in (make_receipt("a.Z_0@b+c-d", TIME, "one"), make_session("o-ann")):
        assert token.isascii()
        assert not set(token) & set(', "\r\n')
