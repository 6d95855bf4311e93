"""Where a query goes: staff's long reads to the readers, everything else to the database that is written.

`READERS` are other nodes of a Galera cluster (DATABASE_READ_URL). A session there waits until the node has applied what
was committed anywhere before (`wsrep_sync_wait`), so a read after a write sees it. Without the setting all is one
database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Model

WRITER = "default"
READERS = "readers"

is_reading: ContextVar[bool] = ContextVar("is_reading", default=False)


@contextmanager
def from_readers() -> Iterator[str]:
    """Queries within read from the readers, if there are any; yields the alias.

    Within a transaction they stay on its connection: they would not see its changes elsewhere. Locks and changes
    go to the writer all the same, but such code does not belong here.
    """
    token = is_reading.set(True)
    try:
        yield reading_alias()
    finally:
        is_reading.reset(token)


def reading_alias() -> str:
    has_readers = bool(settings.DATABASE_READ_URL) and not connections[WRITER].in_atomic_block
    return READERS if has_readers else WRITER


class ReadersRouter:
    """Reads within `from_readers` go to the readers.

    A row that was read there is changed on the writer, and its relations are read there.
    """

    def db_for_read(self, model: type[Model], instance: Model | None = None, **hints: Any) -> str | None:
        return reading_alias() if is_reading.get() else writer_of(instance)

    def db_for_write(self, model: type[Model], instance: Model | None = None, **hints: Any) -> str | None:
        return writer_of(instance)

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return True  # all aliases have the same rows

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == READERS else None


def writer_of(instance: Model | None) -> str | None:
    """None leaves the choice to Django: the alias that the instance was read from, or the default."""
    return WRITER if instance is not None and instance._state.db == READERS else None
