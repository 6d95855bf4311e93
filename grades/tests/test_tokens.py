"""Signed tokens: receipts, sessions and codes. api/test_graderesult.py tests which ratings they show."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core import signing

from grades.tokens import (
    MICROSECOND,
    RECEIPTS_READ,
    make_code,
    make_receipt,
    make_session,
    read_code,
    read_receipts,
    read_session,
)

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


# --- Codes ----------------------------------------------------------------------------------------

DAY = date(2026, 11, 22)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.mark.parametrize("dispatch_id", [1, 10**6, 2**63 - 1])
def test_a_code_names_its_dispatch_in_28_characters(clock, dispatch_id):
    code = make_code(dispatch_id, DAY)
    assert re.fullmatch("[0-9A-Za-z_-]{28}", code)
    assert read_code(code) == dispatch_id


def test_a_code_is_valid_to_the_end_of_its_last_day_on_the_sites_clock(clock):
    code = make_code(7, DAY)
    clock.move_to("2026-11-22T15:59:59+00:00")  # 23:59:59 in Shanghai
    assert read_code(code) == 7
    clock.move_to("2026-11-22T16:00:00+00:00")
    assert read_code(code) is None


def test_a_code_with_any_other_character_is_forged(clock):
    code = make_code(7, DAY)
    for place in range(28):
        for character in set(ALPHABET) - {code[place]}:
            assert read_code(code[:place] + character + code[place + 1 :]) is None


@pytest.mark.parametrize("code", ["", "1", "A" * 27, "A" * 28, "A" * 29, "A" * 32, "é" * 28, "+" * 28, "A" * 27 + "\n"])
def test_a_text_that_is_not_a_code_is_invalid(code):
    assert read_code(code) is None
    assert read_code(f"{make_code(7, date(2100, 1, 1))}\n") is None


def test_a_code_is_valid_with_an_older_secret_key(clock, settings):
    code, old = make_code(7, DAY), settings.SECRET_KEY
    settings.SECRET_KEY = "the-next-key-of-the-tests"
    assert read_code(code) is None
    settings.SECRET_KEY_FALLBACKS = ["an-oldest-key-of-the-tests", old]
    assert read_code(code) == 7
    assert make_code(7, DAY) != code


def test_the_key_of_codes_is_not_the_key_of_receipts(clock):
    content = make_code(7, DAY)[:13]
    signed = signing.TimestampSigner(salt="grades.receipt").sign(content)
    assert read_code(signed[:28]) is None
    assert read_session(make_code(7, DAY)) is None
    assert read_receipts(make_code(7, DAY), NUMBER) == set()
