"""Transient errors, the retry, and the circuit breaker."""

import sqlite3
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from grades.database import retries
from grades.database.retries import StoreUnavailable, check_available, is_transient, retry_transient


@pytest.fixture
def clock(monkeypatch):
    """In `retries` time passes in pauses only; returns these. Other threads keep the real clock."""
    pauses, now = [], [1000.0]

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(retries, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: now[0]))
    monkeypatch.setattr(retries, "unavailable_until", {})
    return pauses


# A lost connection, a deadlock, a lock wait timeout, a server that stops or starts, a cluster node without quorum …
TRANSIENT = [1020, 1040, 1047, 1053, 1180, 1205, 1213, 1290, 1317, 1836, 1927, 2002, 2003, 2006, 2013, 2055]


@pytest.mark.parametrize("code", TRANSIENT)
@pytest.mark.django_db(transaction=True)
def test_a_transient_error_is_retried_on_a_fresh_connection(clock, code):
    errors = [OperationalError(code, "…"), InterfaceError(0, "")]
    used = []

    def work():
        connection.ensure_connection()
        used.append(connection.connection)
        if errors:
            raise errors.pop()
        return "done"

    assert retry_transient(work, using="default") == "done"
    assert len({id(one) for one in used}) == len(used) == 3
    assert len(clock) == 2


@pytest.mark.parametrize(
    "error", [OperationalError(1366, "Incorrect value"), OperationalError(1292, "…"), IntegrityError(1062, "…")]
)
@pytest.mark.django_db(transaction=True)
def test_a_lasting_error_is_raised_at_once(clock, error):
    calls = []

    def work():
        calls.append(1)
        raise error

    with pytest.raises(type(error)) as caught:
        retry_transient(work, using="default")
    assert (caught.value, len(calls), clock) == (error, 1, [])
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("name", "transient"),
    [("BUSY", True), ("BUSY_SNAPSHOT", True), ("LOCKED", True), ("FULL", False), ("IOERR", False)],
)
def test_a_busy_or_locked_sqlite_is_transient(name, transient):
    cause = sqlite3.OperationalError("…")
    cause.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}")
    error = OperationalError("…")
    error.__cause__ = cause
    assert is_transient(error) is transient


@pytest.mark.django_db
def test_nothing_is_retried_within_the_callers_transaction(clock):
    def work():
        raise OperationalError(1213, "Deadlock found")

    with pytest.raises(OperationalError):
        retry_transient(work, using="default")
    assert clock == []


def fail():
    raise OperationalError(2002, "Can't connect")


@pytest.mark.django_db(transaction=True)
def test_after_two_seconds_it_gives_up_and_opens_the_circuit_breaker(clock):
    calls = []

    def work():
        calls.append(1)
        raise OperationalError(2002, "Can't connect")

    with pytest.raises(StoreUnavailable) as caught:
        retry_transient(work, using="default")
    assert caught.value.__cause__.args[0] == 2002
    assert 1 < sum(clock) <= 2
    assert 5 < len(calls) < 20

    del calls[:], clock[:]
    with pytest.raises(StoreUnavailable):
        retry_transient(work, using="default")
    assert (calls, clock) == ([], [])

    retries.time.sleep(1)
    assert retry_transient(lambda: "done", using="default") == "done"


@pytest.mark.django_db(transaction=True)
def test_the_circuit_breaker_of_one_database_leaves_others_closed(clock):
    with pytest.raises(StoreUnavailable):
        retry_transient(fail, using="default")
    with pytest.raises(StoreUnavailable):
        check_available("default")
    check_available("another")


@pytest.mark.django_db(transaction=True)
def test_the_last_attempt_begins_within_the_retry_time(clock):
    begun = []

    def work():
        begun.append(retries.time.monotonic())
        fail()

    with pytest.raises(StoreUnavailable):
        retry_transient(work, using="default")
    assert begun[-1] - begun[0] <= retries.RETRY_SECONDS
    assert max(clock) <= retries.LONGEST_PAUSE_SECONDS
