"""templates/admin: content security policy and language on every page."""

import re

import pytest
from django.test import Client

from ..helpers.office import ACCOUNTS, CONFLICTS, CREDITS, GRADES, IMPORT, act, make_credit

pytestmark = pytest.mark.django_db


def test_no_page_needs_code_that_its_content_security_policy_forbids(
    superuser_client, make_grade, make_account, make_conflict, superuser
):
    account, grade, conflict = make_account(), make_grade(), make_conflict()
    credit = make_credit(account, superuser)
    paths = [
        "/admin/",
        "/admin/grades/",
        GRADES,
        f"{GRADES}{grade.pk}/change/",
        f"{GRADES}{grade.pk}/history/",
        f"{GRADES}{grade.pk}/delete/",
        ACCOUNTS,
        f"{ACCOUNTS}add/",
        IMPORT,
        CREDITS,
        f"{CREDITS}{credit.pk}/change/",
        CONFLICTS,
        f"{CONFLICTS}{conflict.pk}/change/",
        f"{CONFLICTS}{conflict.pk}/delete/",
    ]
    pages = [superuser_client.get(path) for path in paths]
    pages += [
        act(superuser_client, "mark_closed", [grade.pk]),
        act(superuser_client, "keep_selected", [conflict.pk], url=CONFLICTS),
    ]
    pages += [Client().get("/admin/login/")]
    for page in pages:
        assert page.status_code == 200
        assert "default-src 'none'" in page["Content-Security-Policy"]
        assert not re.findall(r"<style|\sstyle=|<script(?![^>]*\ssrc=)[^>]*>|\son\w+=|javascript:", page.text)
        assert "/static/css/admin.css" in page.text


def test_the_language_can_be_switched_on_every_page(superuser_client, make_grade):
    make_grade()
    response = superuser_client.post(
        "/i18n/setlang/", {"language": "zh-hans", "next": f"{GRADES}?review=new"}, follow=True
    )
    assert response.request["PATH_INFO"] == GRADES
    assert '<html lang="zh-hans"' in response.text
    assert re.search(r'<button name="language" value="en" lang="en">English</button>', response.text)
    assert 'name="language" value="zh-hans"' in Client(headers={"accept-language": "en"}).get("/admin/login/").text


def test_chinese_pages_have_no_english_text_of_django(superuser_client):
    chinese = {"accept-language": "zh-hans"}
    hidden = superuser_client.get("/admin/", headers=chinese).text.split('<thead class="visually-hidden">')[1]
    assert re.findall(r'<th scope="col">(.*?)</th>', hidden.split("</thead>")[0]) == ["名称", "添加", "修改或查看"]
    for name in ("user", "group"):
        page = superuser_client.get(f"/admin/auth/{name}/?q=x", headers=chinese).text
        assert 'alt="搜索"' in page
        assert "Search" not in page
    short = {"username": "clerk", "password1": "a7", "password2": "a7", "usable_password": "true"}
    page = superuser_client.post("/admin/auth/user/add/", short, headers=chinese).text
    assert "密码太短，至少要有 8 个字符。" in page
    assert re.search(r"<title>\s*错误：", page)


def test_the_list_of_users_shows_the_stock_texts_in_full(superuser_client, django_user_model):
    django_user_model.objects.bulk_create(django_user_model(username=f"clerk{number:03}") for number in range(120))
    page = superuser_client.get("/admin/auth/user/").text
    paginator = page.split('<p class="paginator">')[1].split("</p>")[0]
    assert re.sub(r"<[^>]+>|\s+", " ", paginator).split() == ["1", "2", "121", "users", "Show", "all"]
    assert "Select all 121 users" in page
    found = superuser_client.get("/admin/auth/user/?q=clerk11").text
    assert re.search(r"10 results \(<a href=\"\?\">121 total</a>\)", found)
    assert "None" not in page
    assert "None" not in found
