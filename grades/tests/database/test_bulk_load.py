"""database/bulk_load.py: a table without its keys while it is filled."""

import pytest
from django.db import IntegrityError, connection

from grades.database import bulk_load
from grades.database.bulk_load import without_keys
from grades.models import Grade

TABLE = Grade._meta.db_table
needs_mysql = pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB")


def keys():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, TABLE)
    return {name: (tuple(key["columns"]), key["unique"]) for name, key in constraints.items() if key["index"]}


@needs_mysql
@pytest.mark.django_db(transaction=True)
def test_the_keys_are_gone_within_and_the_same_afterwards():
    before = keys()
    with without_keys(TABLE):
        assert {columns for columns, _unique in keys().values()} == {("id",), ("reviewer_id",)}
    assert keys() == before


@needs_mysql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [KeyboardInterrupt, ValueError])
def test_the_keys_come_back_after_an_error_or_ctrl_c(end):
    before = keys()
    with pytest.raises(end), without_keys(TABLE):
        raise end
    assert keys() == before


@needs_mysql
@pytest.mark.django_db(transaction=True)
def test_the_keys_that_could_not_be_dropped_stay(monkeypatch):
    before = keys()
    alter = bulk_load.alter

    def refuse_to_drop(table, changes):
        if any("DROP" in change for change in changes):
            raise KeyboardInterrupt
        alter(table, changes)

    monkeypatch.setattr(bulk_load, "alter", refuse_to_drop)
    with pytest.raises(KeyboardInterrupt), without_keys(TABLE):
        pass
    assert keys() == before


@pytest.mark.django_db
def test_within_a_transaction_the_keys_hold(make_grade):
    columns = {"submission_id": "00000000-0000-0000-0000-000000000001"}
    make_grade(**columns)
    with without_keys(TABLE), pytest.raises(IntegrityError):
        make_grade(**columns)
