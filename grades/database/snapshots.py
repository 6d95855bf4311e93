"""Several queries that see the rows of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """Queries within see the rows of the first of them, on MySQL and MariaDB. Do not write within.

    Elsewhere, and within a transaction, each query sees the rows of its own moment: a transaction on SQLite would
    take the lock of the writers.
    """
    if connection.vendor != "mysql" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # of the next transaction only
    with transaction.atomic():
        yield
