"""Transient database errors: which they are, the retry, and the circuit breaker."""

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connections

from .. import metrics

Result = TypeVar("Result")

# Counted from the first attempt; no attempt begins later. The time limits of the connection (DATABASES in the
# settings) bound each attempt, so a caller has an answer within ten seconds.
RETRY_SECONDS = 2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.3

# https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
TRANSIENT_CODES = {
    1020,  # record has changed since last read (MariaDB's snapshot isolation)
    1040,  # too many connections
    1047,  # WSREP has not yet prepared node: a cluster node without quorum
    1053,  # server shutdown in progress
    1180,  # error during commit: a node that loses its quorum in the middle of one
    1205,  # lock wait timeout
    1213,  # deadlock, or another node of the cluster was first
    1290, 1836,  # read-only: the other machine has taken over
    1317,  # query was interrupted: someone stops the server
    1927,  # connection was killed
    2002, 2003,  # can't connect
    2006, 2013, 2055,  # the connection is gone, perhaps after the commit
}  # fmt: skip
SQLITE_BUSY, SQLITE_LOCKED = 5, 6

# Circuit breaker: fail fast for one second after an outage. Otherwise a request that waits for a free thread
# would wait for the failures of all requests before it.
PAUSE_AFTER_FAILURE_SECONDS = 1
unavailable_until: dict[str, float] = {}  # by alias, in this process's monotonic time


class StoreUnavailable(Exception):
    """The database did not answer in time. Whether it did the work is unknown."""


def check_available(using: str) -> None:
    """Raise `StoreUnavailable` while the circuit breaker of the database `using` is open."""
    if time.monotonic() < unavailable_until.get(using, 0):
        raise StoreUnavailable


def is_transient(error: BaseException) -> bool:
    """Whether the next attempt may succeed after this exception of Django's database layer."""
    if isinstance(error, InterfaceError):  # the driver raises it for a closed connection
        return True
    if not isinstance(error, OperationalError):
        return False
    if (code := getattr(error.__cause__, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
    return bool(error.args) and error.args[0] in TRANSIENT_CODES


def retry_transient(function: Callable[..., Result], *args: Any, using: str) -> Result:
    """Return `function(*args)`; after a transient error try again on a fresh connection of the database `using`.

    `function` must hold the whole atomic block and be safe to run twice: the connection may be lost between
    the commit and the answer. Raises `StoreUnavailable` after RETRY_SECONDS, and every other error at once.
    """
    check_available(using)
    begun = time.monotonic()
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return function(*args)
        except (OperationalError, InterfaceError) as error:
            connection = connections[using]
            # Within a caller's transaction a second attempt is wrong: the caller's earlier work is lost too.
            if connection.in_atomic_block or not is_transient(error):
                raise
            connection.close()
            if time.monotonic() - begun + pause > RETRY_SECONDS:
                unavailable_until[using] = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
                metrics.count_opening(PAUSE_AFTER_FAILURE_SECONDS)
                raise StoreUnavailable from error
        metrics.count_retry()
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter, so that two writers that collided do not collide again
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
