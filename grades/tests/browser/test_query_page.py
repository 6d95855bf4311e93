"""The query page as a clerk uses it."""

import re

import pytest
from playwright.sync_api import expect

from grades.models import Credit

from .conftest import PASSWORD, type_at_focus

pytestmark = pytest.mark.browser

NOT_ON_THE_LIST = "此号码不在派单内!!"


@pytest.fixture
def customer(make_account, make_grade):
    make_account(dispatched_on="2026-10-01", acct_id="A1", pay_type="prepaid", monthly_fee="10.00")
    make_account(dispatched_on="2026-11-01", acct_id="A2", monthly_fee="99.00")
    make_grade(txt1="师傅👍很专业")


def look_up(page, number):
    page.get_by_label("号码").fill(number)
    page.get_by_role("button", name="查询").click()


def test_a_look_up_shows_dispatches_and_ratings_without_leaving_the_page(log_in, clerk, customer):
    page = log_in(clerk)
    page.evaluate("window.stillHere = true")
    look_up(page, "13800138000")

    page.get_by_role("heading", name="派单记录").wait_for()
    rows = page.locator("section[aria-labelledby=dispatches] tbody tr")
    assert [row.get_attribute("class") for row in rows.all()] == ["danger", "success"]
    assert rows.first.locator("td").all_inner_texts() == [
        "13800138000", "王小明", "城东", "畅享 129 套餐", "▲ 后付费", "在用", "2026-11-01",
    ]  # fmt: skip
    assert page.get_by_text("师傅👍很专业").is_visible()
    assert page.evaluate("window.stillHere")


def test_a_number_that_is_not_on_the_list_raises_the_alert(log_in, clerk):
    page = log_in(clerk)
    look_up(page, "13900000000")
    expect(page.get_by_role("alert")).to_contain_text(NOT_ON_THE_LIST)


def test_the_same_page_works_without_javascript(log_in, clerk, customer):
    page = log_in(clerk, java_script_enabled=False)
    look_up(page, "13800138000")
    expect(page.locator("tr.danger")).to_have_count(1)
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("status")).to_contain_text("临时额度已确认")
    assert Credit.objects.get().account.acct_id == "A2"
    look_up(page, "13900000000")
    expect(page.get_by_role("alert")).to_contain_text(NOT_ON_THE_LIST)


def test_the_keyboard_is_enough(log_in, clerk, customer):
    page = log_in(clerk)
    type_at_focus(page.locator("[name=acc_nbr]"), "13800138000")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="派单记录").wait_for()
    page.keyboard.press("Tab")  # the button
    page.keyboard.press("Tab")  # the amount
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="确认", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    expect(page.locator("#result")).to_be_focused()
    assert Credit.objects.count() == 1


def test_a_stale_reply_is_ignored(log_in, clerk, customer):
    page = log_in(clerk)
    # The first answer arrives after the second one.
    page.evaluate(
        """() => {
            const fetch = window.fetch;
            window.fetch = async (url, options) => {
                const reply = await fetch(url, options);
                if (String(options.body).includes("13800138000")) await new Promise((done) => setTimeout(done, 700));
                return reply;
            };
        }"""
    )
    look_up(page, "13800138000")
    look_up(page, "13900000000")
    page.get_by_role("alert").wait_for()
    page.wait_for_timeout(1000)
    assert NOT_ON_THE_LIST in page.locator("#result").inner_text()
    assert page.get_by_role("heading", name="派单记录").count() == 0


def log_in_again(page, name="clerk"):
    page.wait_for_url("**/admin/login/?next=%2Fquery")
    expect(page.locator(".messagelist")).to_have_text("登录已过期，请重新登录。")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]:not([name=language])")
    page.wait_for_url("**/query")


