"""The import page as a clerk uses it: a file is refused, corrected, checked and imported."""

import csv
import io
import os

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from grades.models import Account

from ..helpers.files import csv_file, numbered
from ..helpers.hostile import two_sheets_of_one_name
from ..helpers.office import IMPORT
from .conftest import PASSWORD

pytestmark = pytest.mark.browser

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def boss(transactional_db, django_user_model):
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


BUTTONS = {"import": "#import-form input[type=submit]", "check": "[name=dry_run]"}


def choose(page, name, kind, content):
    page.set_input_files("#id_file", {"name": name, "mimeType": kind, "buffer": content})


def press(page, button):
    page.click(BUTTONS[button])
    page.locator("#import-result > *").first.wait_for()


def refused(page):
    choose(page, "派单表.xlsx", XLSX, two_sheets_of_one_name())
    press(page, "import")


def bad_rows(page):
    choose(page, "派单表.csv", CSV, csv_file(*numbered(1200, pay_type="?")).getvalue())
    press(page, "import")


def checked(page):
    choose(page, "派单表.csv", CSV, csv_file(*numbered(3)).getvalue())
    press(page, "check")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_list_is_refused_corrected_checked_and_imported(log_in, boss, javascript):
    page = log_in(boss, IMPORT, java_script_enabled=javascript)
    hint = page.get_by_text("下一步需要重新选择文件")
    assert hint.count() == 0
    refused(page)
    expect(page.locator(".errorlist")).to_have_text("工作簿中有两个工作表同名，请改名后再导入。")
    expect(hint).to_be_visible(visible=not javascript)
    bad_rows(page)
    expect(page.locator(".errornote")).to_have_text("错误超过 1000 处，未导入任何数据，文件其余部分没有再检查。")
    expect(page.locator("#import-errors tbody tr")).to_have_count(100)
    checked(page)
    expect(page.locator(".import-checked")).to_contain_text("新增 3 行")
    expect(page.locator("#import-changes tbody tr")).to_have_count(3)
    assert not Account.objects.exists()
    if not javascript:
        choose(page, "派单表.csv", CSV, csv_file(*numbered(3)).getvalue())
    press(page, "import")
    expect(page.locator(".import-checked")).to_contain_text("导入完成： 新增 3 行")
    assert Account.objects.count() == 3


def test_a_file_that_changed_after_it_was_chosen_must_be_chosen_again(log_in, boss, tmp_path):
    page = log_in(boss, IMPORT)
    file = tmp_path / "派单表.csv"
    file.write_bytes(csv_file({"pay_type": "?"}).getvalue())
    page.set_input_files("#id_file", file)
    press(page, "check")
    file.write_bytes(csv_file({}, {"acct_id": "A2"}).getvalue())
    os.utime(file, (1, 1))
    page.click(BUTTONS["check"])
    expect(page.locator(".errorlist")).to_have_text("选择文件之后，文件又被修改了。请重新选择。")
    assert page.input_value("#id_file") == ""


@pytest.mark.parametrize("javascript", [True, False])
def test_the_faulty_rows_are_saved_as_a_file(log_in, boss, javascript):
    page = log_in(boss, IMPORT, java_script_enabled=javascript)
    content = csv_file({}, {"acct_id": "A2", "pay_type": "?"}).getvalue()
    choose(page, "派单表.csv", CSV, content)
    press(page, "check")
    if not javascript:
        choose(page, "派单表.csv", CSV, content)
    with page.expect_download() as download:
        page.get_by_role("button", name="下载有错误的行").click()
    assert download.value.suggested_filename == "faulty-rows.xlsx"
    rows = [list(row) for row in load_workbook(io.BytesIO(download.value.path().read_bytes())).active.values]
    assert rows[0][:2] == ["行", "问题"]
    assert [row[0] for row in rows[1:]] == [3]


@pytest.mark.parametrize("button", ["import", "check"])
def test_the_whole_list_of_changes_is_saved_as_a_file(log_in, boss, button):
    page = log_in(boss, IMPORT)
    for area, kind in (("城东", "新增"), ("城西", "变更")):
        choose(page, "派单表.csv", CSV, csv_file(*numbered(2500, area=area)).getvalue())
        press(page, button)
        expect(page.locator("#import-changes tbody tr")).to_have_count(100)
        with page.expect_download() as download:
            page.get_by_text("下载完整清单").click()
        assert download.value.suggested_filename == "import-changes.csv"
        content = download.value.path().read_bytes().decode("utf-8")
        heading, *rows = csv.reader(io.StringIO(content, newline=""))
        assert (heading[0], heading[-1]) == ("\ufeff导入", "变化")
        kind = "新增" if button == "check" else kind
        assert [row[0] for row in rows] == [kind] * 2500
        assert rows[0][3] == area
    choose(page, "派单表.csv", CSV, csv_file({"pay_type": "?"}).getvalue())
    press(page, "import")
    expect(page.locator(".errornote")).to_be_visible()
    expect(page.locator("#import-file")).to_have_count(0)


def test_without_javascript_no_file_is_offered(log_in, boss):
    page = log_in(boss, IMPORT, java_script_enabled=False)
    checked(page)
    expect(page.locator("#import-file")).to_be_hidden()


def test_an_expired_session_keeps_the_chosen_file(log_in, boss):
    page = log_in(boss, IMPORT)
    choose(page, "派单表.csv", CSV, csv_file(*numbered(3)).getvalue())
    page.context.clear_cookies(name="sessionid")
    press(page, "import")
    expect(page.locator(".errorlist")).to_contain_text("登录已过期。请在另一个标签页重新登录")
    other = page.context.new_page()
    other.goto("/admin/login/")
    other.fill("#id_username", "boss")
    other.fill("#id_password", PASSWORD)
    other.click("[type=submit]:not([name=language])")
    other.locator("#user-tools").wait_for()
    page.click(BUTTONS["import"])
    expect(page.locator(".import-checked")).to_contain_text("新增 3 行")


def test_the_progress_is_shown_while_a_list_is_imported(log_in, boss):
    page = log_in(boss, IMPORT)
    page.evaluate(
        """() => {
            window.stages = new Set();
            const stage = document.getElementById("import-stage");
            new MutationObserver(() => window.stages.add(stage.textContent)).observe(stage, { childList: true });
        }"""
    )
    choose(page, "派单表.csv", CSV, csv_file(*numbered(3000)).getvalue())
    press(page, "import")
    expect(page.locator(".import-checked")).to_contain_text("新增 3000 行")
    assert page.evaluate("[...window.stages]") == ["正在上传文件……", "正在逐行处理……"]
    expect(page.locator("#import-progress")).to_be_hidden()
