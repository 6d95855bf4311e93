"""A conflict as staff decide on it: found on the first page, compared, kept."""

import pytest
from playwright.sync_api import expect

from grades.models import Conflict, Grade

from .conftest import PASSWORD

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False])
def test_a_conflict_is_found_compared_and_kept(log_in, make_conflict, django_user_model, javascript):
    conflict = make_conflict(txt1="第二次说的不一样")
    boss = django_user_model.objects.create_superuser("boss", password=PASSWORD)
    page = log_in(boss, "/admin/", java_script_enabled=javascript)
    page.locator(".tiles > div", has_text="待处理冲突").get_by_role("link").click()
    page.get_by_role("link", name="13800138000").click()
    differing = page.locator("#comparison .differs")
    expect(differing).to_have_count(2)  # a click does not wait for the page that it leads to
    assert [row.split("\t")[-2:] for row in differing.all_inner_texts()] == [
        ["3", "1"],
        ["服务态度很好", "第二次说的不一样"],
    ]
    page.get_by_role("button", name="另存为一条评价").click()
    message = page.locator(".messagelist").get_by_text("已另存为评价 #")
    message.wait_for()
    conflict.refresh_from_db()
    kept = Grade.objects.exclude(pk=conflict.grade_id).get()
    assert (conflict.kept_as, kept.txt1) == (kept, "第二次说的不一样")
    assert f"#{kept.pk}" in message.inner_text()
    expect(page.get_by_role("button", name="另存为一条评价")).to_have_count(0)
    page.get_by_role("link", name="关闭").click()
    page.wait_for_url("**/conflict/?**state=open**")
    expect(page.get_by_role("link", name="13800138000")).to_have_count(0)
    assert not Conflict.objects.open().exists()
