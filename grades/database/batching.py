"""Group commit: rows that several threads insert at the same time share one statement and one commit."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import DatabaseError

from .retries import is_transient

Row = TypeVar("Row")


class Batch(Generic[Row]):
    """Rows of one statement, and a future that is done when they are committed or have failed."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.committed: Future[None] = Future()


class GroupCommit(Generic[Row]):
    """Insert rows from many threads with one statement at a time.

    `insert_rows(rows)` is that statement. It commits all of the rows or none. Rows that arrive while a
    statement runs form the next batch; the thread that opened a batch runs it. A single row never waits.
    """

    def __init__(self, insert_rows: Callable[[Sequence[Row]], None]) -> None:
        self.insert_rows = insert_rows
        self.lock = threading.Lock()
        self.running: Batch[Row] | None = None
        self.collecting: Batch[Row] | None = None

    def insert(self, row: Row) -> None:
        """Return when `row` is committed; raise the error of its statement otherwise."""
        with self.lock:
            previous = self.running
            is_leader = self.collecting is None
            batch = self.collecting = self.collecting or Batch()
            batch.rows.append(row)
        if is_leader:
            if previous:
                previous.committed.exception()  # waits until it is done
            self._run(batch)
        error = batch.committed.exception()
        if error is None:
            return
        if len(batch.rows) > 1 and isinstance(error, DatabaseError) and not is_transient(error):
            self.insert_rows([row])  # another row of the batch may be at fault
            return
        raise error

    def _run(self, batch: Batch[Row]) -> None:
        with self.lock:
            if batch.committed.done():  # failed together with the batch before it
                return
            self.running, self.collecting = batch, None
        error: BaseException | None = None
        try:
            self.insert_rows(batch.rows)
        except BaseException as caught:  # also SystemExit: every waiting thread must learn that nothing is stored
            error = caught
        queued = None
        with self.lock:
            self.running = None
            if error and is_transient(error):
                # Fail the queued batch too, so no thread times out twice.
                queued, self.collecting = self.collecting, None
        # The queued batch first: its leader waits for this batch and must then find its own one failed.
        if queued:
            queued.committed.set_exception(error)
        if error:
            batch.committed.set_exception(error)
        else:
            batch.committed.set_result(None)