@pytest.mark.parametrize("javascript", [True, False])
def test_an_expired_session_leads_to_the_login_and_back_to_the_look_up(log_in, clerk, customer, javascript):
    page = log_in(clerk, errors_expected=True, java_script_enabled=javascript)  # chromium reports the 401 itself
    page.context.clear_cookies(name="sessionid")
    look_up(page, "138-0013-8000")
    log_in_again(page)
    page.get_by_role("heading", name="派单记录").wait_for()
    expect(page.get_by_label("号码")).to_have_value("138-0013-8000")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_session_that_expires_before_the_credit_leads_back_to_it(log_in, clerk, customer, javascript):
    page = log_in(clerk, errors_expected=True, java_script_enabled=javascript)
    look_up(page, "13800138000")
    confirm = page.get_by_role("button", name="确认")
    confirm.wait_for()
    page.context.clear_cookies(name="sessionid")
    confirm.click()
    log_in_again(page)
    assert not Credit.objects.exists()
    confirm.click()
    expect(page.get_by_role("status")).to_contain_text("临时额度已确认")
    assert Credit.objects.count() == 1


def test_another_user_of_the_tab_does_not_see_the_number(log_in, clerk, customer, django_user_model):
    django_user_model.objects.create_user("other", password=PASSWORD, is_staff=True)
    page = log_in(clerk, errors_expected=True)
    look_up(page, "13800138000")
    page.get_by_role("heading", name="派单记录").wait_for()
    page.context.clear_cookies(name="sessionid")
    look_up(page, "13800138000")
    log_in_again(page, "other")
    expect(page.get_by_label("号码")).to_have_value("")
    assert page.locator("#result").inner_text() == ""


@pytest.mark.parametrize("javascript", [True, False])
def test_the_language_switch_keeps_the_number_and_its_result(log_in, clerk, customer, javascript):
    page = log_in(clerk, java_script_enabled=javascript)
    look_up(page, "13800138000")
    page.get_by_role("heading", name="派单记录").wait_for()
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Dispatches").wait_for()
    expect(page.get_by_label("Account number")).to_have_value("13800138000")
    assert page.url.endswith("/query")


def test_the_way_back_keeps_the_number_of_the_tab(log_in, clerk, customer):
    page = log_in(clerk)
    look_up(page, "13800138000")
    page.get_by_role("heading", name="派单记录").wait_for()
    other = page.context.new_page()
    other.goto("/query")
    look_up(other, "13900000000")
    other.get_by_role("alert").wait_for()
    page.get_by_role("link", name="管理后台").click()
    page.wait_for_url("**/admin/")
    page.go_back()
    page.get_by_role("heading", name="派单记录").wait_for()
    expect(page.get_by_label("号码")).to_have_value("13800138000")


def test_the_next_number_is_typed_over_the_last_one(log_in, clerk, customer):
    page = log_in(clerk)
    look_up(page, "13800138000")
    page.get_by_role("heading", name="派单记录").wait_for()
    page.keyboard.type("13900000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(NOT_ON_THE_LIST)
    expect(page.get_by_label("号码")).to_have_value("13900000000")


def test_an_offered_number_becomes_the_number_of_the_form(log_in, clerk, customer):
    page = log_in(clerk)
    look_up(page, "1380013")
    page.get_by_role("button", name="13800138000").click()
    page.get_by_role("heading", name="派单记录").wait_for()
    expect(page.get_by_label("号码")).to_have_value("13800138000")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_credit_is_withdrawn_with_a_reason_and_confirmed_again(log_in, superuser, customer, javascript):
    superuser.set_password(PASSWORD)
    superuser.save()
    page = log_in(superuser, java_script_enabled=javascript)
    look_up(page, "13800138000")
    assert "月租 99.00 × 1.5 →" in page.locator("section[aria-labelledby=credit]").inner_text()
    page.get_by_role("button", name="确认").click()
    page.get_by_text("撤销此额度").click()
    page.get_by_label("原因").fill("客户退订")
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("status")).to_contain_text("临时额度已撤销")
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("status")).to_contain_text("临时额度已确认")
    credits = page.locator("section[aria-labelledby=credit] p")
    expect(credits).to_have_count(2)
    expect(credits.last).to_contain_text("boss 于")
    expect(credits.last).to_contain_text("撤销：客户退订")
    assert [credit.withdrawn_before for credit in Credit.objects.order_by("pk")] == [0, 1]


