"""models/accounts.py: the dispatch list and its credits."""

from decimal import Decimal
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from grades.models import Account, Credit, Withdrawal

from ..helpers.submissions import parallel

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fee", "amount"), [("0.00", 0), ("0.01", 1), ("66.66", 100), ("66.67", 101), ("99.00", 149), ("100.00", 150)]
)
def test_the_credit_is_one_and_a_half_fees_rounded_up(make_account, fee, amount):
    account = make_account(monthly_fee=fee)
    account.refresh_from_db()
    assert account.credit_amount == Decimal(amount)


@pytest.mark.django_db(transaction=True)
def test_parallel_confirmations_of_one_dispatch_are_one_credit(make_account, superuser):
    account = make_account()

    def confirm(_):
        return Account.objects.get(pk=account.pk).confirm_credit(superuser)[1]

    assert sorted(parallel(8, confirm, range(16))) == [False] * 15 + [True]
    assert Credit.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_after_a_withdrawal_parallel_confirmations_are_one_new_credit(make_account, superuser):
    account = make_account()
    account.confirm_credit(superuser)[0].withdraw(superuser, "wrong number")

    def confirm(_):
        return Account.objects.get(pk=account.pk).confirm_credit(superuser)[1]

    assert sorted(parallel(8, confirm, range(16))) == [False] * 15 + [True]
    assert sorted(Credit.objects.values_list("withdrawn_before", "withdrawal__reason")) == [
        (0, "wrong number"),
        (1, None),
    ]


@pytest.mark.django_db(transaction=True)
def test_parallel_withdrawals_of_one_credit_are_one_and_keep_its_reason(make_account, superuser):
    credit = make_account().confirm_credit(superuser)[0]

    def withdraw(number):
        withdrawal, created = Credit.objects.get(pk=credit.pk).withdraw(superuser, f"reason {number}")
        return created, withdrawal.reason

    answers = parallel(8, withdraw, range(16))
    assert sorted(created for created, _reason in answers) == [False] * 15 + [True]
    assert {reason for _created, reason in answers} == {Withdrawal.objects.get().reason}


@pytest.mark.django_db(transaction=True)
def test_confirmations_and_withdrawals_at_once_leave_one_credit_at_most(make_account, superuser):
    account = make_account()

    def press(number):
        mine = Account.objects.get(pk=account.pk)
        credit, _created = mine.confirm_credit(superuser)
        if number % 2:
            credit.withdraw(superuser, f"reason {number}")

    parallel(8, press, range(40))
    assert Credit.objects.filter(withdrawal=None).count() <= 1
    assert Account.objects.get().is_credited == Credit.objects.filter(withdrawal=None).exists()
    numbers = Credit.objects.order_by("withdrawn_before").values_list("withdrawn_before", flat=True)
    assert list(numbers) == list(range(len(numbers)))


def test_a_dispatch_knows_whether_a_credit_stands(make_account, superuser):
    account, _other = make_account(), make_account(acct_id="A2")

    def credited():
        return list(Account.objects.filter(is_credited=True).values_list("pk", flat=True))

    for _round in range(2):
        first = account.confirm_credit(superuser)[0]
        account.confirm_credit(superuser)
        assert credited() == [account.pk]
        first.withdraw(superuser, "wrong number")
        assert credited() == []
    second = account.confirm_credit(superuser)[0]
    first.withdraw(superuser, "again")
    assert (second.withdrawn_before, credited()) == (2, [account.pk])


def test_an_edit_keeps_the_credit_that_was_confirmed_meanwhile(make_account, superuser):
    account = make_account()
    Account.objects.get().confirm_credit(superuser)
    account.save()
    assert Account.objects.get().is_credited


