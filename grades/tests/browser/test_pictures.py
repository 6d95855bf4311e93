"""Every page in each width, colour scheme and language: no findings of axe-core, no sideways scrolling, no errors
in the console.

`make pictures` takes the README's pictures, and with PICTURES_DIR=… one of each page in each look.
"""

import os
import uuid
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from grades.models import Account, Conflict, Credit, Job, SavedFilter

from ..helpers.files import csv_file, numbered
from .conftest import PASSWORD, violations_in_all_looks

pytestmark = pytest.mark.browser

NUMBER = "13800138000"  # the one of the README's tour
README_PICTURES = {"admin_index-1280", "admin_list-1280", "admin_queue-1280", "query_found-1280", "query_not_found-390"}


@pytest.fixture
def boss(sample_data, django_user_model):
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


@pytest.fixture
def sample_data(transactional_db):
    call_command("sample_data", "--no-login", "--seed", "7", verbosity=0)


def look_up(page, number):
    page.fill("[name=acc_nbr]", number)
    page.click(".lookup button")
    page.locator("#result > *").first.wait_for()


def landing(page):
    page.goto("/")


def login(page):
    page.context.clear_cookies(name="sessionid")
    page.goto("/admin/login/?next=/query")


def query_found(page):
    page.goto("/query")
    look_up(page, NUMBER)


def query_not_found(page):
    page.goto("/query")
    look_up(page, "13900000000")


def query_incomplete(page):
    page.goto("/query")
    look_up(page, "1380013")


def not_found(page):
    page.goto("/nowhere")


def admin_index(page):
    page.goto("/admin/?days=30")


def admin_coverage(page):
    page.goto("/admin/coverage/?days=90")


def admin_list(page):
    page.goto("/admin/grades/grade/")


def admin_detail(page):
    page.goto("/admin/grades/grade/")
    with page.expect_navigation():
        page.locator("#result_list tbody th a, #result_list .field-acc_nbr a").first.click()


def admin_detail_noted(page):
    page.goto("/admin/grades/grade/?review=followed_up")
    with page.expect_navigation():
        page.locator("#result_list .field-acc_nbr a").first.click()


def admin_queue(page):
    page.goto("/admin/grades/grade/queue/")


def admin_queue_end(page):
    page.goto("/admin/grades/grade/queue/?show=mine")


def admin_review(page):
    page.goto("/admin/grades/grade/")
    for box in page.locator("#result_list input.action-select").all()[:3]:
        box.check()
    page.select_option("select[name=action]", index=1)
    with page.expect_navigation():
        page.click("button[name=index]")


def admin_accounts(page):
    page.goto("/admin/grades/account/")


def admin_codes(page):
    page.goto("/admin/grades/account/")
    for box in page.locator("#result_list input.action-select").all()[:12]:
        box.check()
    page.select_option("select[name=action]", value="make_codes")
    with page.expect_navigation():
        page.click("button[name=index]")


def codes_sheet(page):
    admin_codes(page)
    with page.expect_navigation():
        page.click("#confirm-form [type=submit]")


def open_in_wechat(page):
    page.goto("/r/AAAAAAAAAA9RimlQqlt5a0h3XYPA")


def admin_import(page):
    page.goto("/admin/grades/account/import/")


def import_file(page, content, button="#import-form input[type=submit]"):
    admin_import(page)
    page.set_input_files("#id_file", {"name": "派单表.csv", "mimeType": "text/csv", "buffer": content})
    page.click(button)
    page.locator("#import-result > *").first.wait_for()


def admin_import_refused(page):
    import_file(page, b"\xff\xfe\x00")


def admin_import_errors(page):
    rows = [*numbered(12), *numbered(3, pay_type="?", monthly_fee="x")]
    import_file(page, csv_file(*rows).getvalue(), "[name=dry_run]")


def admin_import_checked(page):
    import_file(page, csv_file(*numbered(3), {"acc_nbr": "1380013"}).getvalue(), "[name=dry_run]")


def admin_import_done(page):
    """Rows that were added, changed and unchanged."""
    import_file(page, csv_file(*numbered(6)).getvalue())
    import_file(page, csv_file(*numbered(3, area="城西"), *numbered(8)[3:]).getvalue())


