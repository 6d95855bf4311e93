"""admin/lists.py: search by customer name, on the dispatch list and the list of ratings."""

import pytest
from django.urls import reverse

from grades.admin import lists
from grades.models import Account, name_condition

from ..helpers.office import ACCOUNTS, CONFLICTS, GRADES, messages, numbers

pytestmark = pytest.mark.django_db

NAMES = {
    "1": "王小明", "2": "王小明", "3": "王小", "4": "王𠮷👩\u200d🔧", "5": "100%纯_水", "6": "Anna", "7": "ａnna",
    "8": "欧\ud7ff阳", "9": "欧\U0010ffff阳", "10": "安娜 (North)", "11": "", "12": "3M 公司",
}  # fmt: skip


@pytest.fixture
def named(make_account, make_grade):
    for number, name in NAMES.items():
        make_account(acc_nbr=number, acct_id=f"A{number}", customer_name=name)
        make_grade(acc_nbr=number)


@pytest.mark.parametrize("url", [ACCOUNTS, GRADES])
@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("王", "4 3 2 1"),
        ("王小明", "2 1"),
        ("  王小 ", "3 2 1"),
        ('"王小"', "3"),
        ("“王小”", "3"),
        ("小明", ""),
        ("王𠮷👩\u200d", "4"),
        ("王𠮷👩\u200d🔧", "4"),
        ("王%", ""),
        ("王_明", ""),
        ("%", ""),
        ("_", ""),
        ("100%", "5"),
        ("100%纯_", "5"),
        ("100_", ""),
        ("Ann", "6"),
        ("ａ", "7"),
        ("欧\ud7ff", "8"),
        ("欧\U0010ffff", "9"),
        ('"欧\U0010ffff阳"', "9"),
        ("\U0010ffff", ""),
        ("安娜 (", "10"),
        ("3M", "12"),
        ('"王', ""),
        ("王" * 600, ""),
    ],
)
def test_what_is_not_a_number_is_the_beginning_of_a_name(superuser_client, named, url, term, found):
    assert numbers(superuser_client.get(url, {"q": term})) == found.split()


@pytest.mark.parametrize("url", [ACCOUNTS, GRADES])
def test_a_number_is_not_a_name(superuser_client, make_account, make_grade, url):
    for acc_nbr, name in (("1", "138 0013-8000"), ("2", "１３８号"), ("3", "\u202d138")):
        make_account(acc_nbr=acc_nbr, acct_id=acc_nbr, customer_name=name)
        make_grade(acc_nbr=acc_nbr)
    for term in ("138", "１３８", "+138 0", '"138 0013-8000"', "\u202d138"):
        assert numbers(superuser_client.get(url, {"q": term})) == []


def test_a_number_or_acct_id_with_letters_is_found_beside_names(superuser_client, make_account, make_grade):
    for acc_nbr, acct_id, name in (
        ("ADSL-01", "x1", ""),
        ("2", "ADSL", ""),
        ("3", "x3", "ADSL 公司"),
        ("4", "ADSL2", ""),
    ):
        make_account(acc_nbr=acc_nbr, acct_id=acct_id, customer_name=name)
        make_grade(acc_nbr=acc_nbr)
    assert numbers(superuser_client.get(ACCOUNTS, {"q": "ADSL"})) == ["3", "2", "ADSL-01"]
    assert numbers(superuser_client.get(ACCOUNTS, {"q": '"ADSL"'})) == ["2"]
    assert numbers(superuser_client.get(GRADES, {"q": "ADSL"})) == ["3", "ADSL-01"]


def test_ratings_are_found_by_every_dispatch_of_their_number(superuser_client, make_account, make_grade):
    for day, name in ((1, "王小明"), (2, "李四")):
        make_account(acc_nbr="13800138000", customer_name=name, dispatched_on=f"2026-11-0{day}")
    make_grade(acc_nbr="+86138-0013-8000")
    for name in ("王", "李四"):
        assert numbers(superuser_client.get(GRADES, {"q": name})) == ["+86138-0013-8000"]


def test_a_name_combines_with_the_filters_of_a_list(superuser_client, named):
    Account.objects.filter(acc_nbr="2").update(area="城西")
    assert numbers(superuser_client.get(ACCOUNTS, {"q": "王", "area": "城西"})) == ["2"]
    assert numbers(superuser_client.get(GRADES, {"q": "王", "area": "城西", "review": "new"})) == ["2"]
    assert numbers(superuser_client.get(GRADES, {"q": "王", "review": "closed"})) == []


@pytest.mark.parametrize(
    ("url", "limit", "count"),
    [(ACCOUNTS, "SEARCH_LIMIT", 4), (GRADES, "NUMBERS_LIMIT", 4), (GRADES, "SEARCH_LIMIT", 4)],
)
def test_a_name_of_too_many_rows_is_refused(superuser_client, named, monkeypatch, url, limit, count):
    monkeypatch.setattr(lists, limit, count - 1)
    response = superuser_client.get(url, {"q": "王", "from": "2000-01-01"})
    assert (response.status_code, response["Location"]) == (302, f"{url}?e=1")
    assert messages(response) == ["More than 3 rows match this name. Type more of it, or search by number."]
    assert numbers(superuser_client.get(url, {"q": "王小"})) == ["3", "2", "1"]


def test_conflicts_and_credits_are_not_searched_by_name(superuser_client, named, make_conflict):
    make_conflict(acc_nbr="1")
    assert numbers(superuser_client.get(CONFLICTS, {"q": "王"})) == []


def test_an_export_of_a_search_by_name_does_not_tell_the_name(superuser_client, named):
    reply = superuser_client.post(
        reverse("admin:grades_account_export"), {"format": "csv"}, query_params={"q": "王小明"}
    )
    assert b"".join(reply.streaming_content).decode("utf-8-sig").count("\r\n") == 3
    assert "dispatches_searched_2-rows_" in reply["Content-Disposition"]
    assert "%E7%8E%8B" not in reply["Content-Disposition"]


@pytest.mark.parametrize("whole", [False, True])
def test_the_index_of_names_finds_the_rows(named, whole):
    assert "account_by_name" in Account.objects.filter(name_condition("王小明", whole)).values("pk").explain()
