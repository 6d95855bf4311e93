"""`POST /score`: the wire contract."""

import io
import json
import re
import uuid

import pytest
from django.core import signing
from django.db import OperationalError
from django.test import Client
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.views import APIView

from grades.api import ScoreView, score
from grades.models import Grade

from ..helpers.submissions import ARTICLE, FORM, assert_accepted, assert_refused, corpus, post, raw_form, stored

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("case", corpus())
def test_a_corpus_case_gets_its_status_reply_header_and_row(client, case):
    response = post(client, case["body"].encode(), case["content_type"])

    assert response.status_code == case["status"]
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == case["reply"]
    assert stored() == ([case["row"]] if case["row"] else [])
    if case["error"]:
        error = response["X-Score-Error"]
        assert error.partition(": ")[0] == case["error"]
        assert error.isascii()
        assert "\n" not in error
    else:
        assert "X-Score-Error" not in response
        assert response["X-Grade-Receipt"]


ACCEPTED = {
    "account of one character": ("acc_nbr", '"1"', "1"),
    "account of 32 characters": ("acc_nbr", f'"{"1" * 32}"', "1" * 32),
    "account with every allowed mark": ("acc_nbr", '"a.Z_0@b+c-d"', "a.Z_0@b+c-d"),
    "account of a mark alone": ("acc_nbr", '"-"', "-"),
    "account of digits only, beyond 64 bits": ("acc_nbr", "12345678901234567890123456789012", None),
    "grade as ASCII digits with a leading zero": ("grade1", '"05"', 5),
    "grade in scientific notation": ("grade1", "0.5e1", 5),
    "grade bare with a leading zero is not JSON but digits": ("grade1", "05", 5),
    "remark as a number keeps how it was written": ("txt1", "1.50", None),
    "remark NaN is not JSON but text": ("txt1", "NaN", "NaN"),
    "remark with tab and line ends": ("txt1", '"a\\tb\\r\\nc"', "a\tb\r\nc"),
    "remark of 500 emoji": ("txt1", json.dumps("👍" * 500), "👍" * 500),
    "remark as an escaped surrogate pair": ("txt1", '"\\ud83d\\ude00"', "😀"),
    "remark quoted but cut is text": ("txt1", '"很好', '"很好'),
    "remark with surrounding spaces is stored as sent": ("txt1", '"  很好 "', "  很好 "),
    "remark bare and empty": ("txt1", "", ""),
}


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_a_valid_value_is_stored(client, case):
    field, sent, meaning = case
    assert_accepted(post(client, raw_form(**{field: sent})))
    assert stored() == [ARTICLE | {field: sent if meaning is None else meaning}]


