"""POST /score, by the wire contract."""

import io
import json
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import time_machine
from django.core import signing
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from grades.api import MAX_BODY_BYTES, ScoreView
from grades.models import Grade

FORM = "application/x-www-form-urlencoded"
SUCCESS, FAILURE = "数据提交成功", "数据提交失败"
ARTICLE = {"acc_nbr": "13800138000", "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "很好", "txt2": "", "txt3": ""}
CONTENT = list(ARTICLE)


def form_body(**fields):
    """A body as wx.request makes it of values that the page has JSON.stringify-ed."""
    return "&".join(
        f"{name}={quote(json.dumps(value, ensure_ascii=False), safe=''.join(chr(c) for c in b'!*()~'))}"
        for name, value in fields.items()
    )


def raw_form(**overrides):
    """A body of bare values, percent-encoded; None leaves a field out."""
    fields = {name: json.dumps(value) for name, value in ARTICLE.items()} | overrides
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items() if value is not None)


def post(client, body, content_type=FORM, **headers):
    return client.post("/score", data=body, content_type=content_type, headers=headers)


def stored():
    return list(Grade.objects.order_by("id").values(*CONTENT))


def assert_accepted(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.content.decode() == f'"{SUCCESS}"'
    assert "X-Score-Error" not in response


def assert_refused(response, status, error):
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response.content.decode() == f'"{FAILURE}"'
    assert response["X-Score-Error"] == error
    assert "X-Grade-Receipt" not in response


# --- What is accepted, and what is refused --------------------------------------------------------


def corpus(name):
    lines = (Path(__file__).parent / "corpus" / name).read_text().splitlines()
    return [pytest.param(case, id=case["name"]) for case in map(json.loads, lines)]


@pytest.mark.django_db
@pytest.mark.parametrize("case", corpus("score_requests.jsonl"))
def test_every_line_of_the_corpus_gets_its_status_reply_header_and_row(client, case):
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


@pytest.mark.django_db
@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_a_value_within_the_contract_is_stored_as_it_was_meant(client, case):
    field, sent, meant = case
    assert_accepted(post(client, raw_form(**{field: sent})))
    assert stored() == [ARTICLE | {field: sent if meant is None else meant}]


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


@pytest.mark.django_db
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_value_outside_the_contract_is_refused_by_name_and_stores_nothing(client, case):
    field, sent, error = case
    assert_refused(post(client, raw_form(**{field: sent})), 400, error)
    assert stored() == []


@pytest.mark.django_db
def test_the_first_field_at_fault_is_named_in_the_order_of_the_contract(client):
    body = raw_form(submission_id="1", txt3="[]", grade2='"x"', grade1="5")
    assert_refused(post(client, body), 400, "grade2: must be a whole number")


BROKEN_BODIES = {
    "percent-encoded GBK": (FORM, raw_form(txt1=None).encode() + b"&txt1=%BA%C3", "body: not UTF-8"),
    "raw GBK": (FORM, raw_form(txt1=None).encode() + b"&txt1=\xba\xc3", "body: not UTF-8"),
    "JSON in GBK": ("application/json", json.dumps(ARTICLE, ensure_ascii=False).encode("gbk"), "body: not UTF-8"),
    "JSON in UTF-16": ("application/json", json.dumps(ARTICLE).encode("utf-16"), "body: not UTF-8"),
    "a field twice": (FORM, raw_form().encode() + b"&grade1=1", "body: a field is given twice"),
    "a thousand fields": (FORM, b"&".join(b"f%d=1" % n for n in range(1000)), "body: too many fields"),
    "JSON string": ("application/json", b'"x"', "body: not an object"),
    "JSON with NaN": ("application/json", json.dumps(ARTICLE | {"grade1": float("nan")}).encode(), "body: not JSON"),
    "JSON nested 100,000 deep": ("application/json", b"[" * 100_000, "body: not JSON"),
    "JSON, blank": ("application/json", b" ", "body: not JSON"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_does_not_decode_is_refused_whole(client, case):
    content_type, body, error = case
    assert_refused(post(client, body, content_type), 400, error)
    assert stored() == []


@pytest.mark.django_db
def test_a_raw_utf8_form_is_read_like_a_percent_encoded_one(client):
    assert_accepted(post(client, (raw_form(txt1=None) + "&txt1=很好").encode()))
    assert stored() == [ARTICLE]


@pytest.mark.django_db
def test_the_headers_of_the_articles_client_do_no_harm(client):
    assert_accepted(post(client, raw_form(), chartset="utf-8", accept="text/html"))
    assert stored() == [ARTICLE]


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/html", "", "application/jsonx"])
def test_another_content_type_is_refused(client, content_type):
    assert_refused(post(client, raw_form(), content_type), 415, "content-type: must be a form or JSON")
    assert stored() == []


@pytest.mark.django_db
def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(client):
    filler = "&x=" + "x" * (MAX_BODY_BYTES - len(raw_form()) - 3)
    assert_refused(post(client, raw_form() + filler + "x"), 413, "body: too large")
    assert stored() == []
    assert_accepted(post(client, raw_form() + filler))
    assert stored() == [ARTICLE]


@pytest.mark.django_db
def test_no_body_and_no_content_type_is_a_form_without_fields(client):
    assert_refused(client.generic("POST", "/score"), 400, "acc_nbr: required")


@pytest.mark.django_db
def test_a_chunked_body_is_read_to_its_end(client):
    body = io.BytesIO(raw_form().encode())
    chunked = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert_accepted(client.generic("POST", "/score", content_type=FORM, CONTENT_TYPE=FORM, **chunked))
    assert stored() == [ARTICLE]


@pytest.mark.django_db
def test_a_body_cut_off_by_a_lost_connection_is_refused(client):
    body = raw_form(txt3="很好很好很好")
    # The bytes that a server hands over when the client is gone before it has sent all it announced.
    arrived = io.BytesIO(body[:-9].encode())
    response = client.post("/score", data=body, content_type=FORM, **{"wsgi.input": arrived})
    assert_refused(response, 400, "body: cut off")
    assert stored() == []


@pytest.mark.django_db
def test_the_range_of_grades_and_the_form_of_accounts_follow_the_settings(client, settings):
    settings.GRADE_MIN, settings.GRADE_MAX, settings.ACC_NBR_PATTERN = 0, 10, r"1[0-9]{10}"
    assert_accepted(post(client, raw_form(grade1="0", grade2="10")))
    assert_refused(post(client, raw_form(grade1="11")), 400, "grade1: out of range")
    assert_refused(post(client, raw_form(acc_nbr='"ADSL"')), 400, "acc_nbr: has a character that is not allowed")
    assert stored() == [ARTICLE | {"grade1": 0, "grade2": 10}]


# --- Other methods, paths and faults --------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_other_methods_are_refused_with_the_same_string(client, method):
    response = getattr(client, method)("/score")
    assert_refused(response, 405, "method: only POST is allowed")
    assert response["Allow"] == "POST"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/score/", "/score/x"])
def test_a_path_below_score_answers_with_the_string_and_no_redirect(client, path):
    assert_refused(client.post(path, data=raw_form(), content_type=FORM), 404, "path: not found")
    assert stored() == []


@pytest.mark.django_db
def test_a_wrong_host_answers_with_the_string(client):
    assert_refused(post(client, raw_form(), host="evil.example"), 400, "request: bad request")
    assert stored() == []


@pytest.mark.django_db
def test_no_cookie_csrf_token_or_login_is_asked_for_or_given(client):
    from django.test import Client

    response = post(Client(enforce_csrf_checks=True), raw_form())
    assert_accepted(response)
    assert not response.cookies


@pytest.mark.django_db
def test_an_unreachable_store_answers_503_with_a_time_to_try_again(client, monkeypatch):
    def unreachable(**content):
        raise OperationalError(2002, "Can't connect to server on '13800138000'")

    monkeypatch.setattr(Grade, "submit", unreachable)
    response = post(client, raw_form())
    assert_refused(response, 503, "store: unreachable")
    assert response["Retry-After"] == "5"


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_answers_with_the_string_and_keeps_the_customers_text_out_of_the_log(
    client, monkeypatch, settings, caplog, debug
):
    def faulty(**content):
        raise RuntimeError(f"cannot store {content}")

    settings.DEBUG = debug
    monkeypatch.setattr(Grade, "submit", faulty)
    assert_refused(post(client, raw_form(txt1='"秘密"')), 500, "server: internal error")
    assert [record.getMessage() for record in caplog.records if record.name == "grades.api"] == ["a submission failed"]


def test_the_view_is_open_by_its_own_word_and_others_are_closed_by_default():
    from rest_framework.permissions import AllowAny, IsAdminUser
    from rest_framework.views import APIView

    assert ScoreView.permission_classes == [AllowAny]
    assert APIView.permission_classes == [IsAdminUser]


# --- Receipts and repeats -------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_receipt_is_signed_and_bound_to_the_account(client):
    receipt = post(client, raw_form())["X-Grade-Receipt"]
    assert signing.loads(receipt, salt="grades.receipt") == ["13800138000", None]
    with pytest.raises(signing.BadSignature):
        signing.loads(receipt, salt="another purpose")


@pytest.mark.django_db
def test_the_same_id_and_content_is_one_rating_however_late(client):
    body = raw_form(submission_id=f'"{uuid.uuid4()}"')
    assert_accepted(post(client, body))
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        repeat = post(client, body)
    assert_accepted(repeat)
    assert repeat["X-Grade-Receipt"]
    assert stored() == [ARTICLE]


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"grade1": "1"}, {"txt3": '"x"'}, {"acc_nbr": '"2"'}])
def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(client, change):
    submission_id = f'"{uuid.uuid4()}"'
    assert_accepted(post(client, raw_form(submission_id=submission_id)))
    response = post(client, raw_form(submission_id=submission_id, **change))
    assert_refused(response, 409, "submission_id: already used for other content")
    assert stored() == [ARTICLE]


