"""codes/cards.py: which dispatches get a code, and what their cards say."""

from datetime import date, datetime

import pytest
import time_machine

from grades.codes import make_cards, select_dispatches
from grades.models import Account
from grades.tokens import read_code

from ..helpers.office import SHANGHAI

pytestmark = pytest.mark.django_db


def selected(**options):
    return [dispatch.acct_id for dispatch in select_dispatches(Account.objects.all(), **options)]


def test_a_card_holds_code_link_and_last_day_of_its_dispatch(make_account, settings, public_url):
    settings.CODE_DAYS = 3
    account = make_account()
    with time_machine.travel(datetime(2026, 11, 22, 0, 30, tzinfo=SHANGHAI), tick=False):
        [card] = make_cards([account])
        assert read_code(card.code) == account.pk
    assert (card.dispatch, card.last_day) == (account, date(2026, 11, 25))
    assert card.link == f"https://rate.example.cn/r/{card.code}"


@pytest.mark.parametrize(("address", "link"), [("", ""), ("https://a.cn/", "https://a.cn/r/{code}")])
def test_a_link_needs_the_public_address(make_card, settings, address, link):
    settings.PUBLIC_URL = address
    card = make_card()
    assert card.link == link.format(code=card.code)


@pytest.mark.parametrize(
    ("number", "end"), [("13800138000", "8000"), ("123456789", "6789"), ("12345678", ""), ("1", "")]
)
def test_a_card_shows_only_the_end_of_a_long_number(make_card, number, end):
    assert make_card(acc_nbr=number).number_end == end


def test_dispatches_are_selected_newest_first_in_batches(make_account, monkeypatch):
    monkeypatch.setattr("grades.codes.cards.ROWS_PER_QUERY", 2)
    for number, day in enumerate((3, 1, 5, 2, 4)):
        make_account(acct_id=f"A{number}", dispatched_on=f"2026-11-0{day}")
    assert selected() == ["A2", "A4", "A0", "A3", "A1"]


def test_only_given_numbers_are_selected(make_account, monkeypatch):
    monkeypatch.setattr("grades.codes.cards.ROWS_PER_QUERY", 2)
    for number in range(5):
        make_account(acct_id=f"A{number}", acc_nbr=f"13{number}")
    make_account(acct_id="old", acc_nbr="130", dispatched_on="2026-10-01")
    assert sorted(selected(numbers={"130", "131", "134", "139"})) == ["A0", "A1", "A4", "old"]
    assert selected(numbers=set()) == []


def test_a_dispatch_is_unrated_until_its_number_has_a_rating_of_its_day_or_later(make_account, make_grade):
    for acct_id, day in (("before", "2026-11-01"), ("same", "2026-11-02"), ("after", "2026-11-03")):
        make_account(acct_id=acct_id, dispatched_on=day)
    make_account(acct_id="other", acc_nbr="139", dispatched_on="2026-11-02")
    make_grade(insert_time=datetime(2026, 11, 2, 0, 0, tzinfo=SHANGHAI))
    make_grade(insert_time=datetime(2026, 10, 1, 0, 0, tzinfo=SHANGHAI))
    assert selected(unrated=True) == ["after", "other"]


def test_the_moment_before_midnight_is_the_day_before(make_account, make_grade):
    make_account(dispatched_on="2026-11-02")
    make_grade(insert_time=datetime(2026, 11, 1, 23, 59, 59, 999999, SHANGHAI))
    assert selected(unrated=True) == ["A1"]


def test_unrated_numbers_cost_three_queries_for_each_batch(make_account, django_assert_num_queries):
    for number in range(20):
        make_account(acct_id=f"A{number}", acc_nbr=f"13{number}")
    # keys, rows, their ratings; then the end of the keys
    with django_assert_num_queries(4):
        assert len(selected(unrated=True)) == 20
