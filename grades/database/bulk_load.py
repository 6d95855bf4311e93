"""Loading an empty table with millions of rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def without_keys(table: str) -> Iterator[None]:
    """Within the block the table has its primary key only, on MySQL and MariaDB.

    For an empty table that nobody else uses: unique keys do not hold within. A process that is killed leaves the
    table without them. Elsewhere, and within a transaction, nothing changes.
    """
    if connection.vendor != "mysql" or connection.in_atomic_block:
        yield
        return
    keys = droppable_keys(table)
    try:
        alter(table, [f"DROP INDEX {name}" for name in keys])
        yield
    finally:
        left = droppable_keys(table)
        alter(table, [f"ADD {kind} {key} ({columns})" for key, (kind, columns) in keys.items() if key not in left])


def droppable_keys(table: str) -> dict[str, tuple[str, str]]:
    """{name: (kind, columns)} of the keys, without the primary key and those that foreign keys need."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table).items()
    needed = {constraint["columns"][0] for _name, constraint in constraints if constraint["foreign_key"]}
    return {
        quote(name): ("UNIQUE INDEX" if key["unique"] else "INDEX", ", ".join(map(quote, key["columns"])))
        for name, key in constraints
        if key["index"] and not key["primary_key"] and key["columns"][0] not in needed
    }


def alter(table: str, changes: list[str]) -> None:
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} {', '.join(changes)}")
