"""Every page as it is seen: wide, narrow and dark, free of axe-core's findings and of sideways scrolling.

`make pictures` keeps the pictures (PICTURES_DIR); they are the ones in the README.
"""

import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from grades.models import Conflict

from .conftest import PASSWORD, violations

pytestmark = pytest.mark.browser

WIDTHS = (1280, 390)
NUMBER = "13800138000"  # the one of the README's tour


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


def query_english(page):
    page.goto("/query")
    with page.expect_navigation():
        page.click("button[name=language][value=en]")
    look_up(page, NUMBER)


def not_found(page):
    page.goto("/nowhere")


def admin_index(page):
    page.goto("/admin/")


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


def admin_users_english(page):
    admin_users(page)
    with page.expect_navigation():
        page.click("button[name=language][value=en]")


def admin_delete(page):
    page.goto(f"/admin/grades/grade/{Conflict.objects.first().grade_id}/delete/")


PAGES = [
    landing, login, query_found, query_not_found, query_english, not_found, admin_index, admin_coverage, admin_list,
    admin_detail, admin_detail_noted, admin_queue, admin_queue_end, admin_review, admin_accounts, admin_import,
    admin_conflicts, admin_conflict, admin_delete, admin_conflict_kept, admin_users, admin_users_english, admin_codes,
    codes_sheet, open_in_wechat,
]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_clean_in_every_width_and_scheme(log_in, boss, tmp_path, width, scheme):
    folder = Path(os.environ.get("PICTURES_DIR") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page = log_in(
        boss,
        errors_expected=True,  # of the page that is not found
        bypass_csp=True,  # for axe-core
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    faults = []
    cookies = page.context.cookies()
    for go in PAGES:
        page.context.clear_cookies()
        page.context.add_cookies(cookies)
        go(page)
        if scheme == "light":
            # Two screens on a phone, and where the end of the page counts.
            height = 1600 if width < 400 or go in (admin_users, admin_users_english) else 800
            clip = {"x": 0, "y": 0, "width": width, "height": height}
            path = folder / f"{go.__name__.replace('_', '-')}-{width}.png"
            page.screenshot(path=path, full_page=True, clip=clip)
        faults += [(go.__name__, *violation) for violation in violations(page)]
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 0:
            faults.append((go.__name__, "scrolls sideways", overflow))
    assert faults == []
