"""limits/in_redis.py: without Redis ratings are accepted at once, and its outage costs one request a little time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from grades.limits import in_redis
from grades.limits.in_redis import TIMEOUT_SECONDS, RedisCounters, redis_counters

from ..helpers.limits import count_submission

pytestmark = pytest.mark.slow

PAUSE = 1.5
NUMBER = "13800138000"
GONE = "Redis does not answer (ConnectionError): no rate limits until it does"
HANGS = "Redis does not answer (TimeoutError): no rate limits until it does"
BACK = "Redis answers again: the rate limits hold"


@pytest.fixture(autouse=True)
def limited(monkeypatch, settings, redis_server):
    monkeypatch.setattr(in_redis, "PAUSE_SECONDS", PAUSE)
    settings.REDIS_URL, settings.RATE_LIMIT_ACCOUNT = redis_server.url, "2/3600"


@pytest.fixture
def attempts(monkeypatch):
    """The attempts to reach Redis, in a pause that does not end during a test."""
    attempts, run_script = [], RedisCounters.run_script

    def counted(self, *arguments):
        attempts.append(arguments)
        return run_script(self, *arguments)

    monkeypatch.setattr(in_redis, "PAUSE_SECONDS", 600)
    monkeypatch.setattr(RedisCounters, "run_script", counted)
    return attempts


def submit(number=NUMBER):
    """Whether a submission is accepted."""
    return count_submission(number, {}) is None


def test_without_redis_submissions_are_accepted_until_it_is_back(redis_server, caplog):
    assert [submit() for _ in range(3)] == [True, True, False]
    redis_server.stop()
    assert [submit() for _ in range(3)] == [True, True, True]
    redis_server.start()
    time.sleep(PAUSE)
    assert [submit() for _ in range(3)] == [True, True, False]
    assert caplog.messages == [GONE, BACK]


def test_a_hanging_redis_costs_one_timeout_in_each_pause(redis_server, attempts, caplog, settings):
    submit()
    with redis_server.frozen():
        begun = time.monotonic()
        assert submit()
        assert time.monotonic() - begun >= TIMEOUT_SECONDS
        assert [submit() for _ in range(200)] == [True] * 200
        assert len(attempts) == 2
        redis_counters(settings.REDIS_URL).next_attempt = 0  # the pause is over
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(submit, [NUMBER] * 16)) == [True] * 16
        assert len(attempts) == 3  # who waits behind it does not wait again
    assert caplog.messages == [HANGS]


def test_an_outage_is_logged_from_time_to_time(redis_server, attempts, caplog, settings):
    redis_server.stop()
    counters = redis_counters(settings.REDIS_URL)
    assert submit()
    counters.next_attempt = 0  # the pause is over
    assert submit()
    assert (len(attempts), caplog.messages) == (2, [GONE])
    counters.next_attempt = counters.next_warning = 0
    assert submit()
    assert (len(attempts), caplog.messages) == (3, [GONE] * 2)


def test_a_restarted_redis_loses_no_request(redis_server, caplog):
    """The kept connections are broken; each is replaced before it is used."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(submit, map(str, range(64))))
        redis_server.stop()
        redis_server.start()
        assert [submit() for _ in range(3)] == [True, True, False]
    assert caplog.messages == []


def test_the_log_has_no_password(settings, caplog):
    settings.REDIS_URL = "redis://:a-secret@127.0.0.1:1/0"
    assert submit()
    assert caplog.messages == [GONE]
    assert "a-secret" not in caplog.text


def test_both_limits_cost_one_round_trip(settings, redis_server):
    settings.RATE_LIMIT_ADDRESS = "9/3600"
    meta = {"REMOTE_ADDR": "203.0.113.7"}
    count_submission(NUMBER, meta)
    with redis.Redis.from_url(redis_server.url) as client:
        before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        count_submission(NUMBER, meta)
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] - before == 1


def test_each_counter_expires_with_its_window(redis_server):
    submit()
    with redis.Redis.from_url(redis_server.url) as client:
        [key] = client.scan_iter()
        assert 3590_000 < client.pttl(key) <= 3600_000
