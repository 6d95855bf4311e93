"""admin/credits.py: the list of confirmed credits."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from openpyxl import load_workbook

from grades.admin import credits
from grades.models import Credit

from ..helpers.exported import parse_csv
from ..helpers.office import CREDITS, act, make_credit, messages

pytestmark = pytest.mark.django_db

HEADINGS = [
    "account number", "customer name", "area", "product", "dispatched on", "monthly fee", "acct_id",
    "credit amount", "confirmed by", "confirmed at", "withdrawn by", "withdrawn at", "reason",
]  # fmt: skip


def listed(response):
    return [credit.account.acc_nbr for credit in response.context["cl"].result_list]


@pytest.fixture
def three(make_account, superuser, staff):
    """Credits of three days by two clerks; the second is withdrawn."""
    accounts = [make_account(acc_nbr=f"1380013800{number}", acct_id=f"A{number}") for number in range(3)]
    made = [make_credit(account, user) for account, user in zip(accounts, (superuser, superuser, staff), strict=True)]
    for day, credit in enumerate(made, 1):
        Credit.objects.filter(pk=credit.pk).update(confirmed_at=datetime(2026, 11, day, tzinfo=UTC))
    withdrawal, _created = made[1].withdraw(staff, "=typed the wrong number")
    withdrawal.withdrawn_at = datetime(2026, 11, 4, tzinfo=UTC)
    withdrawal.save()


def test_the_credit_list_is_newest_first_in_twelve_queries(
    superuser_client, superuser, make_account, django_assert_num_queries
):
    for number in range(5):
        make_credit(make_account(acc_nbr=f"{number}", acct_id=f"A{number}"), superuser).withdraw(superuser, "x")
    Credit.objects.filter(account__acc_nbr="0").update(confirmed_at=timezone.now() + timedelta(seconds=1))
    # session, user, clerks of the filter, their names, bounded count, which credits, the credits, their dispatches,
    # their clerks, their withdrawals, the users of these; saved filters
    with django_assert_num_queries(12):
        response = superuser_client.get(CREDITS)
    assert listed(response) == ["0", "4", "3", "2", "1"]


def test_the_list_says_who_withdrew_a_credit_and_why(superuser_client, three):
    page = superuser_client.get(CREDITS).text
    assert "2026-11-04 08:00 by clerk" in page.replace("Nov. 4, 2026, 8 a.m.", "2026-11-04 08:00")
    assert "=typed the wrong number" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"withdrawn": "yes"}, ["1"]),
        ({"withdrawn": "no"}, ["2", "0"]),
        ({"from": "2026-11-02", "to": "2026-11-02"}, ["1"]),
        ({"clerk": "boss"}, ["1", "0"]),
        ({"clerk": "boss", "withdrawn": "no"}, ["0"]),
        ({"q": "1380013"}, ["2", "1", "0"]),
        ({"q": "138-0013-8001"}, ["1"]),
        ({"q": "138 0013 8002"}, ["2"]),
        ({"q": '"1380013"'}, []),
        ({"q": "A1"}, []),
    ],
)
def test_the_list_is_searched_and_filtered(superuser_client, three, query, found):
    if "clerk" in query:
        query = query | {"clerk": User.objects.get(username=query["clerk"]).pk}
    assert [number[-1] for number in listed(superuser_client.get(CREDITS, query))] == found


@pytest.mark.parametrize("query", [{"withdrawn": "x"}, {"clerk": "x"}, {"clerk": "0"}, {"from": "2026-13-01"}])
def test_a_filter_by_hand_that_is_not_offered_is_refused(superuser_client, three, query):
    response = superuser_client.get(CREDITS, query)
    assert (response.status_code, response["Location"]) == (302, f"{CREDITS}?e=1")


def test_a_search_that_finds_too_many_dispatches_asks_for_more_digits(superuser_client, three, monkeypatch):
    monkeypatch.setattr(credits, "DISPATCHES_SEARCHED", 2)
    response = superuser_client.get(CREDITS, {"q": "138"})
    assert listed(response) == []
    assert messages(response) == ["Too many dispatches begin like this. Type more of the number."]


def test_the_credits_of_a_filter_are_exported(superuser_client, three):
    keys = list(Credit.objects.values_list("pk", flat=True))
    response = act(superuser_client, "export_csv", keys[:1], across=True, url=CREDITS, query="?withdrawn=yes")
    assert response["Content-Disposition"].startswith('attachment; filename="credits_withdrawn-yes_1-rows_')
    row = ["13800138001", "王小明", "城东", "畅享 129 套餐", "2026-11-01", "99.00", "A1", "149", "boss"]
    row += ["2026-11-02 08:00:00", "clerk", "2026-11-04 08:00:00", "'=typed the wrong number"]
    assert parse_csv(b"".join(response.streaming_content)) == [HEADINGS, row]


def test_the_ticked_credits_are_exported_as_a_workbook(superuser_client, three, tmp_path):
    keys = list(Credit.objects.order_by("pk").values_list("pk", flat=True))
    response = act(superuser_client, "export_xlsx", keys[1:], url=CREDITS)
    file = tmp_path / "credits.xlsx"
    file.write_bytes(b"".join(response.streaming_content))
    rows = [list(row) for row in load_workbook(file).worksheets[0].values]
    assert rows[0] == HEADINGS
    # A sheet knows no time zones.
    day, at = datetime(2026, 11, 1), datetime(2026, 11, 3, 8)  # noqa: DTZ001
    assert rows[1][:1] + rows[1][4:] == [
        "13800138002", day, 99, "A2", 149, "clerk", at, None, None, None,
    ]  # fmt: skip
    assert rows[2][10:] == ["clerk", datetime(2026, 11, 4, 8), "=typed the wrong number"]  # noqa: DTZ001
    assert len(rows) == 3