@pytest.mark.django_db
def test_an_id_in_other_spellings_is_the_same_id(client):
    submission_id = uuid.uuid4()
    assert_accepted(post(client, raw_form(submission_id=f'"{submission_id}"')))
    assert_accepted(post(client, raw_form(submission_id=f'"{str(submission_id).upper()}"')))
    assert_accepted(post(client, raw_form(submission_id=submission_id.hex)))
    assert list(Grade.objects.values_list("submission_id", flat=True)) == [submission_id]


@pytest.mark.django_db
@pytest.mark.parametrize("submission_id", ["f" * 32, "0" * 32, "ccff205956cfe0f443c3d246222ae232"])
def test_an_id_need_not_have_the_version_bits_of_a_real_uuid(client, submission_id):
    for _ in range(2):
        assert_accepted(post(client, raw_form(submission_id=f'"{submission_id}"')))
    assert list(Grade.objects.values_list("submission_id", flat=True)) == [uuid.UUID(submission_id)]


@pytest.mark.django_db
def test_different_ids_are_different_ratings_of_the_same_content(client):
    for _ in range(2):
        assert_accepted(post(client, raw_form(submission_id=f'"{uuid.uuid4()}"')))
    assert stored() == [ARTICLE, ARTICLE]


@pytest.mark.django_db
def test_without_an_id_the_same_content_within_the_window_is_one_rating(client):
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        assert_accepted(post(client, raw_form()))
        clock.shift(timedelta(seconds=9.999999))
        repeat = post(client, raw_form())
        assert_accepted(repeat)
        assert repeat["X-Grade-Receipt"]
        assert stored() == [ARTICLE]

        clock.shift(timedelta(microseconds=1))
        assert_accepted(post(client, raw_form()))
        assert stored() == [ARTICLE, ARTICLE]

        clock.shift(timedelta(seconds=9))
        assert_accepted(post(client, raw_form()))
        assert stored() == [ARTICLE, ARTICLE]


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"grade3": "1"}, {"txt2": '"x"'}, {"acc_nbr": '"13800138001"'}])
def test_without_an_id_other_content_within_the_window_is_another_rating(client, change):
    assert_accepted(post(client, raw_form()))
    assert_accepted(post(client, raw_form(**change)))
    assert Grade.objects.count() == 2


