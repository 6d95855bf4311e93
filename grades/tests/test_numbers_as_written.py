"""One number in all the ways that people write it: the look-up, the lists of the back office, and the import."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from grades.models import Account

from .helpers.headers import ENGLISH, JSON
from .helpers.office import ACCOUNTS, CONFLICTS, CREDITS, GRADES, IMPORT, make_credit, numbers

pytestmark = pytest.mark.django_db

NUMBER = "13800138000"
WHOLE = {
    "hyphens": "138-0013-8000",
    "country code": "+86 138 0013 8000",
    "full-width digits": "１３８００１３８０００",
    "country code in brackets": "（+86）13800138000",
    "copied contact": "\u202d138 0013 8000\u202c",
}
CUT_OFF = "1380013"
OTHER = "13900138000"
HEADING = "acc_nbr,customer_name,area,product,pay_type,state,dispatched_on,monthly_fee,acct_id"

as_written = pytest.mark.parametrize("written", WHOLE.values(), ids=WHOLE)


def look_up(client, written):
    """(numbers of the dispatches as JSON, the page as one line)."""
    rows = client.post("/query", {"acc_nbr": written}, headers=JSON).json()
    page = client.post("/query", {"acc_nbr": written}, headers=ENGLISH).text
    return [row[0] for row in rows], " ".join(page.split())


def upload(client, *numbers):
    lines = [f"{number},王小明,,,postpaid,,2026-11-01,33.00,A{place}" for place, number in enumerate(numbers)]
    file = SimpleUploadedFile("list.csv", "\n".join((HEADING, *lines)).encode())
    return client.post(IMPORT, {"file": file})


# --- The look-up ----------------------------------------------------------------------------------


@as_written
@pytest.mark.parametrize("stored", [NUMBER, *list(WHOLE.values())[:1]])
def test_the_look_up_finds_the_dispatch(superuser_client, make_account, stored, written):
    make_account(acc_nbr=stored)
    make_account(acc_nbr=OTHER, acct_id="A2")
    numbers, page = look_up(superuser_client, written)
    assert numbers == [stored]
    assert "王小明" in page
    assert "not on the dispatch list" not in page


@as_written
def test_the_look_up_says_that_a_whole_number_is_not_on_the_list(superuser_client, make_account, written):
    make_account(acc_nbr=OTHER)
    numbers, page = look_up(superuser_client, written)
    assert numbers == []
    assert "This number is not on the dispatch list!!" in page


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (CUT_OFF, CUT_OFF),
        ("+861380013", "+861380013"),
        ("0086 1380013", "00861380013"),
        ("861380013", "861380013"),
        ("86-138-0013", "86-138-0013"),
    ],
)
def test_the_look_up_asks_whether_a_short_number_is_incomplete(superuser_client, make_account, written, shown):
    make_account()
    make_account(acc_nbr=OTHER, acct_id="A2")
    numbers, page = look_up(superuser_client, written)
    assert numbers == []
    assert f"Is {shown} incomplete?" in page
    assert re.findall(r'<button class="quiet" name="acc_nbr" value="(\d+)"', page) == [NUMBER]
    assert re.findall(r'name="acc_nbr" value="(\d{11})"', page) == [NUMBER]
    assert "not on the dispatch list" not in page


@pytest.mark.parametrize("written", ["+86", "0086", "+861380013", "861380013", "86 1890000111"])
def test_a_number_that_is_not_whole_is_not_said_to_be_missing(superuser_client, written):
    page = look_up(superuser_client, written)[1]
    assert "incomplete?" in page
    assert "not on the dispatch list" not in page


@pytest.mark.parametrize("number", ["86138001", "861380013", "861890000111"])
def test_a_listed_number_that_begins_with_86_is_found_as_itself(superuser_client, make_account, number):
    make_account(acc_nbr=number)
    make_account(acc_nbr="13800138000", acct_id="A2")
    make_account(acc_nbr="18900001111", acct_id="A3")
    numbers, page = look_up(superuser_client, number)
    assert numbers == [number]
    assert "incomplete?" not in page


def test_a_short_number_that_begins_with_86_offers_landlines_and_mobile_numbers(superuser_client, make_account):
    for place, number in enumerate(("86138001", NUMBER, OTHER)):
        make_account(acc_nbr=number, acct_id=f"A{place}")
    page = look_up(superuser_client, "8613800")[1]
    assert re.findall(r'<button class="quiet" name="acc_nbr" value="(\d+)"', page) == ["86138001", NUMBER]


@pytest.mark.parametrize("written", ["86138001380000", "8621088886666", "86218888"])
def test_other_numbers_that_begin_with_86_are_not_incomplete(superuser_client, written):
    page = look_up(superuser_client, written)[1]
    assert "This number is not on the dispatch list!!" in page


# --- The lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [*WHOLE.values(), CUT_OFF, f'"{WHOLE["hyphens"]}"'])
@pytest.mark.parametrize("stored", [NUMBER, "138-0013-8000"])
def test_every_list_finds_its_rows(
    superuser_client, superuser, make_account, make_conflict, make_grade, stored, written
):
    for place, number in enumerate((stored, OTHER)):
        make_credit(make_account(acc_nbr=number, acct_id=f"A{place}"), superuser)
        make_conflict(make_grade(acc_nbr=number))
    for url in (GRADES, ACCOUNTS, CREDITS, CONFLICTS):
        found = superuser_client.get(url, {"q": written}).context["cl"].result_list
        assert (url, [getattr(row, "account", row).acc_nbr for row in found]) == (url, [stored])


@pytest.mark.parametrize("written", ["861380013", "86 1380013", "+861380013"])
def test_a_search_for_a_short_number_with_its_country_code_finds_the_mobile_number(
    superuser_client, make_account, written
):
    make_account()
    make_account(acc_nbr=OTHER, acct_id="A2")
    assert numbers(superuser_client.get(ACCOUNTS, {"q": written})) == [NUMBER]


def test_a_search_finds_numbers_that_begin_with_86(superuser_client, make_account):
    for place, number in enumerate(("86138001", "8613800", NUMBER, OTHER)):
        make_account(acc_nbr=number, acct_id=f"A{place}")
    assert sorted(numbers(superuser_client.get(ACCOUNTS, {"q": "8613800"}))) == [NUMBER, "8613800", "86138001"]
    assert numbers(superuser_client.get(ACCOUNTS, {"q": '"86138001"'})) == ["86138001"]


# --- The import -----------------------------------------------------------------------------------


@as_written
def test_the_import_takes_the_number_and_the_look_up_finds_it(superuser_client, written):
    assert "1 added, 0 changed, 0 unchanged." in upload(superuser_client, written).text
    account = Account.objects.get()
    assert account.number == NUMBER
    assert re.fullmatch(r"[+0-9-]+", account.acc_nbr)
    assert look_up(superuser_client, NUMBER)[0] == [account.acc_nbr]


def test_the_import_takes_a_short_number_and_says_so(superuser_client):
    text = upload(superuser_client, CUT_OFF, NUMBER, "0592-1234", "ADSL01", "138-001").text
    assert "2 numbers look incomplete, in rows 2, 6: a mobile number has 11 digits." in text
    assert Account.objects.count() == 5


def test_the_import_knows_a_short_number_with_its_country_code(superuser_client):
    text = upload(superuser_client, "+861380013", "+86", "+86 138 0013 8000", "86138001").text
    assert "2 numbers look incomplete, in rows 2, 3: a mobile number has 11 digits." in text


def test_the_import_names_the_first_ten_short_numbers(superuser_client):
    text = upload(superuser_client, *[CUT_OFF] * 12).text
    assert "12 numbers look incomplete, in rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …" in text
