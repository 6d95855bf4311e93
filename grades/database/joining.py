"""Texts joined by the database: of several rows, or of several columns."""

from typing import Any

from django.db.models import Aggregate, CharField, Func, Value


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


class JoinedColumns(Func):
    """Columns without NULL as one text, with a separator between them. Django's Concat nests a call for each."""

    output_field = CharField()

    def __init__(self, separator: str, *columns: Any):
        super().__init__(Value(separator), *columns)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="CONCAT_WS", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        separator, first, *others = self.get_source_expressions()
        parts = self.copy()
        parts.set_source_expressions([first, *(part for column in others for part in (separator, column))])
        return super(JoinedColumns, parts).as_sql(compiler, connection, template="%(expressions)s", arg_joiner=" || ")
