"""database/streaming.py: a connection of its own, gone at the end."""

import pytest
from django.db import connection, connections

from grades.database.streaming import ALIAS, streaming_alias
from grades.exports import ratings_table
from grades.models import Grade

pytestmark = pytest.mark.django_db(transaction=True)


def test_other_queries_run_while_rows_are_streamed(make_grade):
    make_grade(), make_grade()
    with streaming_alias() as alias:
        rows = ratings_table(Grade.objects.all()).rows(alias)
        next(rows)
        assert Grade.objects.count() == 2
        assert connections[alias].connection is not connection.connection
        assert len(list(rows)) == 1


def test_the_connection_is_closed_after_an_error(make_grade):
    make_grade(), make_grade()
    with pytest.raises(KeyError):  # noqa: PT012
        with streaming_alias() as alias:
            opened = connections[alias]
            next(ratings_table(Grade.objects.all()).rows(alias))
            raise KeyError
    assert opened.connection is None
    assert not hasattr(connections._connections, ALIAS)


def test_mariadb_sorts_whole_rows_on_this_connection_alone():
    if connection.vendor != "mysql":
        pytest.skip("needs MySQL or MariaDB")
    found = []
    with streaming_alias() as alias:
        for name in ("default", alias):
            with connections[name].cursor() as cursor:
                cursor.execute("SHOW SESSION VARIABLES LIKE 'max_length_for_sort_data'")
                found += [int(value) for _name, value in cursor.fetchall()]
    if connection.mysql_is_mariadb:
        assert found == [1024, 65_536]
    else:
        assert len(set(found)) <= 1  # MySQL sorts whole rows by itself
