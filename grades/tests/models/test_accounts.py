"""models/accounts.py: the dispatch list and its credits."""

from decimal import Decimal

import pytest

from grades.models import Account, Credit

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
