"""database/snapshots.py: several queries that see one moment."""

import threading

import pytest
from django.db import connection

from grades.database.snapshots import snapshot
from grades.models import Grade


def in_another_connection(function):
    def run():
        function()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has no snapshots here")
@pytest.mark.django_db(transaction=True)
def test_queries_in_a_snapshot_see_one_moment_and_later_ones_the_next(make_grade):
    with snapshot():
        assert Grade.objects.count() == 0
        in_another_connection(make_grade)
        assert Grade.objects.count() == 0
    assert Grade.objects.count() == 1
    in_another_connection(lambda: make_grade(txt1="x"))
    assert Grade.objects.count() == 2


@pytest.mark.django_db
def test_a_snapshot_within_a_transaction_changes_nothing(make_grade):
    with snapshot():
        make_grade()
    assert Grade.objects.count() == 1