@pytest.mark.django_db
def test_a_window_of_zero_stores_every_submission(client, settings):
    settings.DEDUPE_WINDOW = 0
    for _ in range(3):
        assert_accepted(post(client, raw_form()))
    assert stored() == [ARTICLE] * 3


@pytest.mark.django_db
def test_a_repeat_whose_first_rating_was_deleted_is_stored_again(client):
    post(client, raw_form())
    Grade.objects.all().delete()
    assert_accepted(post(client, raw_form()))
    assert stored() == [ARTICLE]


@pytest.mark.django_db
def test_a_repeat_whose_first_rating_is_deleted_at_that_moment_is_stored(client, monkeypatch):
    """Refused by the index, and then there is nobody to be a repeat of: it must not be lost."""
    insert, answers = Grade._insert_rows, [IntegrityError()]

    def refused_once(rows):
        if answers:
            raise answers.pop()
        insert(rows)

    monkeypatch.setattr(Grade, "_insert_rows", refused_once)
    assert_accepted(post(client, raw_form()))
    assert stored() == [ARTICLE]


@pytest.mark.django_db
def test_one_rating_costs_one_insert(client, django_assert_num_queries):
    with django_assert_num_queries(1) as queries:  # it commits by itself
        assert_accepted(post(client, raw_form()))
    assert queries[0]["sql"].startswith("INSERT INTO grade ")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_id", [True, False])
def test_parallel_copies_of_one_submission_are_one_row(client, with_id):
    """Eight threads at once, so that several meet between the look and the leap, if there were one."""
    from concurrent.futures import ThreadPoolExecutor

    from django.test import Client

    body = raw_form(**({"submission_id": f'"{uuid.uuid4()}"'} if with_id else {}))

    def submit(_):
        try:
            return post(Client(), body)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(submit, range(32)))
    for response in responses:
        assert_accepted(response)
    assert stored() == [ARTICLE]