def test_the_database_refuses_a_second_withdrawal_and_one_without_a_reason(make_account, superuser):
    credit = make_account().confirm_credit(superuser)[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        Withdrawal.objects.create(credit=credit, reason="", withdrawn_by=superuser)
    Withdrawal.objects.create(credit=credit, reason="x", withdrawn_by=superuser)
    with pytest.raises(IntegrityError), transaction.atomic():
        Withdrawal.objects.create(credit=credit, reason="y", withdrawn_by=superuser)


@pytest.mark.parametrize("columns", [{"acc_nbr": ""}, {"acct_id": ""}, {"monthly_fee": "-0.01"}, {"pay_type": "free"}])
def test_the_database_refuses_an_invalid_dispatch(make_account, columns):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_account(**columns)


def test_the_database_refuses_a_second_row_for_a_dispatch(make_account):
    make_account()
    make_account(dispatched_on="2026-11-02")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_account(acc_nbr="13800138001")


def test_the_database_refuses_a_second_or_negative_credit(make_account, superuser):
    account = make_account()
    with pytest.raises(IntegrityError), transaction.atomic():
        Credit.objects.create(account=account, credit_amount=-1, confirmed_by=superuser)
    Credit.objects.create(account=account, credit_amount=149, confirmed_by=superuser)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credit.objects.create(account=account, credit_amount=149, confirmed_by=superuser)


def test_the_newest_dispatch_of_an_acct_id_is_found(make_account):
    make_account(dispatched_on="2026-10-01")
    newest = make_account(dispatched_on="2026-11-01")
    make_account(dispatched_on="2026-12-01", acct_id="A2")
    assert Account.objects.newest_dispatch("A1") == newest
    assert Account.objects.newest_dispatch("A9") is None


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (("2026-11-02", None), ["2", "3"]),
        ((None, "2026-11-02"), ["1", "2"]),
        (("2026-11-02", "2026-11-02"), ["2"]),
        ((None, None), ["1", "2", "3"]),
    ],
)
def test_dispatches_between_two_days_include_both(make_account, days, found):
    for day in (1, 2, 3):
        make_account(acc_nbr=f"{day}", dispatched_on=f"2026-11-0{day}")
    assert sorted(account.acc_nbr for account in Account.objects.dispatched_between(*days)) == found


def test_dispatches_come_newest_first_in_batches(make_account):
    for number, day in enumerate((3, 1, 2, 2, 4)):
        make_account(acct_id=f"A{number}", dispatched_on=f"2026-11-0{day}")
    batches = Account.objects.exclude(acct_id="A1").in_batches(2)
    assert [[account.acct_id for account in batch] for batch in batches] == [["A4", "A0"], ["A3", "A2"]]


def test_the_parts_of_a_filter_are_the_whole(make_account, make_grade, superuser):
    for number, (grades, credit) in enumerate(product([(), (5,), (2,), (5, 1), (3, 3, 3)], [False, True])):
        account = make_account(acc_nbr=str(number), acct_id=str(number))
        for lowest in grades:
            make_grade(acc_nbr=str(number), grade1=lowest)
        if credit:
            account.confirm_credit(superuser)
    dispatches = Account.objects.all()
    found = {
        "rated": dispatches.rated(),
        "not rated": dispatches.not_rated(),
        "low": dispatches.rated_low(2),
        "more": dispatches.rated_more_than_once(),
        "credited": dispatches.credited(),
        "low and credited": dispatches.credited().rated_low(2),
        "nothing": dispatches.not_rated().rated(),
    }
    assert {name: queryset.count() for name, queryset in found.items()} == {
        "rated": 8, "not rated": 2, "low": 4, "more": 4, "credited": 5, "low and credited": 2, "nothing": 0,
    }  # fmt: skip
    for queryset in found.values():
        parts = [pk for part in queryset.index_ranges() for pk in part.values_list("pk", flat=True)]
        assert sorted(parts) == sorted(queryset.values_list("pk", flat=True))


def test_a_place_is_read_by_its_own_index(make_account):
    for narrow in (
        Account.objects.narrowed_to(Q(area="城东")).not_rated(),
        Account.objects.not_rated().narrowed_to(Q(area="城东")),
    ):
        assert [str(part.query) for part in narrow.index_ranges()] == [str(narrow.query)]


@pytest.mark.skipif(not connection.features.supports_slicing_ordering_in_compound, reason="needs MySQL or MariaDB")
def test_each_part_reads_the_index_of_kinds_in_its_order(make_account, make_grade):
    for number in range(30):
        make_account(acc_nbr=str(number), acct_id=str(number))
    make_grade(acc_nbr="1", grade1=1)
    parts = Account.objects.rated_low(2).index_ranges()
    assert len(parts) == 2
    for part in parts:
        assert "account_by_kind" in part.order_by("-dispatched_on", "-id").values("pk")[:50].explain()
