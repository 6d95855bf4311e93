"""Group commit: which rows share a statement, and which thread learns of which error."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError

from grades.database.batching import GroupCommit
from grades.database.retries import StoreUnavailable

LOST = OperationalError(2013, "Lost connection")


class Recorder(GroupCommit):
    """A group commit whose statements are recorded; the first waits until the test lets it go on."""

    def __init__(self, statement=lambda rows: None):
        super().__init__(self.run_statement)
        self.statement = statement
        self.statements = []
        self.begun, self.go = threading.Event(), threading.Event()

    def run_statement(self, rows):
        self.statements.append(list(rows))
        self.begun.set()
        assert self.go.wait(5)
        self.statement(rows)

    def outcome(self, row):
        """The error that `insert` raises for a row, or None."""
        try:
            self.insert(row)
        except BaseException as error:
            return error

    def insert_at_once(self, rows):
        """The outcome of each row; all but the first arrive while the first statement runs."""
        with ThreadPoolExecutor(len(rows)) as pool:
            first = pool.submit(self.outcome, rows[0])
            assert self.begun.wait(5)
            others = [pool.submit(self.outcome, row) for row in rows[1:]]
            while not self.collecting or len(self.collecting.rows) < len(others):
                time.sleep(0.001)
            self.go.set()
            return [task.result(5) for task in (first, *others)]


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
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(commit.insert, range(400)))
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
