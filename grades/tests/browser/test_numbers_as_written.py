"""A number as people type and paste it: in the look-up, the search of a list, and an imported file."""

import pytest
from playwright.sync_api import expect

from grades.models import Account

from ..helpers.files import csv_file
from ..helpers.office import ACCOUNTS, IMPORT
from .conftest import PASSWORD

pytestmark = pytest.mark.browser

NUMBER, OTHER, CUT_OFF = "13800138000", "13900139000", "1380013"
WRITTEN = ["138-0013-8000", "+86 138 0013 8000", "１３８００１３８０００", "\u202d138 0013 8000\u202c"]
NOT_ON_THE_LIST, INCOMPLETE = "此号码不在派单内!!", "1380013 可能没有输完整"


@pytest.fixture
def boss(make_account, django_user_model):
    make_account(acc_nbr=NUMBER)
    make_account(acc_nbr=OTHER, acct_id="A2")
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


def test_the_look_up_finds_the_number_however_it_is_written(log_in, boss):
    page = log_in(boss, "/query")
    result = page.locator("#result")
    for written in WRITTEN:
        page.get_by_label("号码").fill(written)
        page.get_by_role("button", name="查询").click()
        expect(result.locator("section[aria-labelledby=dispatches] tbody tr")).to_contain_text([NUMBER])
        expect(result.get_by_role("alert")).to_have_count(0)
        page.get_by_label("号码").fill(CUT_OFF)
        page.get_by_role("button", name="查询").click()
        expect(result.get_by_role("alert")).to_contain_text(INCOMPLETE)
        expect(result).not_to_contain_text(NOT_ON_THE_LIST)
    result.get_by_role("button", name=NUMBER).click()
    expect(result.locator("section[aria-labelledby=dispatches] tbody tr")).to_contain_text([NUMBER])


def test_only_a_whole_number_is_said_not_to_be_on_the_list(log_in, boss):
    Account.objects.filter(acc_nbr=NUMBER).delete()
    page = log_in(boss, "/query")
    for written in WRITTEN:
        page.get_by_label("号码").fill(written)
        page.get_by_role("button", name="查询").click()
        expect(page.get_by_role("alert")).to_contain_text(NOT_ON_THE_LIST)
        page.get_by_label("号码").fill(CUT_OFF)
        page.get_by_role("button", name="查询").click()
        expect(page.get_by_role("alert")).to_contain_text(INCOMPLETE)


def test_the_search_of_a_list_finds_the_number_however_it_is_written(log_in, boss):
    page = log_in(boss, ACCOUNTS)
    for written in [*WRITTEN, CUT_OFF]:
        page.locator("#searchbar").fill(written)
        with page.expect_navigation():
            page.locator("#changelist-search [type=submit]").click()
        expect(page.locator("#result_list tbody .field-acc_nbr")).to_have_text([NUMBER])


def test_the_import_knows_the_number_however_it_is_written(log_in, boss):
    page = log_in(boss, IMPORT)
    rows = [{"acc_nbr": number, "acct_id": f"B{place}"} for place, number in enumerate([*WRITTEN, CUT_OFF])]
    content = csv_file(*rows).getvalue()
    page.set_input_files("#id_file", {"name": "list.csv", "mimeType": "text/csv", "buffer": content})
    page.locator("#import-form input[type=submit]").click()
    expect(page.locator(".import-checked")).to_contain_text("新增 5 行")
    expect(page.locator(".import-warning")).to_contain_text("6")  # the row of the number that is cut off
    assert [account.number for account in Account.objects.filter(acct_id__startswith="B").order_by("acct_id")] == [
        *[NUMBER] * 4,
        CUT_OFF,
    ]
