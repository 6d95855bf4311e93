"""models/coverage.py: which dispatches were rated, exact after every kind of writer."""

import re
import threading
from datetime import date, timedelta
from time import monotonic

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from grades.imports import import_accounts
from grades.models import Account, Grade, RecountedUntil, start_of
from grades.models import coverage as module
from grades.models.coverage import catch_up, rebuild, rewind
from grades.submissions.store import submit

from ..helpers.files import csv_file

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 3)
NOON = start_of(DAY) + timedelta(hours=12)


def counts():
    """(ratings, lowest grade) of each dispatch, in the order of their acct_id."""
    return list(Account.objects.order_by("acct_id").values_list("rating_count", "lowest_grade"))


def places():
    """(area, product) of each rating."""
    return list(Grade.objects.order_by("pk").values_list("area", "product"))


def look():
    return catch_up(monotonic() + 60)


def test_a_dispatch_counts_the_ratings_of_its_day_and_later(make_account, make_grade):
    make_account(dispatched_on=DAY)
    make_account(dispatched_on=DAY + timedelta(days=1), acct_id="A2")
    make_account(dispatched_on=DAY, acct_id="A3", acc_nbr="2")
    make_grade(insert_time=start_of(DAY) - timedelta(seconds=1), grade1=1)
    make_grade(insert_time=start_of(DAY), grade1=2, acc_nbr="+86-13800138000")
    make_grade(insert_time=NOON + timedelta(days=1))
    assert counts() == [(2, 2), (1, 3), (0, None)]


def test_a_look_counts_what_score_has_added(make_account):
    make_account()
    look()
    submit(acc_nbr="13800138000", grade1=1, grade2=4, grade3=5, txt1="", txt2="", txt3="")
    assert (counts(), places()) == ([(0, None)], [(None, None)])
    assert look() is True
    assert (counts(), places()) == ([(1, 1)], [("城东", "畅享 129 套餐")])


def test_a_rating_that_commits_late_is_counted_by_the_next_look(make_account):
    make_account()
    look()
    late = Grade(acc_nbr="13800138000", grade1=1, grade2=1, grade3=1)
    late.insert_time = timezone.now() - timedelta(minutes=9)
    late.save_base(force_insert=True)  # as /score writes
    look()
    assert (counts(), places()) == ([(1, 1)], [("城东", "畅享 129 套餐")])


def test_deletion_counts_again(make_account, make_grade):
    make_account()
    make_grade(grade1=1)
    make_grade(insert_time=NOON)
    Grade.objects.filter(lowest_grade=1).delete()
    assert counts() == [(1, 3)]
    Grade.objects.get().delete()
    assert counts() == [(0, None)]


def test_a_dispatch_that_is_imported_or_edited_has_its_ratings_at_once(make_grade):
    make_grade(insert_time=NOON)
    import_accounts(csv_file({}), "list.csv")
    assert counts() == [(1, 3)]
    account = Account.objects.get()
    account.acc_nbr = "13900000000"
    account.save()
    assert counts() == [(0, None)]


def test_a_look_goes_on_where_the_last_one_stopped(make_account, make_grade, monkeypatch):
    monkeypatch.setattr(module, "STEP", 2)
    for number in range(5):
        make_account(acct_id=f"A{number}", acc_nbr=str(number))
        make_grade(acc_nbr=str(number), insert_time=NOON)  # all at one moment
    Account.objects.update(rating_count=0, lowest_grade=None)
    Grade.objects.update(area=None, product=None)
    assert catch_up(monotonic() - 1) is False
    assert sum(count for count, _lowest in counts()) == 2
    assert look() is True
    assert (counts(), places()) == ([(1, 3)] * 5, [("城东", "畅享 129 套餐")] * 5)


def test_the_last_minutes_are_read_again_even_after_a_full_step(make_grade, monkeypatch):
    monkeypatch.setattr(module, "STEP", 2)
    for _ in range(4):
        make_grade()
    look()
    assert RecountedUntil.objects.get().until <= timezone.now() - module.MARGIN


def test_an_import_lets_the_next_look_begin_where_it_began():
    look()
    until = RecountedUntil.objects.get().until
    rewind(until + timedelta(hours=1))
    assert RecountedUntil.objects.get().until == until
    rewind(until - timedelta(hours=1))
    assert RecountedUntil.objects.get().until == until - timedelta(hours=1)


def test_an_import_moves_the_next_look_back_only_if_it_changed_dispatches():
    later = timezone.now() + timedelta(hours=1)
    RecountedUntil.objects.create(pk=1, until=later)
    import_accounts(csv_file({}), "list.csv")
    assert RecountedUntil.objects.get().until < timezone.now()
    RecountedUntil.objects.update(until=later)
    import_accounts(csv_file({}), "list.csv")
    assert RecountedUntil.objects.get().until == later


def test_a_rebuild_heals_every_dispatch(make_account, make_grade, monkeypatch):
    monkeypatch.setattr(module, "STEP", 1)
    make_account()
    make_account(acct_id="A2", acc_nbr="2")
    make_grade()
    make_grade(acc_nbr="9")
    Account.objects.update(rating_count=9, lowest_grade=9)
    Grade.objects.update(area="?", product=None)
    assert [(size, corrected) for _done, size, corrected in rebuild()] == [(4, 1)] * 4
    assert counts() == [(1, 3), (0, None)]
    assert places() == [("城东", "畅享 129 套餐"), (None, None)]
    assert sum(corrected for _done, _size, corrected in rebuild()) == 0


@pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_a_look_that_waits_for_a_writer_counts_what_it_wrote(make_account, make_grade):
    make_account()
    RecountedUntil.objects.create(pk=1, until=timezone.now() - timedelta(hours=1))

    def in_thread():
        look()
        connection.close()

    thread = threading.Thread(target=in_thread)
    submit(acc_nbr="13800138000", grade1=5, grade2=5, grade3=5, txt1="", txt2="", txt3="")
    with transaction.atomic():
        make_grade(grade1=1)
        Account.objects.update(area="新区")
        thread.start()
        thread.join(0.5)
    thread.join()
    assert counts() == [(2, 1)]
    assert places()[0] == ("新区", "畅享 129 套餐")


@pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_a_look_leaves_rows_that_a_writer_has_to_the_next_look(make_account):
    make_account()
    submit(acc_nbr="13800138000", grade1=5, grade2=5, grade3=5, txt1="", txt2="", txt3="")
    looks = []

    def in_thread():
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        looks.append(look())
        connection.close()

    thread = threading.Thread(target=in_thread)
    with transaction.atomic():
        Account.objects.select_for_update().get()
        thread.start()
        thread.join()
    assert (looks, counts(), places()) == ([False], [(0, None)], [(None, None)])
    assert look() is True
    assert (counts(), places()) == ([(1, 5)], [("城东", "畅享 129 套餐")])


def test_a_second_look_writes_no_rating(make_account):
    make_account()
    submit(acc_nbr="13800138000", grade1=5, grade2=5, grade3=5, txt1="", txt2="", txt3="")
    updates = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            look()
        updates.append(sum(bool(re.match("UPDATE .grade. ", query["sql"])) for query in queries))
    assert updates == [1, 0]
