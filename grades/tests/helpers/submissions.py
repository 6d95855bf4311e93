"""Ratings as a mini program sends them, and the replies of the API."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from grades.models import Grade

FORM = "application/x-www-form-urlencoded"
SUCCESS, FAILURE = '"数据提交成功"', '"数据提交失败"'  # the whole body of a reply
NUMBER = "13800138000"
ARTICLE = {"acc_nbr": NUMBER, "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "很好", "txt2": "", "txt3": ""}
CONTENT = list(ARTICLE)
CONFLICT = "submission_id: already used for other content"
ENGLISH = {"accept-language": "en"}
CORPUS = Path(__file__).resolve().parent.parent / "corpus"


def corpus(name="score_requests.jsonl"):
    """The cases of a corpus file, as parameters of a test."""
    cases = map(json.loads, (CORPUS / name).read_text().splitlines())
    return [pytest.param(case, id=case["name"]) for case in cases]


def raw_form(**overrides):
    """A body of bare values, percent-encoded; None leaves a field out."""
    fields = {name: json.dumps(value) for name, value in ARTICLE.items()} | overrides
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items() if value is not None)


def bearer(session):
    return {"authorization": f"Bearer {session}"}


def post(client, body, content_type=FORM, **headers):
    return client.post("/score", data=body, content_type=content_type, headers=headers)


def rate(client, session=None, **fields):
    """Submit a rating, after WeChat login if a session is given; `fields` override the form's."""
    return post(client, raw_form(**fields), **(bearer(session) if session is not None else {}))


def stored():
    """The content of all stored ratings, in the order of their ids."""
    return list(Grade.objects.order_by("id").values(*CONTENT))


def assert_accepted(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.content.decode() == SUCCESS
    assert "X-Score-Error" not in response


def assert_refused(response, status, error):
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response.content.decode() == FAILURE
    assert response["X-Score-Error"] == error
    assert "X-Grade-Receipt" not in response


def look(client, phonenum=NUMBER, receipts=(), session=None):
    """Ask for the ratings of an account."""
    headers = ENGLISH | ({"x-grade-receipt": ", ".join(receipts)} if receipts else {})
    return client.get("/graderesult", {"phonenum": phonenum}, headers=headers | (bearer(session) if session else {}))


def remarks(response):
    """The first remark of each rating in an answer of /graderesult."""
    assert response.status_code == 200, response.content
    return [rating["remarks"][0] for rating in response.json()["ratings"]]


def log_in_by_wechat(client, code):
    return client.post("/wechat/login", {"code": code}, content_type="application/json", headers=ENGLISH)


def session_of(client, code):
    """The session that a code of wx.login becomes."""
    response = log_in_by_wechat(client, code)
    assert response.status_code == 200, response.content
    return response.json()["session"]


def assert_error(response, status, error, message, **headers):
    """Check an answer of the JSON endpoints; `headers` may have retry_after and authenticate."""
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    assert response.json() == {"error": error, "message": message}
    assert response["Cache-Control"] == "no-store"
    assert {name: response.get(name) for name in ("Retry-After", "WWW-Authenticate")} == {
        "Retry-After": headers.get("retry_after"),
        "WWW-Authenticate": headers.get("authenticate"),
    }


def parallel(threads, function, arguments):
    """The results of `function` for each of the arguments, from several threads at once."""

    def call(argument):
        try:
            return function(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, arguments))
