"""admin/credits.py: the list of confirmed credits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from grades.models import Credit

from ..helpers.office import CREDITS, make_credit

pytestmark = pytest.mark.django_db


def test_the_credit_list_is_newest_first_in_seven_queries(
    superuser_client, superuser, make_account, django_assert_num_queries
):
    for number in range(5):
        make_credit(make_account(acc_nbr=f"{number}", acct_id=f"A{number}"), superuser)
    Credit.objects.filter(account__acc_nbr="0").update(confirmed_at=timezone.now() + timedelta(seconds=1))
    # session, user, bounded count, which credits, the credits, their dispatches, their clerks
    with django_assert_num_queries(7):
        response = superuser_client.get(CREDITS)
    assert [credit.account.acc_nbr for credit in response.context["cl"].result_list] == ["0", "4", "3", "2", "1"]
