"""limits: a limit is exact, in Redis and in the database, and its counters tell nobody a number or an address."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.db import connection

from grades.limits import count_login
from grades.limits.counters import Excess
from grades.models import RateCounter

from ..helpers.limits import count_submission

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("counters_in")]

NUMBER = "13800138000"


def client(address):
    return {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": address}


HERE, THERE = client("203.0.113.7"), client("203.0.113.8")


def outcomes(results):
    """How many submissions were accepted, and how many exceeded each limit."""
    subjects = [result.subject if result else "accepted" for result in results]
    return {subject: subjects.count(subject) for subject in set(subjects)}


def test_submissions_up_to_the_limit_of_the_number_are_accepted(settings):
    settings.RATE_LIMIT_ACCOUNT = "3/3600"
    assert [count_submission(NUMBER, HERE) for _ in range(3)] == [None] * 3
    excess = count_submission(NUMBER, THERE)
    assert excess.subject == "account"
    assert 3590 <= excess.retry_after <= 3601
    assert count_submission("13900139000", HERE) is None


def test_a_number_written_in_another_way_has_the_same_counter(settings):
    settings.RATE_LIMIT_ACCOUNT = "1/3600"
    assert count_submission(NUMBER, HERE) is None
    assert outcomes(count_submission(number, HERE) for number in ("+8613800138000", "138-0013-8000")) == {"account": 2}


def test_submissions_up_to_the_limit_of_the_address_are_accepted(settings):
    settings.RATE_LIMIT_ADDRESS = "3/3600"
    assert [count_submission(str(number), HERE) for number in range(3)] == [None] * 3
    assert count_submission("4", HERE).subject == "address"
    assert count_submission("4", THERE) is None


def test_a_refused_submission_counts_nowhere(settings):
    settings.RATE_LIMIT_ACCOUNT, settings.RATE_LIMIT_ADDRESS = "1/3600", "3/3600"
    assert outcomes(count_submission(NUMBER, HERE) for _ in range(9)) == {"accepted": 1, "account": 8}
    assert outcomes(count_submission(number, HERE) for number in "abc") == {"accepted": 2, "address": 1}
    assert count_submission("c", THERE) is None


@pytest.mark.slow
def test_a_new_window_begins_after_the_end_of_the_old_one(settings):
    settings.RATE_LIMIT_ACCOUNT = "2/1"
    assert outcomes(count_submission(NUMBER, HERE) for _ in range(5)) == {"accepted": 2, "account": 3}
    time.sleep(count_submission(NUMBER, HERE).retry_after + 0.1)
    assert outcomes(count_submission(NUMBER, HERE) for _ in range(5)) == {"accepted": 2, "account": 3}


def test_logins_have_a_counter_of_their_own(settings):
    settings.RATE_LIMIT_ADDRESS = "1/3600"
    assert count_submission(NUMBER, HERE) is None
    assert count_login(HERE) is None
    assert count_login(HERE).subject == "login"


def test_without_an_address_only_the_number_is_counted(settings):
    settings.RATE_LIMIT_ACCOUNT, settings.RATE_LIMIT_ADDRESS = "2/3600", "1/3600"
    unknown = {"REMOTE_ADDR": "127.0.0.1"}
    assert outcomes(count_submission(NUMBER, unknown) for _ in range(3)) == {"accepted": 2, "account": 1}


@pytest.mark.parametrize("limit", ["RATE_LIMIT_ACCOUNT", "RATE_LIMIT_ADDRESS"])
def test_of_many_submissions_at_once_exactly_the_limit_is_accepted(settings, limit):
    setattr(settings, limit, "10/3600")

    def submit(number):
        try:
            return count_submission(NUMBER if limit == "RATE_LIMIT_ACCOUNT" else str(number), HERE)
        finally:
            connection.close()

    with ThreadPoolExecutor(40) as pool:
        found = outcomes(pool.map(submit, range(200)))
    assert found == {"accepted": 10, limit.removeprefix("RATE_LIMIT_").lower(): 190}


def test_a_counter_is_a_digest_by_the_secret_key(settings, counters_in):
    settings.RATE_LIMIT_ACCOUNT = "5/3600"
    count_submission(NUMBER, HERE)
    settings.SECRET_KEY = "another-key-of-this-installation"
    count_submission(NUMBER, HERE)
    if counters_in == "Redis":
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            keys = [key.decode() for key in client.scan_iter()]
        assert all(key.startswith("scoring:rate:") for key in keys)
    else:
        keys = [str(key) for key in RateCounter.objects.values_list("pk", flat=True)]
    assert len(set(keys)) == 2
    assert not any(NUMBER in key or "203" in key for key in keys)


def test_the_result_is_the_limit_and_the_seconds_to_wait(settings):
    settings.RATE_LIMIT_ACCOUNT = "1/60"
    count_submission(NUMBER, HERE)
    assert count_submission(NUMBER, HERE) in [Excess("account", seconds) for seconds in (59, 60, 61)]
