"""Counters in Redis. One round trip, of one script, counts a batch of submissions.

If Redis does not answer, submissions are accepted without a limit: a customer's rating matters more.
"""

import functools
import hashlib
import logging
import math
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .counters import Excess, Submission

logger = logging.getLogger(__name__)

PREFIX = "scoring:rate:"
# A flood keeps the machine busy, and Redis with it: with a shorter timeout, a flood would switch the limits off.
TIMEOUT_SECONDS = 1
# Circuit breaker: after a failure only one batch in so many seconds tries Redis again. A Redis that hangs holds up all
# ratings of the process for TIMEOUT_SECONDS then, so this is rare.
PAUSE_SECONDS = 20
WARNING_SECONDS = 60

# KEYS are the counters of all submissions, one after another. ARGV has for each submission the number of its counters,
# and for each of these its limit and its seconds. A submission with a full counter is counted nowhere. Returns for
# each submission the position of its full counter and the milliseconds until its end, or 0 and 0.
SCRIPT = """
local found, at, key = {}, 1, 0
while ARGV[at] do
  local size, full, rest = tonumber(ARGV[at]), 0, 0
  for i = size, 1, -1 do
    if tonumber(redis.call('GET', KEYS[key + i]) or 0) >= tonumber(ARGV[at + 2 * i - 1]) then
      full, rest = i, redis.call('PTTL', KEYS[key + i])
    end
  end
  for i = 1, full == 0 and size or 0 do
    if redis.call('INCR', KEYS[key + i]) == 1 then
      redis.call('EXPIRE', KEYS[key + i], ARGV[at + 2 * i])
    end
  end
  found[#found + 1] = full
  found[#found + 1] = rest
  at, key = at + 1 + 2 * size, key + size
end
return found
"""
SCRIPT_DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


def count_in_redis(url: str, batch: Sequence[Submission]) -> None:
    redis_counters(url).count(batch)


class RedisCounters:
    """The connection of this process. One is enough: most batches come one after the other."""

    def __init__(self, url: str) -> None:
        # Without the pool and the client, which would cost more CPU than the round trip.
        self.connection = redis.ConnectionPool.from_url(
            url,
            protocol=2,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_read_size=4096,
            retry=Retry(NoBackoff(), 0),  # a second attempt would take the time again
        ).make_connection()
        self.lock = Lock()
        self.next_attempt = self.next_warning = 0.0  # in this process's monotonic time
        self.is_away = False

    def count(self, batch: Sequence[Submission]) -> None:
        with self.lock:
            if not self.is_away or time.monotonic() >= self.next_attempt:
                self.try_batch(batch)

    def try_batch(self, batch: Sequence[Submission]) -> None:
        keys: list[str] = []
        arguments: list[int] = []
        for submission in batch:
            arguments.append(len(submission.counters))
            for counter in submission.counters:
                keys.append(PREFIX + counter.key)
                arguments += [counter.most, counter.seconds]
        try:
            found = self.run_script(keys, arguments)
        except redis.RedisError as error:
            self.note_failure(error)
            return
        if self.is_away:
            self.is_away = False
            logger.warning("Redis answers again: the rate limits hold")
        for submission, full, milliseconds in zip(batch, found[::2], found[1::2], strict=True):
            if full:
                counter = submission.counters[full - 1]
                seconds = min(max(math.ceil(milliseconds / 1000), 1), counter.seconds)
                submission.excess = Excess(counter.subject, seconds)

    def run_script(self, keys: Sequence[str], arguments: Sequence[int]) -> Any:
        try:
            return self.call("EVALSHA", SCRIPT_DIGEST, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:  # Redis is new, or was restarted
            return self.call("EVAL", SCRIPT, len(keys), *keys, *arguments)

    def call(self, *command: str | int) -> Any:
        try:
            self.connection.send_command(*command)
            return self.connection.read_response()
        except redis.ConnectionError:
            # A restart of Redis breaks the kept connection. The second attempt connects anew.
            self.connection.send_command(*command)
            return self.connection.read_response()

    def note_failure(self, error: redis.RedisError) -> None:
        now = time.monotonic()
        self.is_away, self.next_attempt = True, now + PAUSE_SECONDS
        if now < self.next_warning:
            return
        self.next_warning = now + WARNING_SECONDS
        # The class without the message, which may quote the address of Redis with its password.
        logger.warning("Redis does not answer (%s): no rate limits until it does", type(error).__name__)


redis_counters = functools.cache(RedisCounters)
