"""The lists without JavaScript. The other modules do the same for the pages that they test."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from grades.models import Grade, ReviewNote, SavedFilter

from ..helpers.exported import parse_csv

pytestmark = pytest.mark.browser


@pytest.fixture
def low(make_account, make_grade):
    """120 low ratings, the newest first, and a good one."""
    make_account()
    now = timezone.now()
    make_grade(insert_time=now)
    return [
        make_grade(acc_nbr=f"1380013{number:04}", grade1=1, insert_time=now - timedelta(seconds=number))
        for number in range(120)
    ]


def exported(page, button):
    with page.expect_download() as download:
        button.click()
    return [row[0] for row in parse_csv(download.value.path().read_bytes())[1:]]


def test_a_list_is_filtered_paged_and_exported(log_in, clerk, low):
    page = log_in(clerk, "/admin/grades/grade/", java_script_enabled=False)
    page.get_by_role("link", name="2 及以下").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(50)
    page.get_by_role("link", name="下一页").click()
    expect(page.locator("#result_list .field-acc_nbr").first).to_have_text(low[50].acc_nbr)
    numbers = [rating.acc_nbr for rating in low]
    assert exported(page, page.get_by_role("button", name="导出全部 120 条（CSV）")) == numbers
    for place in (0, 2):
        page.locator("input.action-select").nth(place).check()
    page.select_option("select[name=action]", value="export_csv")
    assert exported(page, page.locator("button[name=index]")) == [numbers[50], numbers[52]]


def test_a_filter_by_date_is_saved_and_used_again(log_in, clerk, low):
    Grade.objects.filter(pk__in=[rating.pk for rating in low[:3]]).update(insert_time="2026-01-31T12:00:00Z")
    page = log_in(clerk, "/admin/grades/grade/?lowest=1", java_script_enabled=False)
    dates = page.locator("form.date-filter", has=page.get_by_label("从"))
    dates.get_by_label("从").fill("2026-01-01")
    dates.get_by_label("到").fill("2026-01-31")
    dates.get_by_role("button").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    page.get_by_label("名称").fill("一月低分")
    page.get_by_role("button", name="保存当前筛选").click()
    page.goto("/admin/grades/grade/")
    page.get_by_role("link", name="一月低分").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    assert SavedFilter.objects.get().user == clerk


def test_a_rating_is_reviewed_on_its_page(log_in, clerk, low):
    page = log_in(clerk, f"/admin/grades/grade/{low[0].pk}/change/", java_script_enabled=False)
    page.locator("#id_note").fill("已回电")
    page.get_by_label("已关闭").check()
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url("**/grade/")
    assert ReviewNote.objects.values_list("grade", "text", "state").get() == (low[0].pk, "已回电", "closed")


def test_ticked_ratings_are_reviewed_together(log_in, clerk, low):
    page = log_in(clerk, "/admin/grades/grade/?lowest=1", java_script_enabled=False)
    for place in range(2):
        page.locator("input.action-select").nth(place).check()
    page.select_option("select[name=action]", value="mark_closed")
    page.locator("button[name=index]").click()
    page.locator("#id_note").fill("统一处理")
    page.get_by_role("button", name="标记为已关闭").click()
    page.wait_for_url("**/grade/?lowest=1")
    notes = ReviewNote.objects.values_list("grade", "text", "state")
    assert set(notes) == {(rating.pk, "统一处理", "closed") for rating in low[:2]}
