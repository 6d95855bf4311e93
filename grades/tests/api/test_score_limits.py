"""`POST /score` beyond a rate limit: 429, except for a rating that is stored already."""

import os
import subprocess
import sys
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as site_settings
from django.utils import timezone

from grades.database.retries import StoreUnavailable
from grades.models import Conflict, Grade, RateCounter, Repeat
from grades.submissions import store

from ..helpers.servers import database_url
from ..helpers.submissions import (
    ARTICLE,
    CONFLICT,
    FORM,
    SUCCESS,
    assert_accepted,
    assert_error,
    assert_refused,
    log_in_by_wechat,
    post,
    rate,
    raw_form,
    session_of,
    stored,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counters_in")]

BY_NUMBER = "rate: too many for this account number"
BY_ADDRESS = "rate: too many from this address"


def with_id():
    return raw_form(submission_id=f'"{uuid.uuid4()}"')


@pytest.fixture(autouse=True)
def limited(settings):
    settings.RATE_LIMIT_ACCOUNT = "2/3600"


def assert_limited(response, error=BY_NUMBER):
    assert_refused(response, 429, error)
    assert response["Retry-After"].isdecimal()
    assert 3590 <= int(response["Retry-After"]) <= 3601


def test_a_rating_beyond_the_limit_of_its_number_is_refused(client):
    for _ in range(2):
        assert_accepted(post(client, with_id()))
    assert_limited(post(client, with_id()))
    assert stored() == [ARTICLE] * 2
    assert_accepted(rate(client, acc_nbr='"13900139000"'))


def test_a_rating_beyond_the_limit_of_its_address_is_refused(client, settings):
    settings.RATE_LIMIT_ACCOUNT, settings.RATE_LIMIT_ADDRESS = "", "2/3600"
    here, there = {"x-forwarded-for": "203.0.113.7"}, {"x-forwarded-for": "203.0.113.8"}
    for _ in range(2):
        assert_accepted(post(client, with_id(), **here))
    assert_limited(post(client, with_id(), **here), BY_ADDRESS)
    assert_accepted(post(client, with_id(), **there))
    assert len(stored()) == 3


def test_a_stored_rating_sent_again_gets_its_success_and_receipt(client):
    first, second = with_id(), with_id()
    replies = [post(client, first), post(client, second)]
    assert_limited(post(client, with_id()))
    for body, reply in zip([first, second], replies, strict=True):
        again = post(client, body)
        assert_accepted(again)
        assert again["X-Grade-Receipt"].split(":")[0] == reply["X-Grade-Receipt"].split(":")[0]
    assert stored() == [ARTICLE] * 2
    assert Repeat.objects.count() == 0  # beyond the limit nothing is written


def test_without_an_id_a_stored_rating_gets_its_success_within_the_window(client, settings):
    settings.RATE_LIMIT_ACCOUNT = "1/86400"
    assert_accepted(post(client, raw_form()))
    assert_accepted(post(client, raw_form()))
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.DEDUPE_WINDOW + 1)):
        assert_refused(post(client, raw_form()), 429, BY_NUMBER)
    assert stored() == [ARTICLE]


def test_duplicates_and_conflicts_count(client):
    submission_id = f'"{uuid.uuid4()}"'
    assert_accepted(post(client, raw_form(submission_id=submission_id)))
    assert_refused(post(client, raw_form(submission_id=submission_id, grade1="1")), 409, CONFLICT)
    assert_limited(post(client, with_id()))
    assert_limited(post(client, raw_form(submission_id=submission_id, grade1="2")))
    assert Conflict.objects.count() == 1


def test_another_person_gets_no_success_for_a_stored_rating(client, wechat):
    ann, bob = session_of(client, "code-ann"), session_of(client, "code-bob")
    submission_id = f'"{uuid.uuid4()}"'
    for _ in range(2):
        assert_accepted(rate(client, ann, submission_id=submission_id))
    assert_limited(rate(client, bob, submission_id=submission_id))
    assert_accepted(rate(client, ann, submission_id=submission_id))


def test_invalid_submissions_do_not_count(client):
    for _ in range(5):
        assert_refused(post(client, raw_form(grade1="9")), 400, "grade1: out of range")
    for _ in range(2):
        assert_accepted(post(client, with_id()))


def test_a_submission_is_not_counted_while_the_store_is_away(client, monkeypatch):
    def unavailable(using):
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(store, "check_available", unavailable)
        for _ in range(5):
            assert_refused(post(client, with_id()), 503, "store: unreachable")
    for _ in range(2):
        assert_accepted(post(client, with_id()))


def test_logins_from_an_address_are_limited(client, settings, wechat):
    settings.RATE_LIMIT_ADDRESS = "2/3600"
    client.defaults["HTTP_X_FORWARDED_FOR"] = "203.0.113.7"
    assert session_of(client, "code-ann")
    assert session_of(client, "code-bob")
    response = log_in_by_wechat(client, "code-eve")
    assert_error(
        response, 429, "rate", "Too many logins from this network. Try again later.",
        retry_after=response["Retry-After"],
    )  # fmt: skip
    assert 3590 <= int(response["Retry-After"]) <= 3601
    assert_accepted(post(client, with_id()))


# --- Without limits -------------------------------------------------------------------------------


def test_without_limits_a_rating_is_one_statement(client, settings, django_assert_num_queries):
    settings.RATE_LIMIT_ACCOUNT = ""
    with django_assert_num_queries(1):
        assert_accepted(post(client, with_id()))
    assert not RateCounter.objects.exists()


RATE_AND_LIST_MODULES = f"""
import io, sys
from scoring_site.wsgi import application
body = {raw_form().encode()!r}
environ = {{"REQUEST_METHOD": "POST", "PATH_INFO": "/score", "CONTENT_TYPE": "{FORM}", "CONTENT_LENGTH": str(len(body)),
    "HTTP_HOST": "127.0.0.1", "SERVER_NAME": "x", "SERVER_PORT": "80", "REMOTE_ADDR": "203.0.113.7",
    "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http"}}
answer = b"".join(application(environ, lambda status, headers: None)).decode()
loaded = sorted({{name.split(".")[0] for name in sys.modules}} & {{"redis"}})
loaded += sorted(name for name in sys.modules if name.startswith("grades.limits"))
print(answer, *loaded)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limit", "loaded"),
    [
        ("", []),
        ("5/60", ["grades.limits", "grades.limits.address", "grades.limits.counters", "grades.limits.in_database"]),
    ],
)
def test_without_limits_a_rating_loads_nothing_of_them(settings, counters_in, limit, loaded):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "ENV_FILE": "",
        "DATABASE_URL": database_url(),
        "RATE_LIMIT_ACCOUNT": limit,
        "SECRET_KEY": site_settings.SECRET_KEY,
        "REDIS_URL": settings.REDIS_URL,
    }
    command = [sys.executable, "-c", RATE_AND_LIST_MODULES]
    output = subprocess.run(
        command, env=environment, cwd=site_settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    if counters_in == "Redis" and limit:
        loaded = ["redis", *loaded[:-1], "grades.limits.in_redis"]
    assert output.split() == [SUCCESS, *loaded]
    assert Grade.objects.count() == 1
