"""A new installation: the first steps, and a member of staff who begins to work."""

import pytest
from playwright.sync_api import expect

from .conftest import PASSWORD, type_at_focus

pytestmark = pytest.mark.browser


@pytest.fixture
def boss(transactional_db, django_user_model):
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


def test_the_first_steps_lead_to_a_clerk_who_can_confirm_a_credit(log_in, boss, make_account, django_user_model):
    make_account()
    page = log_in(boss, "/admin/")
    page.get_by_role("link", name="新系统设置").click()
    page.get_by_role("link", name="添加员工").click()
    page.fill("#id_username", "clerk")
    page.fill("#id_password1", PASSWORD)
    page.fill("#id_password2", PASSWORD)
    page.get_by_label("客服").check()
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url("**/change/")
    clerk = django_user_model.objects.get(username="clerk")
    assert (clerk.is_staff, clerk.is_superuser, [group.name for group in clerk.groups.all()]) == (True, False, ["客服"])

    page = log_in(clerk)
    type_at_focus(page.get_by_label("号码"), "13800138000")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("status")).to_contain_text("临时额度已确认")
    assert page.get_by_text("撤销此额度").count() == 0
