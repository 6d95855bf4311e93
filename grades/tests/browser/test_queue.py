"""The queue as staff work through it: keys, without JavaScript, and two browsers on one rating."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import expect

from grades.models import Grade, ReviewNote

from .conftest import PASSWORD, type_at_focus

pytestmark = pytest.mark.browser

QUEUE = "/admin/grades/grade/queue/"


@pytest.fixture
def low(clerk, make_grade, make_account):
    """Ten new ratings with a low grade, from the oldest to the newest."""
    make_account()
    start = timezone.now() - timedelta(hours=1)
    return [
        make_grade(grade1=1, txt1=f"第 {number} 条", insert_time=start + timedelta(seconds=number))
        for number in range(10)
    ]


@pytest.fixture
def colleague(clerk, django_user_model):
    user = django_user_model.objects.create_user("li", password=PASSWORD, is_staff=True)
    user.user_permissions.set(clerk.user_permissions.all())
    return user


def test_the_keys_are_enough(log_in, clerk, low):
    page = log_in(clerk, QUEUE)
    newest, second, third = reversed(low[-3:])
    page.get_by_text(newest.txt1, exact=True).wait_for()
    note = page.get_by_label("备注")
    type_at_focus(note, "first")
    page.keyboard.press("Alt+3")
    page.keyboard.press("Control+Enter")
    page.get_by_text(second.txt1, exact=True).wait_for()
    page.wait_for_load_state()  # the keys need the script
    page.keyboard.press("Alt+k")
    page.get_by_text(third.txt1, exact=True).wait_for()
    type_at_focus(note, "third")
    page.keyboard.press("Alt+s")
    page.get_by_text(low[-4].txt1, exact=True).wait_for()
    notes = ReviewNote.objects.order_by("pk").values_list("grade", "text", "state")
    assert list(notes) == [(newest.pk, "first", "closed"), (third.pk, "third", "followed_up")]


def test_the_queue_works_without_javascript(log_in, clerk, low):
    page = log_in(clerk, QUEUE, java_script_enabled=False)
    page.get_by_label("备注").fill("已回电")
    page.get_by_label("已关闭").check()
    page.get_by_label("负责人").select_option("clerk")
    page.get_by_role("button", name="保存并处理下一条").click()
    expect(page.get_by_text(low[-2].txt1, exact=True)).to_be_visible()
    rating = Grade.objects.get(pk=low[-1].pk)
    assert (rating.review_state, rating.assignee, rating.thread.get().text) == ("closed", clerk, "已回电")


def test_two_browsers_on_one_rating_lose_no_note(log_in, clerk, colleague, low):
    address = f"/admin/grades/grade/{low[0].pk}/change/"
    first, second = log_in(clerk, address), log_in(colleague, address)
    first.locator("#id_note").fill("我已回电")
    second.locator("#id_note").fill("客户要求上门")
    first.get_by_label("已关闭").check()
    first.get_by_role("button", name="保存", exact=True).click()
    first.wait_for_url("**/grade/")
    second.get_by_role("button", name="保存", exact=True).click()
    told = second.locator(".errorlist.nonfield")
    expect(told).to_contain_text("您打开之后，这条评价已被修改")
    expect(told).to_contain_text("clerk：已关闭, 添加了备注")
    expect(second.locator("#id_note")).to_have_value("客户要求上门")
    expect(second.get_by_label("已关闭")).to_be_checked()
    second.get_by_role("button", name="保存", exact=True).click()
    second.wait_for_url("**/grade/")
    rating = Grade.objects.get(pk=low[0].pk)
    assert rating.review_state == "closed"
    assert [note.text for note in rating.thread] == ["我已回电", "客户要求上门"]


def test_the_queue_tells_of_a_change_meanwhile_and_keeps_the_note(log_in, clerk, colleague, low):
    rating = low[-1]
    first = log_in(clerk, QUEUE)
    second = log_in(colleague, f"/admin/grades/grade/{rating.pk}/change/")
    first.get_by_text(rating.txt1, exact=True).wait_for()
    first.get_by_label("备注").fill("我已回电")
    second.locator("#id_note").fill("客户要求上门")
    second.get_by_role("button", name="保存", exact=True).click()
    second.wait_for_url("**/grade/")
    first.get_by_role("button", name="保存并处理下一条").click()
    expect(first.locator(".errorlist")).to_contain_text("您打开之后，这条评价已被修改")
    expect(first.locator(".thread")).to_contain_text("客户要求上门")
    expect(first.get_by_label("备注")).to_have_value("我已回电")
    first.get_by_role("button", name="保存并处理下一条").click()
    expect(first.get_by_text(low[-2].txt1, exact=True)).to_be_visible()
    thread = Grade.objects.get(pk=rating.pk).thread
    assert [(note.author, note.text) for note in thread] == [(colleague, "客户要求上门"), (clerk, "我已回电")]


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_note_that_is_saved_after_the_session_has_ended_is_in_the_form_after_the_login(log_in, clerk, low, script):
    page = log_in(clerk, QUEUE, java_script_enabled=script)
    page.get_by_label("备注").fill("客户要求上门")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="保存并处理下一条").click()
    expect(page.get_by_text("登录已过期")).to_be_visible()
    page.fill("#id_username", clerk.username)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]:not([name=language])")
    expect(page.get_by_label("备注", exact=True)).to_have_value("客户要求上门")
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url("**/grade/")
    assert [note.text for note in Grade.objects.get(pk=low[-1].pk).thread] == ["客户要求上门"]


def test_links_lead_from_the_rating_to_the_look_up_and_back(log_in, clerk, low):
    page = log_in(clerk, QUEUE)
    page.get_by_label("备注").fill("half a note")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="查询这个号码").click()
    look_up = opened.value
    look_up.get_by_role("heading", name="派单记录").wait_for()
    assert "13800138000" not in look_up.url
    expect(page.get_by_label("备注")).to_have_value("half a note")
    look_up.locator("section[aria-labelledby=ratings] tbody tr").first.get_by_role("link").click()
    look_up.wait_for_url(f"**/admin/grades/grade/{low[-1].pk}/change/")


def test_a_bulk_review_of_many_shows_its_progress_and_can_be_stopped(log_in, clerk):
    Grade.objects.bulk_create(Grade(acc_nbr="138", grade1=1, grade2=1, grade3=1) for _number in range(2100))
    page = log_in(clerk, "/admin/grades/grade/?review=new")

    def order():
        page.goto("/admin/grades/grade/?review=new")
        page.locator("#action-toggle").check()
        page.locator(".question a").click()
        page.select_option("select[name=action]", value="mark_closed")
        page.click("button[name=index]")
        page.locator("#id_note").fill("统一处理")
        page.get_by_role("button", name="标记为已关闭").click()
        page.wait_for_url("**/jobs/*")

    order()
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("正在排队")
    page.get_by_role("button", name="停止").click()
    expect(page.get_by_role("status")).to_contain_text("已停止")
    call_command("run_jobs", "--once")
    assert not ReviewNote.objects.exists()

    order()
    call_command("run_jobs", "--once")
    expect(page.get_by_role("status")).to_contain_text("已完成")  # without a reload
    assert ReviewNote.objects.filter(text="统一处理", state="closed").count() == 2100
    page.goto("/admin/grades/grade/?review=new")
    expect(page.locator("#result_list")).to_have_count(0)
