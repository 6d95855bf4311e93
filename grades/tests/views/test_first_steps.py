"""views/first_steps.py: what a new installation still needs, and the way to it from the back office."""

import re

import pytest
from django.test import Client

from ..helpers.headers import ENGLISH
from ..helpers.office import grant, log_in

pytestmark = pytest.mark.django_db
LINK = 'href="/first-steps"'


@pytest.fixture
def public_url(settings):
    settings.PUBLIC_URL = "https://rate.example.cn"


def states(client):
    """Whether each of the four steps is done."""
    page = client.get("/first-steps")
    assert page.status_code == 200
    return [found == "✓" for found in re.findall(r'class="step[^"]*"><span aria-hidden="true">(.)', page.text)]


def test_each_step_is_done_when_its_rows_or_settings_exist(
    superuser_client, django_user_model, make_account, make_grade, settings
):
    assert states(superuser_client) == [False, False, False, False]
    django_user_model.objects.create_user("customer")
    django_user_model.objects.create_user("retired", is_staff=True, is_active=False)
    assert states(superuser_client)[0] is False
    django_user_model.objects.create_user("clerk", is_staff=True)
    assert states(superuser_client) == [True, False, False, False]
    make_account()
    assert states(superuser_client) == [True, True, False, False]
    settings.PUBLIC_URL = "https://rate.example.cn"
    assert states(superuser_client) == [True, True, True, False]
    make_grade()
    assert states(superuser_client) == [True, True, True, True]
    assert "All steps are done." in superuser_client.get("/first-steps").text


def test_the_first_page_leads_there_until_all_steps_are_done(
    superuser_client, staff, make_account, make_grade, public_url
):
    make_account()
    assert LINK in superuser_client.get("/admin/").text
    make_grade()
    assert LINK not in superuser_client.get("/admin/").text


def test_only_those_who_may_take_the_steps_are_led_there(staff, django_user_model):
    rights = ("add_user", "add_account", "change_account")
    helper = grant(django_user_model.objects.create_user("helper", is_staff=True), *rights)
    assert LINK in log_in(helper).get("/admin/").text
    assert LINK not in log_in(staff).get("/admin/").text
    assert log_in(staff).get("/first-steps").status_code == 403
    assert LINK not in Client(headers=ENGLISH).get("/admin/login/").text


def test_the_page_shows_the_code_of_the_newest_dispatch_to_scan(superuser_client, make_account, public_url):
    make_account(customer_name="李雷", dispatched_on="2026-10-01")
    make_account(customer_name="<b>", dispatched_on="2026-11-01")
    page = superuser_client.get("/first-steps").text
    assert "<svg" in page
    assert "the newest dispatch (&lt;b&gt;, 2026-11-01)" in " ".join(page.split())
    assert "13800138000" not in page


def test_without_settings_or_dispatches_the_page_says_what_is_missing(superuser_client, make_account):
    page = superuser_client.get("/first-steps").text
    assert "Codes need the setting PUBLIC_URL, or WECHAT_APPID and WECHAT_SECRET." in page
    assert "<svg" not in page
    assert "The code to scan appears here once the steps before are done." in page


def test_an_error_of_wechat_is_shown_and_the_page_stays_usable(superuser_client, make_account, wechat):
    make_account()
    wechat.faults = [40125]
    page = superuser_client.get("/first-steps")
    assert page.status_code == 200
    assert "WeChat refuses the app&#x27;s secret. Check WECHAT_SECRET." in page.text
    assert '<img src="data:image' in superuser_client.get("/first-steps").text


def test_other_methods_are_refused(superuser_client):
    assert superuser_client.post("/first-steps").status_code == 405
