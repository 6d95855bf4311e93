"""Texts of several rows, joined by the database."""

from typing import Any

from django.db.models import Aggregate, CharField


class JoinedLines(Aggregate):
    """A text of each row as a line; `order` names the columns that MySQL sorts by.

    SQLite reads the rows in the order of the index that finds them.
    """

    name = "JoinedLines"
    template = "GROUP_CONCAT(%(expressions)s, char(10))"
    output_field = CharField()

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "GROUP_CONCAT(%(expressions)s ORDER BY %(order)s SEPARATOR '\\n')"
        return super().as_sql(compiler, connection, template=template, **context)
