"""Threads that write while a test reads."""

import threading
from contextlib import contextmanager

from django.db import OperationalError, connection

from grades.imports import ImportFailed

DEADLOCK = 1213


class Writers:
    """Threads that write until the end; `wait` waits until each has committed again."""

    def __init__(self, *functions):
        self.stopped, self.failures = threading.Event(), []
        self.commits = dict.fromkeys(functions, 0)
        self.threads = [threading.Thread(target=self.run, args=[function]) for function in functions]

    def run(self, function):
        try:
            while not self.stopped.is_set():
                try:
                    function()
                    self.commits[function] += 1
                except ImportFailed:
                    pass  # after a deadlock: whole, or not at all
                except OperationalError as error:
                    if error.args[0] != DEADLOCK:  # rolled back whole
                        raise
        except Exception as error:
            self.failures.append(error)
        finally:
            connection.close()

    def wait(self):
        before = dict(self.commits)
        while any(self.commits[each] <= before[each] for each in before) and not self.failures:
            self.stopped.wait(0.005)


@contextmanager
def at_work(*functions):
    writers = Writers(*functions)
    for thread in writers.threads:
        thread.start()
    try:
        writers.wait()
        yield writers
    finally:
        writers.stopped.set()
        for thread in writers.threads:
            thread.join()
    assert writers.failures == []
