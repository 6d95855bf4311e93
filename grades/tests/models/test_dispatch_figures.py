"""models/dispatch_figures.py: the figures of the dispatches of a day, exact after every kind of writer."""

from datetime import date, timedelta
from time import monotonic

import pytest
from django.db import connection, transaction

from grades.database.snapshots import snapshot
from grades.imports import import_accounts
from grades.models import Account, Credit, DailyCoverage, Grade, start_of
from grades.models.coverage import catch_up, rebuild
from grades.models.dispatch_figures import gaps, known_days, measure, read, recompute, refresh
from grades.submissions.store import submit

from ..helpers.files import csv_file
from ..helpers.office import make_credit
from ..helpers.writers import at_work

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 1)
BEFORE, AFTER = DAY - timedelta(days=3), DAY + timedelta(days=3)
NOON = start_of(DAY) + timedelta(hours=12)


def look():
    refresh(BEFORE, AFTER, monotonic() + 60)
    return read(BEFORE, AFTER)


def is_stale(day):
    return not DailyCoverage.objects.filter(day=day, until__isnull=False).exists()


def test_a_day_counts_dispatches_by_area_and_by_product(make_account, make_grade, superuser):
    make_account()
    make_account(acct_id="A2", acc_nbr="2", area="城西")
    make_account(acct_id="A3", acc_nbr="3", area="城西")
    make_grade(insert_time=NOON, grade2=2)
    make_grade(insert_time=NOON)
    make_grade(insert_time=NOON, acc_nbr="2", grade1=1)
    make_credit(Account.objects.get(acct_id="A3"), superuser)
    product = "畅享 129 套餐"
    assert dict(look()) == {
        "area:total:城东": 1,
        "area:rated:城东": 1,
        "area:lowest2:城东": 1,
        "area:repeated:城东": 1,
        "area:total:城西": 2,
        "area:rated:城西": 1,
        "area:lowest1:城西": 1,
        "area:credited:城西": 1,
        f"product:total:{product}": 3,
        f"product:rated:{product}": 2,
        f"product:lowest2:{product}": 1,
        f"product:lowest1:{product}": 1,
        f"product:repeated:{product}": 1,
        f"product:credited:{product}": 1,
    }


def test_days_that_are_stored_are_read_by_one_query(make_account, django_assert_num_queries):
    make_account()
    expected = look()
    with django_assert_num_queries(1):
        assert read(BEFORE, AFTER) == expected


def test_a_period_without_dispatches_stores_no_days():
    refresh(DAY, DAY + timedelta(days=3000), monotonic() + 60)
    assert not DailyCoverage.objects.exists()


def test_days_beyond_the_deadline_are_counted_but_not_stored(make_account):
    make_account()
    refresh(BEFORE, AFTER, monotonic() - 1)
    assert is_stale(DAY)
    assert read(BEFORE, AFTER)["area:total:城东"] == 1


def by_creation(make_grade, account, user):
    Account.objects.create(
        acc_nbr="2", acct_id="A2", area="城西", pay_type="postpaid", dispatched_on=DAY, monthly_fee=1
    )


def by_edit(make_grade, account, user):
    account.area = "城北"
    account.save()


def by_another_day(make_grade, account, user):
    account.dispatched_on = DAY + timedelta(days=1)
    account.save()
    assert [is_stale(day) for day in (DAY, DAY + timedelta(days=1))] == [True, True]


def by_another_number(make_grade, account, user):
    account.acc_nbr = "13900000000"
    account.save()


def by_deletion(make_grade, account, user):
    Account.objects.all().delete()


def by_deletion_of_one(make_grade, account, user):
    account.delete()


def by_import(make_grade, account, user):
    import_accounts(csv_file({"area": "城北"}, {"acct_id": "A7", "acc_nbr": "7"}), "list.csv")


def by_credit(make_grade, account, user):
    make_credit(account, user)


def by_withdrawal(make_grade, account, user):
    make_credit(account, user)
    assert look()["area:credited:城东"] == 1
    Credit.objects.get().withdraw(user, "wrong")


def by_submission(make_grade, account, user):
    submit(acc_nbr="13800138000", grade1=1, grade2=1, grade3=1, txt1="", txt2="", txt3="")
    catch_up(monotonic() + 60)


def by_rating(make_grade, account, user):
    make_grade(insert_time=NOON, grade1=1)


def by_many_ratings(make_grade, account, user):
    Grade.objects.bulk_create([Grade(acc_nbr="13800138000", grade1=1, grade2=1, grade3=1, insert_time=NOON)])


def by_deletion_of_ratings(make_grade, account, user):
    Grade.objects.all().delete()


def by_rebuild(make_grade, account, user):
    Account.objects.update(rating_count=9)
    look()
    assert list(rebuild())


WRITERS = [
    *(by_creation, by_edit, by_another_day, by_another_number, by_deletion, by_deletion_of_one, by_import, by_credit),
    *(by_withdrawal, by_submission, by_rating, by_many_ratings, by_deletion_of_ratings, by_rebuild),
]


@pytest.mark.parametrize("write", WRITERS)
def test_the_figures_are_exact_after_each_kind_of_writer(make_account, make_grade, superuser, write):
    account = make_account()
    make_grade(insert_time=NOON)
    look()
    write(make_grade, account, superuser)
    assert look() == measure(Account.objects.all())


def test_a_rating_that_changes_no_dispatch_leaves_the_figures(make_account, make_grade):
    make_account()
    look()
    make_grade(insert_time=start_of(BEFORE))
    assert not is_stale(DAY)


def test_figures_from_before_a_change_are_not_stored(make_account):
    make_account()
    recompute(DAY)
    row = DailyCoverage.objects.get(day=DAY)
    make_account(acct_id="A2")
    assert row.store(NOON, {"area:total:城东": 1}) is False
    assert look()["area:total:城东"] == 2


def test_a_change_that_is_rolled_back_leaves_the_figures(make_account):
    make_account()
    look()
    with transaction.atomic():
        Account.objects.all().delete()
        assert is_stale(DAY)
        transaction.set_rollback(True)
    assert not is_stale(DAY)


def test_the_known_days_have_dispatches_or_figures(make_account):
    make_account()
    recompute(BEFORE)
    assert known_days() == [BEFORE, DAY]


def test_the_gaps_are_the_days_between_the_stored_ones():
    days = [DAY + timedelta(days=number) for number in range(6)]
    assert list(gaps(days[0], days[5], [])) == [(days[0], days[5])]
    assert list(gaps(days[0], days[5], [days[3], days[1]])) == [
        (days[0], days[0]),
        (days[2], days[2]),
        (days[4], days[5]),
    ]
    assert list(gaps(days[0], days[1], days[:2])) == []


@pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has no snapshots here")
@pytest.mark.django_db(transaction=True)
def test_the_figures_are_those_of_one_moment_while_dispatches_change(make_account, make_grade):
    make_account()

    def write():
        make_account(acct_id=f"A{Account.objects.count() + 1}", area="城西")
        make_grade(insert_time=NOON)

    with at_work(write):
        for _ in range(20):
            refresh(BEFORE, AFTER, monotonic() + 60)
            with snapshot():
                assert read(BEFORE, AFTER) == measure(Account.objects.all())
    assert Account.objects.count() > 2
