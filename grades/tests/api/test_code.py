"""`GET /score/code`: a printed code becomes an account number and an area."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from grades.models import Account
from grades.tokens import make_code

from ..helpers.servers import request
from ..helpers.submissions import ENGLISH, NUMBER, assert_error

pytestmark = pytest.mark.django_db

INVALID = "This code is not valid or has expired. Enter the number by hand."
LATER = date(2100, 1, 1)


def ask(client, code):
    return client.get("/score/code", {"scene": code}, headers=ENGLISH)


def test_a_code_leads_to_number_and_area_and_nothing_else(client, make_account):
    account = make_account()
    make_account(acc_nbr="2", acct_id="A2")
    response = ask(client, make_code(account.pk, LATER))
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == {"acc_nbr": NUMBER, "area": "城东"}
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies


def test_a_code_of_today_is_valid_and_of_yesterday_expired(client, make_account):
    account, today = make_account(), timezone.localdate()
    assert ask(client, make_code(account.pk, today)).status_code == 200
    assert_error(ask(client, make_code(account.pk, today - timedelta(days=1))), 404, "code", INVALID)


def forged(code):
    return code[:-1] + ("A" if code[-1] != "A" else "B")


def test_unknown_forged_and_expired_codes_get_one_reply_by_one_look_up(client, make_account, settings):
    account = make_account()
    deleted = make_account(acct_id="A2")
    unknown = make_code(deleted.pk, LATER)
    deleted.delete()
    settings.SECRET_KEY, key = "another-key-of-the-tests", settings.SECRET_KEY
    foreign = make_code(account.pk, LATER)
    settings.SECRET_KEY = key
    genuine = make_code(account.pk, LATER)
    codes = [
        unknown,
        forged(genuine),
        foreign,
        make_code(account.pk, date(2026, 1, 1)),
        "",
        "x",
        NUMBER,
        f"{account.pk}",
    ]
    seen = set()
    for code in codes:
        with CaptureQueriesContext(connection) as queries:
            response = ask(client, code)
        assert_error(response, 404, "code", INVALID)
        seen.add((response.content, str(sorted(response.items())), len(queries)))
    assert len(seen) == 1
    assert seen.pop()[2] == 1


@pytest.mark.parametrize("query", ["", "?scene", "?scene=", "?scene={code}&scene={code}", "?code={code}"])
def test_a_request_needs_exactly_one_code(client, make_account, query):
    code = make_code(make_account().pk, LATER)
    response = client.get(f"/score/code{query.format(code=code)}", headers=ENGLISH)
    assert_error(response, 404, "code", INVALID)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "head", "options"])
def test_other_methods_are_refused(client, method):
    response = getattr(client, method)("/score/code")
    assert (response.status_code, response["Allow"], response["Cache-Control"]) == (405, "GET", "no-store")


def test_errors_below_its_path_are_json(client):
    response = client.get("/score/code", headers={"host": "evil.example", "accept": "text/html"})
    assert (response.status_code, response.json()) == (400, {"error": "bad_request", "message": ""})
    response = client.get("/score/code/", headers={"accept": "text/html"})
    assert (response.status_code, response.json()) == (404, {"error": "not_found", "message": ""})


def test_the_reply_follows_a_corrected_number(client, make_account):
    account = make_account()
    code = make_code(account.pk, LATER)
    Account.objects.update(acc_nbr="13900139000")
    assert ask(client, code).json() == {"acc_nbr": "13900139000", "area": "城东"}


@pytest.mark.django_db(transaction=True)
def test_every_server_answers_codes(any_server, make_account):
    code = make_code(make_account().pk, LATER)
    status, headers, body = request(any_server, "GET", f"/score/code?scene={code}")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body == '{"acc_nbr":"13800138000","area":"城东"}'
    status, _headers, body = request(any_server, "GET", f"/score/code?scene={forged(code)}")
    assert (status, body) == (404, '{"error":"code","message":"二维码无效或已过期，请手工填写号码。"}')
