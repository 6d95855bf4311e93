"""Which stored values differ from computed ones, NULL included: `<>` knows nothing of NULL."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, Expression, F, Func, Q


class Differs(Func):
    output_field = BooleanField()

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="NOT (%(expressions)s)", arg_joiner=" <=> ", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" IS NOT ", **context)


def any_differs(values: Mapping[str, Expression]) -> Q:
    """A condition that one of these columns does not hold its value."""
    return reduce(or_, (Q(Differs(F(column), value)) for column, value in values.items()))