def test_without_an_answer_the_page_says_so_and_stays_usable(log_in, clerk, customer):
    page = log_in(clerk, errors_expected=True)
    page.route("**/query", lambda route: route.abort())
    look_up(page, "13800138000")
    expect(page.get_by_role("alert")).to_have_text("服务器没有响应。请检查网络后重试。")
    page.unroute("**/query")
    look_up(page, "13800138000")
    page.get_by_role("heading", name="派单记录").wait_for()


def test_the_ratings_are_downloaded(log_in, clerk, customer):
    page = log_in(clerk)
    look_up(page, "13800138000")
    for kind in ("XLSX", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile(f"导出.*{kind}")).click()
        name = download.value.suggested_filename
        assert re.fullmatch(rf"grades_number_\d-rows_\d{{8}}-\d{{4}}\.{kind.lower()}", name)
        assert "13800138000" not in download.value.url


def test_english_by_the_switch(log_in, clerk):
    page = log_in(clerk)
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Look up a number").wait_for()
    look_up_button = page.get_by_role("button", name="Look up", exact=True)
    page.get_by_label("Account number").fill("13900000000")
    look_up_button.click()
    expect(page.get_by_role("alert")).to_contain_text("This number is not on the dispatch list!!")
    page.get_by_role("button", name="中文").click()
    page.get_by_role("heading", name="号码查询").wait_for()


# A page as existing sites have it: jQuery, the form serialized with its token, rows read by index.
EXISTING_PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>existing</title>
<form><input type="hidden" name="csrfmiddlewaretoken" value="%s"><input name="acc_nbr"></form>
<button class="ask">?</button><div id="credit"></div><table><tbody id="rows"></tbody></table>
<script src="/static/admin/js/vendor/jquery/jquery.js"></script>
<script>
$(function () {
  $(".ask").click(function () {
    $.ajax({
      url: "/query", type: "post", data: $("form").serialize(), dataType: "json",
      success: function (data) {
        if (data.length === 0) { window.alert("not found"); return; }
        $("#credit").text(data[0][8] + ":" + Math.ceil(data[0][7] * 1.5));
        $("#rows").empty();
        $.each(data, function (_, row) {
          var line = $("<tr>").addClass(row[4] === "后付费" ? "danger" : "success");
          for (var i = 0; i < 7; i++) line.append($("<td>").text(row[i]));
          $("#rows").append(line);
        });
      },
      error: function (reply) { document.title = reply.status + " " + reply.responseJSON.error; }
    });
  });
});
</script>"""


def test_a_jquery_page_of_the_kind_that_existing_sites_have_works(log_in, clerk, customer):
    page = log_in(clerk, errors_expected=True)
    token = page.locator("form.lookup [name=csrfmiddlewaretoken]").get_attribute("value")
    page.route("**/existing", lambda route: route.fulfill(body=EXISTING_PAGE % token, content_type="text/html"))
    page.goto("/existing")

    page.fill("[name=acc_nbr]", "13800138000")
    page.click(".ask")
    page.locator("tr.success").wait_for()
    assert page.locator("#credit").inner_text() == "A2:149"
    assert page.locator("tr.danger td").all_inner_texts() == [
        "13800138000", "王小明", "城东", "畅享 129 套餐", "后付费", "在用", "2026-11-01",
    ]  # fmt: skip

    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.accept()))
    page.fill("[name=acc_nbr]", "13900000000")
    with page.expect_event("dialog"):
        page.click(".ask")
    assert alerts == ["not found"]

    page.context.clear_cookies(name="sessionid")
    page.click(".ask")
    page.wait_for_function("document.title !== 'existing'")
    assert page.title() == "401 login_required"
