"""Counters in Redis. One script counts a submission for all of its limits, in one round trip.

If Redis does not answer, submissions are accepted without a limit: a customer's rating matters more.
"""

import functools
import logging
import math
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .counters import Counter, Excess

logger = logging.getLogger(__name__)

PREFIX = "scoring:rate:"
TIMEOUT_SECONDS = 0.2
# Circuit breaker: after a failure only one request in so many seconds tries Redis again.
PAUSE_SECONDS = 5
WARNING_SECONDS = 60

# KEYS are the counters, ARGV the limit and the seconds of each. Returns the position of a full counter and the
# milliseconds until its end; otherwise counts in all of them and returns nothing.
SCRIPT = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[2 * i - 1]) then
    return {i, redis.call('PTTL', key)}
  end
end
for i, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then
    redis.call('EXPIRE', key, ARGV[2 * i])
  end
end
return false
"""


def count_in_redis(url: str, counters: Sequence[Counter]) -> Excess | None:
    return redis_counters(url).count(counters)


class RedisCounters:
    def __init__(self, url: str) -> None:
        client = redis.Redis.from_url(
            url,
            protocol=2,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a second attempt would take the time again
        )
        self.client = client
        self.script = client.register_script(SCRIPT)
        self.lock = Lock()
        self.is_away = False
        self.next_attempt = self.next_warning = 0.0  # in this process's monotonic time

    def count(self, counters: Sequence[Counter]) -> Excess | None:
        if self.is_away and not self.may_try():
            return None
        keys, arguments = [], []
        for counter in counters:
            keys.append(PREFIX + counter.key)
            arguments += [counter.most, counter.seconds]
        try:
            full: Any = self.script(keys=keys, args=arguments)
        except redis.RedisError as error:
            self.note_failure(error)
            return None
        if self.is_away:
            self.is_away = False
            logger.warning("Redis answers again: the rate limits hold")
        if not full:
            return None
        position, milliseconds = full
        counter = counters[position - 1]
        return Excess(counter.subject, min(max(math.ceil(milliseconds / 1000), 1), counter.seconds))

    def may_try(self) -> bool:
        """Whether the pause is over; true for one request, and the pause begins again for the others."""
        with self.lock:
            now = time.monotonic()
            if now < self.next_attempt:
                return False
            self.next_attempt = now + PAUSE_SECONDS
            return True

    def note_failure(self, error: redis.RedisError) -> None:
        with self.lock:
            now = time.monotonic()
            self.is_away, self.next_attempt = True, now + PAUSE_SECONDS
            if now < self.next_warning:
                return
            self.next_warning = now + WARNING_SECONDS
        # The class without the message, which may quote the address of Redis with its password.
        logger.warning("Redis does not answer (%s): no rate limits until it does", type(error).__name__)


redis_counters = functools.cache(RedisCounters)
