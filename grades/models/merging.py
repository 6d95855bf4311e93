"""Rows that threads of one process would insert at the same time, inserted by one of them in one statement."""

import threading

from django.db import DatabaseError

from ..retries import is_transient


class Entry:
    """A row on its way, and the thread that waits for it."""

    def __init__(self, row):
        self.row = row
        self.is_done = False
        self.error = None
        self.is_alone = False
        self.turn = threading.Lock()
        self.turn.acquire()


class MergedInsert:
    """`insert(row)` returns when the row is committed: by this thread, or by another together with its own.

    One statement is under way at a time; what arrives meanwhile goes into the next, which the first to
    arrive makes. So a row alone waits for nobody, and the more come at once, the fewer statements and
    commits they cost. `insert_rows(rows)` is that statement, and commits all of the rows or none.
    """

    def __init__(self, insert_rows):
        self.insert_rows = insert_rows
        self.lock = threading.Lock()
        self.waiting = []
        self.has_leader = False

    def insert(self, row):
        mine = Entry(row)
        with self.lock:
            self.waiting.append(mine)
            is_leader = not self.has_leader
            self.has_leader = True
        if not is_leader:
            mine.turn.acquire()  # until it is done, or it is this thread's turn to lead
        if not mine.is_done:
            self.lead()
        if isinstance(mine.error, DatabaseError) and not is_transient(mine.error) and not mine.is_alone:
            self.insert_rows([row])  # another row may be the one at fault
        elif mine.error:
            raise mine.error

    def lead(self):
        with self.lock:
            entries, self.waiting = self.waiting, []
        error = None
        try:
            self.insert_rows([entry.row for entry in entries])
        except BaseException as caught:  # whatever it is, no row of these is stored, and nobody may think so
            error = caught
        is_alone = len(entries) == 1
        with self.lock:
            if error and is_transient(error):
                # It may have taken seconds: who waits must not wait as long again, one after the other.
                entries, self.waiting = entries + self.waiting, []
            self.has_leader = bool(self.waiting)
            if self.has_leader:
                self.waiting[0].turn.release()
        for entry in entries:
            entry.is_done, entry.is_alone, entry.error = True, is_alone, error
            entry.turn.release()
