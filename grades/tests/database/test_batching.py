"""Group commit: which rows share a statement, and which thread learns of which error."""

import threading
import time
from contextlib import suppress
from random import Random

import pytest
from django.db import IntegrityError, OperationalError

from grades.database.batching import GroupCommit
from grades.database.retries import StoreUnavailable

LOST = OperationalError(2013, "Lost connection")


def start(function, *args):
    """Run a function in a thread that does not keep a failed test from ending."""
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def wait_for(threads):
    deadline = time.monotonic() + 5
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "a thread waits forever"


class Recorder(GroupCommit):
    """A group commit whose statements are recorded; the first waits until all rows have arrived."""

    def __init__(self, statement=lambda rows: None):
        super().__init__(self.run_statement)
        self.statement = statement
        self.statements, self.outcomes = [], {}
        self.begun, self.go = threading.Event(), threading.Event()

    def run_statement(self, rows):
        self.statements.append(list(rows))
        self.begun.set()
        assert self.go.wait(5)
        self.statement(rows)

    def record_outcome(self, row):
        """Insert a row and keep the error that `insert` raises, or None."""
        try:
            self.insert(row)
            self.outcomes[row] = None
        except BaseException as error:
            self.outcomes[row] = error

    def insert_at_once(self, rows):
        """The outcome of each row; all but the first arrive while the first statement runs."""
        threads = [start(self.record_outcome, rows[0])]
        assert self.begun.wait(5)
        threads += [start(self.record_outcome, row) for row in rows[1:]]
        deadline = time.monotonic() + 5
        while len(self.waiting) < len(rows) - 1:
            assert time.monotonic() < deadline, "the rows do not form one batch"
            time.sleep(0.001)
        self.go.set()
        wait_for(threads)
        return [self.outcomes[row] for row in rows]


def test_rows_that_arrive_during_a_statement_share_the_next():
    commit = Recorder()
    assert commit.insert_at_once("abcdef") == [None] * 6
    assert [sorted(rows) for rows in commit.statements] == [["a"], list("bcdef")]
    commit.insert("g")
    assert commit.statements[-1] == ["g"]


def test_a_single_row_is_inserted_by_its_own_thread():
    threads = []
    commit = GroupCommit(lambda rows: threads.append(threading.get_ident()))
    commit.insert("a")
    commit.insert("b")
    assert threads == [threading.get_ident()] * 2


def test_one_statement_runs_at_a_time_and_each_row_once():
    running, stored = threading.Lock(), []

    def insert_rows(rows):
        assert running.acquire(blocking=False), "two statements at a time"
        time.sleep(0.0005)
        stored.extend(rows)
        running.release()

    commit = GroupCommit(insert_rows)
    wait_for([start(lambda first: [commit.insert(row) for row in range(first, 400, 16)], first) for first in range(16)])
    assert sorted(stored) == list(range(400))


# --- Errors ---------------------------------------------------------------------------------------


def test_when_a_batch_fails_each_row_is_inserted_alone():
    def statement(rows):
        if "d" in rows:
            raise IntegrityError(1062, "Duplicate entry")

    commit = Recorder(statement)
    results = commit.insert_at_once("abcdef")
    assert [type(result) for result in results] == [type(None)] * 3 + [IntegrityError] + [type(None)] * 2
    assert sorted(commit.statements[2:]) == [["b"], ["c"], ["d"], ["e"], ["f"]]

    with pytest.raises(IntegrityError):
        commit.insert("d")
    assert commit.statements[7:] == [["d"]], "a single row is not inserted again"


@pytest.mark.parametrize("error", [LOST, MemoryError(), StoreUnavailable(), SystemExit(1), KeyboardInterrupt()])
def test_every_row_of_a_failed_statement_gets_its_error(error):
    """SystemExit too: a thread that is not told would wait forever, or report a row that is not stored."""

    def statement(rows):
        if len(rows) > 1:
            raise error

    commit = Recorder(statement)
    assert commit.insert_at_once("abc") == [None, error, error]
    assert len(commit.statements) == 2
    commit.insert("d")
    assert commit.statements[-1] == ["d"]


def test_a_transient_failure_fails_the_queued_batch_too():
    def statement(rows):
        raise LOST

    commit = Recorder(statement)
    assert commit.insert_at_once("abc") == [LOST] * 3
    assert commit.statements == [["a"]]


def test_after_a_transient_failure_the_next_row_is_inserted():
    def statement(rows):
        if "a" in rows:
            raise LOST

    commit = Recorder(statement)
    assert commit.insert_at_once("abc") == [LOST] * 3
    commit.insert("d")
    assert commit.statements == [["a"], ["d"]]


@pytest.mark.parametrize("error", [IntegrityError(1062, "Duplicate entry"), MemoryError(), SystemExit(1)])
def test_any_other_failure_leaves_the_queued_batch_alone(error):
    def statement(rows):
        if "a" in rows:
            raise error

    commit = Recorder(statement)
    assert commit.insert_at_once("abc") == [error, None, None]
    assert [sorted(rows) for rows in commit.statements] == [["a"], ["b", "c"]]


def test_a_row_is_reported_stored_exactly_if_it_is_stored():
    stored, reported = [], []
    random = Random(1)

    def insert_rows(rows):
        time.sleep(0.0002)
        if random.random() < 0.2:
            raise random.choice([LOST, IntegrityError(1062, "Duplicate entry")])
        stored.extend(rows)

    def insert_all(rows):
        for row in rows:
            with suppress(OperationalError, IntegrityError):
                commit.insert(row)
                reported.append(row)

    commit = GroupCommit(insert_rows)
    wait_for([start(insert_all, range(first, 1600, 16)) for first in range(16)])
    assert 0 < len(stored) < 1600
    assert sorted(reported) == sorted(stored)
