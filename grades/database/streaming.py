"""Long results without a copy in memory, from a connection of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

ALIAS = "export"
SORTED_BYTES = 65_536  # of a row, more than any row of ours has


@contextmanager
def streaming_alias() -> Iterator[str]:
    """A database alias whose queries are streamed: one statement sees one snapshot, and memory is one chunk.

    The driver of MySQL otherwise copies a whole result into memory. A connection of its own, because it can do
    nothing else while it streams; it is closed at the end, because the driver would read the rest of a result.
    """
    connection = connections["default"].copy(alias=ALIAS)
    if connection.vendor == "mysql":
        from MySQLdb.cursors import SSCursor

        options = connection.settings_dict["OPTIONS"]
        options["cursorclass"] = SSCursor
        if getattr(connections["default"], "mysql_is_mariadb", False):
            # Sort whole rows, as MySQL does: MariaDB would sort the keys of long rows and then look up each row.
            options["init_command"] = f"{options['init_command']}, max_length_for_sort_data={SORTED_BYTES}"
    connections[ALIAS] = connection
    try:
        yield ALIAS
    finally:
        del connections[ALIAS]
        connection.close()
