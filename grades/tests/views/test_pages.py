"""The home page, languages, and the headers of every page."""

import re
from datetime import date

import pytest
from django.test import Client

from grades.tokens import make_code

from ..helpers.submissions import ENGLISH

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    """An anonymous visitor's; the other tests of the views have a clerk's."""
    return Client()


def links(response):
    return set(re.findall(r'href="(/[^"]*)"', response.content.decode())) - {"/"}


def test_the_home_page_links_to_what_the_visitor_may_open(client, staff, django_user_model):
    def pages():
        return {link for link in links(client.get("/")) if not link.startswith("/static/")}

    assert pages() == {"/admin/login/?next=/query"}
    client.force_login(django_user_model.objects.create_user("customer"))
    assert pages() == set()
    assert "customer. This is not a staff account" in client.get("/", headers=ENGLISH).content.decode()
    client.force_login(staff)
    assert pages() == {"/query", "/admin/"}


def test_chinese_is_the_default_and_english_can_be_chosen(client):
    assert '<html lang="zh-hans">' in client.get("/").content.decode()
    assert '<html lang="zh-hans">' in client.get("/", headers={"accept-language": "fr,de;q=0.5"}).content.decode()
    assert '<html lang="zh-hans">' in client.get("/", headers={"accept-language": "zh-TW"}).content.decode()
    assert '<html lang="en">' in client.get("/", headers=ENGLISH).content.decode()

    response = client.post("/i18n/setlang/", {"language": "en", "next": "/"})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "zh-CN"}).content.decode()


@pytest.mark.parametrize("path", ["/", "/r/x", "/query", "/first-steps", "/admin/", "/nowhere"])
def test_every_page_forbids_inline_code_frames_and_sniffing(client, superuser, path):
    client.force_login(superuser)
    response = client.get(path)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<[^>]+\s(style|on\w+)=", response.content.decode())
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", response.content.decode())


# --- The page of a printed code -------------------------------------------------------------------


def test_a_code_outside_wechat_gets_one_page_whatever_the_code_says(client, make_account, django_assert_num_queries):
    genuine = make_code(make_account().pk, date(2100, 1, 1))
    with django_assert_num_queries(0):
        pages = [client.get(f"/r/{code}", headers=ENGLISH) for code in (genuine, "x", "a/b", "%00", "号码")]
    texts = set()
    for page in pages:
        assert (page.status_code, page["X-Robots-Tag"]) == (200, "noindex, nofollow")
        assert "no-store" in page["Cache-Control"]
        texts.add(re.sub(r'value="[^"]*"', "", page.text))  # the CSRF token, and the way back from the language
    assert len(texts) == 1
    text = texts.pop()
    assert "<h1>Open this code in WeChat</h1>" in text
    assert '<meta name="robots" content="noindex, nofollow">' in text
    assert not re.search("138|城东|王小明|login|query", text)


def test_the_page_of_a_code_is_chinese_by_default(client):
    assert "<h1>请用微信打开这个二维码</h1>" in client.get("/r/x").text


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_page_of_a_code_takes_no_other_method(client, method):
    assert getattr(client, method)("/r/x").status_code == 405
