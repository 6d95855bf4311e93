"""views/credit.py: the confirmation of a temporary credit."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission

from grades.models import Credit, Withdrawal

from ..helpers.headers import ENGLISH, JSON

pytestmark = pytest.mark.django_db


def test_the_form_has_acct_id_and_amount_of_the_newest_dispatch(client, may_credit, make_account):
    make_account(dispatched_on="2026-10-01", acct_id="A1", monthly_fee="10.00")
    make_account(dispatched_on="2026-11-01", acct_id="A2", monthly_fee="99.00")
    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()
    assert '<input type="hidden" name="acct_id" value="A2">' in page
    assert '<input id="credit_amount" name="credit_amount" value="149" readonly>' in page
    assert page.count('action="/credit"') == 1


def test_staff_without_the_right_get_no_form_and_no_credit(client, make_account):
    make_account()
    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()
    assert 'action="/credit"' not in page
    response = client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON | ENGLISH)
    assert response.status_code == 403
    assert response.json() == {"error": "forbidden", "message": "You may not confirm credits."}
    assert not Credit.objects.exists()


def test_a_credit_is_confirmed_once(client, staff, may_credit, make_account):
    account = make_account()
    first = client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON)
    again = client.post("/credit", {"acct_id": "A1", "credit_amount": "149.00"}, headers=JSON)

    credit = Credit.objects.get()
    assert (credit.account, credit.credit_amount, credit.confirmed_by) == (account, Decimal(149), staff)
    assert first.status_code == again.status_code == 200
    assert first.json() | {"confirmed_at": None} == {
        "acct_id": "A1",
        "credit_amount": 149,
        "confirmed_at": None,
        "created": True,
    }
    assert again.json() == first.json() | {"created": False}


def test_a_credit_belongs_to_the_newest_dispatch(client, may_credit, make_account):
    make_account(dispatched_on="2026-10-01", monthly_fee="10.00")
    newest = make_account(dispatched_on="2026-11-01", monthly_fee="99.00")
    client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON)
    assert Credit.objects.get().account == newest


@pytest.mark.parametrize("amount", ["148", "150", "148.5", "0", "-149", "999999999999"])
def test_a_different_amount_is_refused(client, may_credit, make_account, amount):
    make_account()
    response = client.post("/credit", {"acct_id": "A1", "credit_amount": amount}, headers=JSON)
    assert response.status_code == 409
    assert response.json()["error"] == "amount"
    assert not Credit.objects.exists()


@pytest.mark.parametrize(
    "fields", [{}, {"acct_id": "A1"}, {"credit_amount": "149"}, {"acct_id": "A1", "credit_amount": "NaN"}]
)
def test_a_missing_or_malformed_field_is_refused(client, may_credit, make_account, fields):
    make_account()
    response = client.post("/credit", fields, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid"
    assert not Credit.objects.exists()


def test_an_unknown_acct_id_is_not_found(client, may_credit):
    response = client.post("/credit", {"acct_id": "A9", "credit_amount": "149"}, headers=JSON | ENGLISH)
    assert response.status_code == 404
    assert response.json() == {"error": "unknown", "message": "The dispatch list does not have this acct_id."}


def test_the_page_names_the_clerk_of_a_confirmed_credit(client, may_credit, make_account):
    make_account()
    fields = {"acct_id": "A1", "credit_amount": "149"}
    page = client.post("/credit", fields, headers=ENGLISH).content.decode()
    assert "The credit is confirmed." in page
    assert "<strong>149 yuan</strong>, confirmed by clerk on" in page
    assert 'action="/credit"' not in page
    assert "This credit was confirmed before." in client.post("/credit", fields, headers=ENGLISH).content.decode()
    assert "does not match" in client.post("/credit", fields | {"credit_amount": "1"}, headers=ENGLISH).content.decode()


def test_the_form_shows_the_fee_beside_the_credit(client, may_credit, make_account):
    make_account(monthly_fee="33.00")
    page = " ".join(client.post("/query", {"acc_nbr": "13800138000"}).text.split())
    assert '<label for="credit_amount">月租 33.00 × 1.5 →</label>' in page
    assert 'value="50" readonly> 元（向上取整）' in page


@pytest.mark.parametrize("path", ["/credit", "/credit/withdraw"])
def test_other_methods_are_refused(client, path):
    assert client.get(path).status_code == 405


# --- Withdrawal -----------------------------------------------------------------------------------


@pytest.fixture
def may_withdraw(staff):
    staff.user_permissions.add(Permission.objects.get(codename="add_withdrawal"))


@pytest.fixture
def credit(make_account, superuser):
    return make_account().confirm_credit(superuser)[0]


def test_a_credit_is_withdrawn_once_with_its_reason(client, staff, may_withdraw, credit):
    page = client.post("/query", {"acc_nbr": "13800138000"}).text
    assert f'name="credit" value="{credit.pk}"' in page
    first = client.post("/credit/withdraw", {"credit": credit.pk, "reason": " 客户退订 "}, headers=ENGLISH).text
    again = client.post("/credit/withdraw", {"credit": credit.pk, "reason": "other"}, headers=ENGLISH).text
    withdrawal = Withdrawal.objects.get()
    assert (withdrawal.credit, withdrawal.reason, withdrawal.withdrawn_by) == (credit, "客户退订", staff)
    assert "The credit is withdrawn." in first
    assert "This credit was withdrawn before." in again
    for page in (first, again):
        assert "Withdrawn by clerk on" in page
        assert "客户退订" in page
        assert 'action="/credit/withdraw"' not in page
    unchanged = Credit.objects.get()
    assert (unchanged.credit_amount, unchanged.confirmed_at) == (credit.credit_amount, credit.confirmed_at)


def test_a_withdrawn_credit_can_be_confirmed_again(client, may_credit, may_withdraw, credit):
    client.post("/credit/withdraw", {"credit": credit.pk, "reason": "x"})
    replies = [client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON) for _ in range(2)]
    assert [reply.json()["created"] for reply in replies] == [True, False]
    assert list(Credit.objects.order_by("pk").values_list("withdrawn_before", flat=True)) == [0, 1]


def test_staff_without_the_right_cannot_withdraw(client, may_credit, credit):
    assert 'action="/credit/withdraw"' not in client.post("/query", {"acc_nbr": "13800138000"}).text
    response = client.post("/credit/withdraw", {"credit": credit.pk, "reason": "x"}, headers=JSON | ENGLISH)
    assert response.status_code == 403
    assert response.json() == {"error": "forbidden", "message": "You may not withdraw credits."}
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize("reason", ["", "  ", "好" * 501, "a\x00b"])
def test_a_credit_is_not_withdrawn_without_a_usable_reason(client, may_withdraw, credit, reason):
    response = client.post("/credit/withdraw", {"credit": credit.pk, "reason": reason}, headers=ENGLISH)
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert "<details" in response.text
    assert f'name="reason" value="{reason}"' in response.text
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize("pk", ["", "0", "x", "99", "9" * 30])
def test_a_credit_that_does_not_exist_is_not_withdrawn(client, may_withdraw, credit, pk):
    pk = str(credit.pk + 1) if pk == "99" else pk
    response = client.post("/credit/withdraw", {"credit": pk, "reason": "x"}, headers=JSON | ENGLISH)
    assert response.status_code == 404
    assert response.json() == {"error": "unknown", "message": "This credit does not exist."}
    assert not Withdrawal.objects.exists()
