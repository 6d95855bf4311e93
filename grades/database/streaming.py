"""Long results without a copy in memory, from a connection of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from .routers import reading_alias

ALIAS = "export"
SORTED_BYTES = 65_536  # of a row, more than any row of ours has


@contextmanager
def streaming_alias() -> Iterator[str]:
    """A database alias whose queries are streamed, from the readers if there are any.

    One statement sees one snapshot, and memory is one chunk.

    The driver of MySQL otherwise copies a whole result into memory. A connection of its own, because it can do
    nothing else while it streams; it is closed at the end, because the driver would read the rest of a result.
    """
    source = connections[reading_alias()]
    connection = source.copy(alias=ALIAS)
    if connection.vendor == "mysql":
        from MySQLdb.cursors import SSCursor

        options = connection.settings_dict["OPTIONS"]
        options["cursorclass"] = SSCursor
        if getattr(source, "mysql_is_mariadb", False):
            # Sort whole rows, as MySQL does: MariaDB would sort the keys of long rows and then look up each row.
            options["init_command"] = f"{options['init_command']}, max_length_for_sort_data={SORTED_BYTES}"
    connections[ALIAS] = connection
    try:
        yield ALIAS
    finally:
        del connections[ALIAS]
        connection.close()
