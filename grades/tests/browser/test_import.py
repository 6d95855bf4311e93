"""The import page as a clerk uses it: a file is refused, corrected, checked and imported."""

import pytest
from playwright.sync_api import expect

from grades.models import Account

from ..helpers.files import csv_file, numbered
from ..helpers.hostile import two_sheets_of_one_name
from ..helpers.office import ACCOUNTS, IMPORT
from .conftest import PASSWORD, violations

pytestmark = pytest.mark.browser

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def boss(transactional_db, django_user_model):
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


def upload(page, name, kind, content):
    page.set_input_files("#id_file", {"name": name, "mimeType": kind, "buffer": content})
    with page.expect_navigation():
        page.click("#import-form [type=submit]")


def refused(page):
    upload(page, "派单表.xlsx", XLSX, two_sheets_of_one_name())


def bad_rows(page):
    upload(page, "派单表.csv", CSV, csv_file(*numbered(1200, pay_type="?")).getvalue())


def checked(page):
    page.check("#id_dry_run")
    upload(page, "派单表.csv", CSV, csv_file(*numbered(3)).getvalue())


@pytest.mark.parametrize("javascript", [True, False])
def test_a_list_is_refused_corrected_checked_and_imported(log_in, boss, javascript):
    page = log_in(boss, IMPORT, java_script_enabled=javascript)
    refused(page)
    expect(page.locator(".errorlist")).to_have_text("工作簿中有两个工作表同名，请改名后再导入。")
    bad_rows(page)
    expect(page.get_by_role("alert")).to_have_text("错误超过 1000 处，未导入任何数据，文件其余部分没有再检查。")
    expect(page.locator("#import-errors tbody tr")).to_have_count(100)
    checked(page)
    expect(page.get_by_role("status")).to_contain_text("新增 3 行")
    assert not Account.objects.exists()
    page.uncheck("#id_dry_run")
    upload(page, "派单表.csv", CSV, csv_file(*numbered(3)).getvalue())
    page.wait_for_url(f"**{ACCOUNTS}")
    expect(page.locator(".messagelist")).to_contain_text("新增 3 行")
    assert Account.objects.count() == 3


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_every_answer_of_the_page_is_clean(log_in, boss, tmp_path, width, scheme, locale):
    page = log_in(
        boss,
        IMPORT,
        bypass_csp=True,  # for axe-core
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        locale=locale,
    )
    faults = []
    for answer in (refused, bad_rows, checked):
        answer(page)
        page.screenshot(path=tmp_path / f"{answer.__name__}-{width}-{scheme}-{locale}.png")
        faults += [(answer.__name__, *violation) for violation in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            faults.append((answer.__name__, "scrolls sideways"))
        page.goto(IMPORT)
    assert faults == []
