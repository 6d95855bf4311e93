"""admin/codes.py: codes to print, from the dispatch list."""

import io
import re

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from openpyxl import load_workbook

from grades.admin import codes
from grades.codes import last_day
from grades.tokens import read_code

from ..helpers.office import ACCOUNTS, act, confirm, messages, numbers

pytestmark = pytest.mark.django_db

MANY = "At most {limit} codes are made here at once. Filter the list, or use make_codes on the server."


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://rate.example.cn"


@pytest.fixture
def client(client_with):
    return client_with("view_account", "change_account")


def order(client, pks, across=False, query="", **choices):
    """Choose the action, then send the confirmation page."""
    page = act(client, "make_codes", pks, across, query, url=ACCOUNTS)
    return confirm(client, page, **{"format": "sheet", "kind": "link", "language": "zh-hans", **choices})


def test_a_selection_becomes_a_sheet_after_a_confirmation_page(client, make_account):
    east, west, _other = (make_account(acct_id=f"A{n}", area=area) for n, area in enumerate(("城东", "城西", "城南")))
    page = act(client, "make_codes", [west.pk, east.pk], url=ACCOUNTS)
    assert "This makes codes for 2 dispatches." in page.text
    assert f"They are valid until {last_day()}." in page.text
    assert not LogEntry.objects.exists()

    sheet = order(client, [west.pk, east.pk])

    assert (sheet.status_code, sheet["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "no-store" in sheet["Cache-Control"]
    assert re.findall('<p class="area">(.*)</p>', sheet.text) == ["城东", "城西"]
    assert sheet.text.count("<svg") == 2
    assert f'<a href="{ACCOUNTS}">Back to the list</a>' in sheet.text
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.action_flag, entry.object_repr) == (
        "view_account-change_account", CHANGE, "2 dispatch list",
    )  # fmt: skip
    assert entry.get_change_message() == f"Codes made: #{west.pk}, #{east.pk}"


def test_all_matches_become_a_list(client, make_account):
    for number in range(60):
        make_account(acct_id=f"A{number}", acc_nbr=f"138{number:02}", dispatched_on="2026-11-02")
    make_account(acct_id="B", acc_nbr="139", dispatched_on="2026-11-03")
    first = make_account(acct_id="C", acc_nbr="13900", dispatched_on="2026-11-02")
    response = order(client, [first.pk], True, "?q=138&to=2026-11-02", format="xlsx")
    assert re.fullmatch(r'attachment; filename="codes-\d{8}-\d{4}\.xlsx"', response["Content-Disposition"])
    rows = list(load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.values)[1:]
    assert [row[0] for row in rows] == [f"138{number:02}" for number in reversed(range(60))]
    chosen = "Codes made: all rows that matched “to=2026-11-02&searched=yes”"
    assert LogEntry.objects.get().get_change_message() == chosen


def test_a_csv_list_leads_back_to_the_dispatches(client, make_account):
    account = make_account()
    response = order(client, [account.pk], format="csv")
    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
    [line] = b"".join(response.streaming_content).decode().splitlines()[1:]
    assert read_code(line.split(",")[5]) == account.pk


def test_numbers_with_a_rating_can_be_left_out(client, make_account, make_grade):
    rated, unrated = make_account(acc_nbr="1"), make_account(acc_nbr="2", acct_id="A2")
    make_grade(acc_nbr="1")
    sheet = order(client, [rated.pk, unrated.pk], unrated="on")
    assert sheet.text.count("<article") == 1
    response = order(client, [rated.pk], unrated="on")
    assert messages(response) == ["No code was made: each of these numbers has a rating since its dispatch."]
    assert LogEntry.objects.count() == 1


def test_wechats_codes_are_offered_first(client, make_account, wechat):
    account = make_account()
    page = act(client, "make_codes", [account.pk], url=ACCOUNTS)
    assert re.findall('<option value="(wechat|link)"', page.text) == ["wechat", "link"]
    sheet = order(client, [account.pk], kind="wechat")
    assert sheet.text.count('<img src="data:image/png;base64,') == 1
    assert "img-src 'self' data:" in sheet["Content-Security-Policy"]


# --- What is refused ------------------------------------------------------------------------------


def test_too_many_are_refused_with_advice(client, make_account, monkeypatch, wechat):
    monkeypatch.setattr(codes, "LIMITS", {"link": 2, "wechat": 1})
    pks = [make_account(acct_id=f"A{number}").pk for number in range(3)]
    assert messages(order(client, pks)) == [MANY.format(limit=2)]
    assert messages(order(client, pks[:2], kind="wechat")) == [MANY.format(limit=1)]
    assert order(client, pks[:2]).text.count("<article") == 2
    assert order(client, pks[:2], kind="wechat", format="csv").status_code == 200
    monkeypatch.setattr(codes, "COUNT_LIMIT", 1)
    assert messages(act(client, "make_codes", pks, url=ACCOUNTS)) == [MANY.format(limit=1)]
    assert wechat.hits["/wxa/getwxacodeunlimit"] == 0


def test_a_refusal_by_wechat_is_a_message_on_the_list(client, make_account, wechat):
    wechat.faults = [41030]
    response = order(client, [make_account().pk], kind="wechat")
    assert (response.status_code, response["Location"]) == (302, ACCOUNTS)
    assert messages(response) == [
        "The mini program has no published score page. Publish it first, or make codes for its trial."
    ]
    assert not LogEntry.objects.exists()


def test_without_a_setting_for_codes_the_list_says_what_to_set(client, make_account, settings):
    settings.PUBLIC_URL = ""
    response = act(client, "make_codes", [make_account().pk], url=ACCOUNTS)
    assert messages(response) == ["Codes need the setting PUBLIC_URL, or WECHAT_APPID and WECHAT_SECRET."]


@pytest.mark.parametrize("choice", [{"kind": "wechat"}, {"kind": ""}, {"format": "pdf"}, {"language": "fr"}])
def test_an_unknown_choice_is_refused_on_the_confirmation_page(client, make_account, choice):
    page = order(client, [make_account().pk], **choice)
    assert page.status_code == 200
    assert list(page.context["form"].errors) == list(choice)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("rights", [("view_account",), ("view_account", "add_account", "delete_account")])
def test_codes_need_the_right_to_change_dispatches(client_with, make_account, rights):
    pk = make_account().pk
    response = act(
        client_with(*rights), "make_codes", [pk], url=ACCOUNTS,
        confirmed="yes", until="2026-11-22T00:00:00Z", newest=pk, format="csv", kind="link", language="en",
    )  # fmt: skip
    assert response.status_code == 302 or "Content-Disposition" not in response
    assert not LogEntry.objects.exists()


# --- The filter of the list -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from=2026-11-02", ["3", "2"]),
        ("to=2026-11-02", ["2", "1"]),
        ("from=2026-11-02&to=2026-11-02", ["2"]),
        ("from=2026-11-02&q=3", ["3"]),
        ("from=2026-11-04", []),
    ],
)
def test_the_list_is_filtered_by_the_day_of_the_dispatch(client, make_account, query, found):
    for day in (1, 2, 3):
        make_account(acc_nbr=f"{day}", dispatched_on=f"2026-11-0{day}")
    assert numbers(client.get(f"{ACCOUNTS}?{query}")) == found
