"""Group commit: rows that several threads insert at the same time share one statement and one commit."""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from django.db import DatabaseError

from .retries import is_transient

Row = TypeVar("Row")


class Outcome(NamedTuple):
    """How the statement of a batch ended; without an error its rows are committed."""

    error: BaseException | None
    rows: int


class Waiting(NamedTuple, Generic[Row]):
    """A row, and the queue by which its thread gets the row's outcome; None asks the thread to lead a batch."""

    row: Row
    outcome: SimpleQueue[Outcome | None]


class GroupCommit(Generic[Row]):
    """Insert rows from many threads with one statement at a time.

    `insert_rows(rows)` is that statement. It commits all of the rows or none. Rows that arrive while a
    statement runs form the next batch; the thread of the first of them runs it. A single row never waits.

    Each row has a queue of its own: the thread that leads a batch wakes the others one by one, and there is no
    shared state by which a thread could learn the outcome of another batch.
    """

    def __init__(self, insert_rows: Callable[[Sequence[Row]], None]) -> None:
        self.insert_rows = insert_rows
        self.lock = threading.Lock()
        self.waiting: list[Waiting[Row]] = []  # the next batch
        self.has_leader = False

    def insert(self, row: Row) -> None:
        """Return when `row` is committed; raise the error of its statement otherwise."""
        mine: Waiting[Row] = Waiting(row, SimpleQueue())
        with self.lock:
            self.waiting.append(mine)
            if not self.has_leader:
                self.has_leader = True
                mine.outcome.put(None)
        outcome = mine.outcome.get() or self._insert_batch()
        if outcome.error is None:
            return
        if outcome.rows > 1 and isinstance(outcome.error, DatabaseError) and not is_transient(outcome.error):
            self.insert_rows([row])  # another row of the batch may be at fault
            return
        raise outcome.error

    def _insert_batch(self) -> Outcome:
        """Insert all waiting rows, let the next batch begin, and tell the threads of this one the outcome."""
        with self.lock:
            batch, self.waiting = self.waiting, []
        error: BaseException | None = None
        try:
            self.insert_rows([entry.row for entry in batch])
        except BaseException as caught:  # also SystemExit: every waiting thread must learn that nothing is stored
            error = caught
        outcome = Outcome(error, len(batch))
        with self.lock:
            if error and is_transient(error):
                # Fail the next batch too, so no thread times out twice.
                batch, self.waiting = batch + self.waiting, []
            self.has_leader = bool(self.waiting)
            if self.has_leader:
                self.waiting[0].outcome.put(None)
        for entry in batch:
            entry.outcome.put(outcome)
        return outcome