REFUSED = {
    "account null": ("acc_nbr", "null", "acc_nbr: required"),
    "account with a line end": ("acc_nbr", '"138\\n"', "acc_nbr: has a character that is not allowed"),
    "account in full-width digits": ("acc_nbr", '"１３８"', "acc_nbr: has a character that is not allowed"),
    "account as a decimal": ("acc_nbr", "138.0", "acc_nbr: must be a string or an integer"),
    "account of 33 characters": ("acc_nbr", f'"{"1" * 33}"', "acc_nbr: must have 1 to 32 characters"),
    "account bare and empty": ("acc_nbr", "", "acc_nbr: must have 1 to 32 characters"),
    "grade just below 5": ("grade1", "4.9999999999999999999999", "grade1: must be a whole number"),
    "grade in Arabic digits": ("grade1", '"٥"', "grade1: must be a whole number"),
    "grade in full-width digits": ("grade1", '"５"', "grade1: must be a whole number"),
    "grade with a space": ("grade1", '" 5"', "grade1: must be a whole number"),
    "grade as a decimal string": ("grade1", '"5.0"', "grade1: must be a whole number"),
    "grade as a signed string": ("grade1", '"+5"', "grade1: must be a whole number"),
    "grade with an exponent beyond all bounds": ("grade1", f"1e{'9' * 30}", "grade1: out of range"),
    "grade with a vanishing exponent": ("grade1", "5e-99999999", "grade1: must be a whole number"),
    "grade null": ("grade1", "null", "grade1: required"),
    "grade as a list": ("grade1", "[]", "grade1: must be a whole number"),
    "remark false": ("txt2", "false", "txt2: must be text"),
    "remark as a list": ("txt2", '["a"]', "txt2: must be text"),
    "remark with an escape character": (
        "txt2",
        '"\\u001b[0m"',
        "txt2: has a control character or half a surrogate pair",
    ),
    "remark bare with NUL": ("txt2", "a\x00b", "txt2: has a control character or half a surrogate pair"),
    "remark with a low surrogate": ("txt3", '"\\ude00"', "txt3: has a control character or half a surrogate pair"),
    "remark as a number of 501 digits": ("txt3", "1" * 501, "txt3: longer than 500 characters"),
    "submission id as a number": ("submission_id", "1", "submission_id: must be a UUID"),
    "submission id empty": ("submission_id", '""', "submission_id: must be a UUID"),
    "submission id in braces": ("submission_id", f'"{{{uuid.uuid4()}}}"', "submission_id: must be a UUID"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_an_invalid_value_is_refused_by_field_and_stores_nothing(client, case):
    field, sent, error = case
    assert_refused(post(client, raw_form(**{field: sent})), 400, error)
    assert stored() == []


def test_the_first_field_at_fault_is_named_in_contract_order(client):
    body = raw_form(submission_id="1", txt3="[]", grade2='"x"', grade1="5")
    assert_refused(post(client, body), 400, "grade2: must be a whole number")


BROKEN_BODIES = {
    "percent-encoded GBK": (FORM, raw_form(txt1=None).encode() + b"&txt1=%BA%C3", "body: not UTF-8"),
    "raw GBK": (FORM, raw_form(txt1=None).encode() + b"&txt1=\xba\xc3", "body: not UTF-8"),
    "JSON in GBK": ("application/json", json.dumps(ARTICLE, ensure_ascii=False).encode("gbk"), "body: not UTF-8"),
    "JSON in UTF-16": ("application/json", json.dumps(ARTICLE).encode("utf-16"), "body: not UTF-8"),
    "a field twice": (FORM, raw_form().encode() + b"&grade1=1", "body: a field is given twice"),
    "a thousand fields": (FORM, b"&".join(b"f%d=1" % n for n in range(1000)), "body: too many fields"),
    "JSON, a field twice": (
        "application/json",
        json.dumps(ARTICLE).encode()[:-1] + b', "grade1": 1}',
        "body: a field is given twice",
    ),
    "JSON string": ("application/json", b'"x"', "body: not an object"),
    "JSON with NaN": ("application/json", json.dumps(ARTICLE | {"grade1": float("nan")}).encode(), "body: not JSON"),
    "JSON nested 100,000 deep": ("application/json", b"[" * 100_000, "body: not JSON"),
    "JSON, blank": ("application/json", b" ", "body: not JSON"),
}


@pytest.mark.parametrize("case", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_does_not_decode_is_refused(client, case):
    content_type, body, error = case
    assert_refused(post(client, body, content_type), 400, error)
    assert stored() == []


def test_a_raw_utf8_form_is_accepted(client):
    assert_accepted(post(client, (raw_form(txt1=None) + "&txt1=很好").encode()))
    assert stored() == [ARTICLE]


def test_the_headers_of_the_original_client_are_ignored(client):
    assert_accepted(post(client, raw_form(), chartset="utf-8", accept="text/html"))
    assert stored() == [ARTICLE]


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/html", "", "application/jsonx"])
def test_another_content_type_is_refused(client, content_type):
    assert_refused(post(client, raw_form(), content_type), 415, "content-type: must be a form or JSON")
    assert stored() == []


def test_a_body_longer_than_the_limit_is_refused(client):
    filler = "&x=" + "x" * (score.MAX_BODY_BYTES - len(raw_form()) - 3)
    assert_refused(post(client, raw_form() + filler + "x"), 413, "body: too large")
    assert stored() == []
    assert_accepted(post(client, raw_form() + filler))
    assert stored() == [ARTICLE]


def test_an_empty_request_is_a_form_without_fields(client):
    assert_refused(client.generic("POST", "/score"), 400, "acc_nbr: required")


def test_a_chunked_body_is_read_to_its_end(client):
    body = io.BytesIO(raw_form().encode())
    chunked = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert_accepted(client.generic("POST", "/score", content_type=FORM, CONTENT_TYPE=FORM, **chunked))
    assert stored() == [ARTICLE]


def test_a_body_cut_off_by_a_lost_connection_is_refused(client):
    body = raw_form(txt3="很好很好很好")
    # A server hands over what has arrived when a client hangs up in mid-body.
    arrived = io.BytesIO(body[:-9].encode())
    response = client.post("/score", data=body, content_type=FORM, **{"wsgi.input": arrived})
    assert_refused(response, 400, "body: cut off")
    assert stored() == []


def test_grade_range_and_account_pattern_follow_the_settings(client, settings):
    settings.GRADE_MIN, settings.GRADE_MAX, settings.ACC_NBR_PATTERN = 0, 10, r"1[0-9]{10}"
    assert_accepted(post(client, raw_form(grade1="0", grade2="10")))
    assert_refused(post(client, raw_form(grade1="11")), 400, "grade1: out of range")
    assert_refused(post(client, raw_form(acc_nbr='"ADSL"')), 400, "acc_nbr: has a character that is not allowed")
    assert stored() == [ARTICLE | {"grade1": 0, "grade2": 10}]


# --- Other methods, paths and faults --------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_other_methods_are_refused_with_a_toast(client, method):
    response = getattr(client, method)("/score")
    assert_refused(response, 405, "method: only POST is allowed")
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/score/", "/score/x"])
def test_a_path_below_score_gets_a_toast_and_no_redirect(client, path):
    assert_refused(client.post(path, data=raw_form(), content_type=FORM), 404, "path: not found")
    assert stored() == []


def test_a_wrong_host_gets_a_toast(client):
    assert_refused(post(client, raw_form(), host="evil.example"), 400, "request: bad request")
    assert stored() == []


def test_no_cookie_csrf_token_or_login_is_needed(client):
    response = post(Client(enforce_csrf_checks=True), raw_form())
    assert_accepted(response)
    assert not response.cookies


def test_an_unreachable_store_gets_503_with_retry_after(client, monkeypatch):
    def unreachable(**content):
        raise OperationalError(2002, "Can't connect to server on '13800138000'")

    monkeypatch.setattr(score, "submit", unreachable)
    response = post(client, raw_form())
    assert_refused(response, 503, "store: unreachable")
    assert response["Retry-After"] == "5"


@pytest.mark.parametrize("debug", [False, True])
def test_a_server_error_gets_a_toast_and_logs_no_customer_text(client, monkeypatch, settings, caplog, debug):
    def faulty(**content):
        raise RuntimeError(f"cannot store {content}")

    settings.DEBUG = debug
    monkeypatch.setattr(score, "submit", faulty)
    assert_refused(post(client, raw_form(txt1='"秘密"')), 500, "server: internal error")
    assert [record.getMessage() for record in caplog.records if record.name == "grades.api"] == ["a submission failed"]


def test_the_view_is_open_and_others_are_closed_by_default():
    assert ScoreView.permission_classes == [AllowAny]
    assert APIView.permission_classes == [IsAdminUser]


def test_the_receipt_is_signed_and_bound_to_the_rating(client):
    receipt = post(client, raw_form())["X-Grade-Receipt"]
    number, microseconds, digest = signing.loads(receipt, salt="grades.receipt")
    rating = Grade.objects.get()
    assert (number, microseconds) == ("13800138000", round(rating.insert_time.timestamp() * 1_000_000))
    assert re.fullmatch("[0-9a-f]{16}", digest)
    with pytest.raises(signing.BadSignature):
        signing.loads(receipt, salt="another purpose")


def test_one_rating_costs_one_insert(client, django_assert_num_queries):
    with django_assert_num_queries(1) as queries:  # it commits by itself
        assert_accepted(post(client, raw_form()))
    assert queries[0]["sql"].startswith("INSERT INTO grade ")