def admin_list_filtered(page):
    boss = get_user_model().objects.get(username="boss")
    for name in ("本周低分", "城东未跟进"):
        SavedFilter.objects.get_or_create(user=boss, list="grade", name=name, defaults={"query": "lowest=2&review=new"})
    page.goto("/admin/grades/grade/?lowest=2&review=new&period=7days")


def admin_list_empty(page):
    page.goto("/admin/grades/grade/?from=2001-01-01&to=2001-01-02")


def admin_credits(page):
    boss = get_user_model().objects.get(username="boss")
    for account in Account.objects.order_by("pk")[:5]:
        if not account.credits.exists():
            credit = Credit.objects.create(account=account, credit_amount=account.credit_amount, confirmed_by=boss)
    if "credit" in locals():
        credit.withdraw(boss, "客户退订")
    page.goto("/admin/grades/credit/")


def job_running(page):
    boss = get_user_model().objects.get(username="boss")
    for done, total, state in ((1_000_000, 1_000_000, "done"), (250_000, 1_000_000, "running")):
        job = Job.objects.create(
            kind="export",
            owner=boss,
            state=state,
            claim=uuid.uuid4(),
            heartbeat=timezone.now(),
            done=done,
            total=total,
            result="grades_1000000-rows_20261127-0900.xlsx" if state == "done" else "",
        )
    page.goto(f"/jobs/{job.pk}")


def jobs(page):
    page.goto("/jobs")


def admin_user_add(page):
    page.goto("/admin/auth/user/add/")


def first_steps(page):
    page.goto("/first-steps")


def admin_conflicts(page):
    page.goto("/admin/grades/conflict/")


def admin_conflict(page):
    admin_conflicts(page)
    with page.expect_navigation():
        page.locator("#result_list .field-acc_nbr a").first.click()


def admin_conflict_kept(page):
    Conflict.objects.first().keep()
    admin_conflict(page)


def admin_users(page):
    """The end of the stock list of 121 users, where it counts them."""
    users = get_user_model()
    users.objects.bulk_create(users(username=f"clerk{n:03}", is_staff=True) for n in range(121 - users.objects.count()))
    page.goto("/admin/auth/user/?p=2")


def admin_delete(page):
    page.goto(f"/admin/grades/grade/{Conflict.objects.first().grade_id}/delete/")


PAGES = [
    landing, login, query_found, query_not_found, query_incomplete, not_found, admin_index, admin_coverage,
    admin_list, admin_list_filtered, admin_list_empty, admin_detail, admin_detail_noted, admin_queue,
    admin_queue_end, admin_review, admin_accounts, admin_import, admin_import_refused, admin_import_errors,
    admin_import_checked, admin_import_done, admin_user_add, admin_credits, admin_conflicts, admin_conflict,
    admin_delete, admin_conflict_kept, admin_users, admin_codes, codes_sheet, open_in_wechat, job_running, jobs,
    first_steps,
]  # fmt: skip


def take_picture(page, name, width, scheme, locale):
    """Whole pages for a look at all of them; for the README what a screen shows."""
    if folder := os.environ.get("PICTURES_DIR"):
        page.screenshot(path=Path(folder) / f"{name}-{width}-{locale}-{scheme}.png", full_page=True)
    elif (folder := os.environ.get("README_PICTURES_DIR")) and f"{name}-{width}" in README_PICTURES:
        if (scheme, locale) == ("light", "zh-CN"):
            page.screenshot(path=Path(folder) / f"{name.replace('_', '-')}-{width}.png")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_every_page_is_clean_in_every_look(log_in, boss, locale):
    page = log_in(boss, errors_expected=True, locale=locale)  # of the page that is not found
    faults, errors = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    cookies = page.context.cookies()
    for go in PAGES:
        page.context.clear_cookies()
        page.context.add_cookies(cookies)
        go(page)
        if go is not not_found:
            faults += [(go.__name__, error) for error in errors]
        take = partial(take_picture, page, go.__name__, locale=locale)
        faults += [(go.__name__, *fault) for fault in violations_in_all_looks(page, take)]
        errors.clear()  # axe-core tries inline styles, which the page's policy refuses
    assert faults == []
