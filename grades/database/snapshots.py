"""Several queries that see the rows of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from .routers import from_readers


@contextmanager
def snapshot() -> Iterator[None]:
    """Queries within see the rows of the first of them, on MySQL and MariaDB. They go to the readers.

    Do not write within.

    Elsewhere, and within a transaction, each query sees the rows of its own moment: a transaction on SQLite would
    take the lock of the writers.
    """
    with from_readers() as alias:
        connection = connections[alias]
        if connection.vendor != "mysql" or connection.in_atomic_block:
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # of the next transaction only
        with transaction.atomic(using=alias):
            yield
