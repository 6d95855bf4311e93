"""Errors of the database that pass by themselves: which they are, and the one way to try again."""

import random
import time

from django.db import InterfaceError, OperationalError, connections

# From the first attempt on. No attempt begins later, and one takes no longer than the time limits of its
# connection (DATABASES in the settings), so that a caller has an answer within ten seconds.
RETRY_SECONDS = 2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.3

# https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
TRANSIENT_CODES = {
    1020,  # record has changed since last read (MariaDB's snapshot isolation)
    1040,  # too many connections
    1047,  # WSREP has not yet prepared node: a cluster's node without quorum
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

# For so long nobody is made to wait for a database that has just failed somebody for RETRY_SECONDS. Else those
# that wait for a free thread would wait for the failures of all before them.
PAUSE_AFTER_FAILURE_SECONDS = 1
_unavailable_until = {}  # by alias, in this process's monotonic time


class StoreUnavailable(Exception):
    """The database did not do what was asked within the time; whether it was done is not known."""


def check_available(using):
    """Raise `StoreUnavailable` if the database failed somebody just now."""
    if time.monotonic() < _unavailable_until.get(using, 0):
        raise StoreUnavailable


def is_transient(error):
    """Whether an exception of Django's database layer may be gone at the next attempt."""
    if isinstance(error, InterfaceError):  # the driver's own word for a connection that is closed
        return True
    if not isinstance(error, OperationalError):
        return False
    if (code := getattr(error.__cause__, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
    return bool(error.args) and error.args[0] in TRANSIENT_CODES


def retry_transient(function, *args, using):
    """`function(*args)`, tried again on a fresh connection of the database `using` after a transient error.

    `function` is the whole atomic block and safe to run again: the connection may be lost after the
    commit and before the answer. Raises `StoreUnavailable` when the time is up, and every other error.
    """
    check_available(using)
    begun = time.monotonic()
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return function(*args)
        except (OperationalError, InterfaceError) as error:
            connection = connections[using]
            # Within somebody's transaction there is no second attempt: what it did before is gone as well.
            if connection.in_atomic_block or not is_transient(error):
                raise
            connection.close()
            if time.monotonic() - begun + pause > RETRY_SECONDS:
                _unavailable_until[using] = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
                raise StoreUnavailable from error
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - so that those who met do not meet again
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
