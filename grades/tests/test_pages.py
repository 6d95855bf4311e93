"""The landing page, the error pages, languages, and the headers of every page."""

import re

import pytest
from django.test import Client
from django.urls import get_resolver

pytestmark = pytest.mark.django_db

ENGLISH = {"accept-language": "en-GB,en;q=0.9"}


def links(response):
    return set(re.findall(r'href="(/[^"]*)"', response.content.decode())) - {"/"}


def test_the_landing_page_sends_each_visitor_where_they_may_go(client, staff, django_user_model):
    def pages():
        return {link for link in links(client.get("/")) if not link.startswith("/static/")}

    assert pages() == {"/admin/login/?next=/query"}
    client.force_login(django_user_model.objects.create_user("customer"))
    assert pages() == set()
    assert "customer, which is not a staff account" in client.get("/", headers=ENGLISH).content.decode()
    client.force_login(staff)
    assert pages() == {"/query", "/admin/"}


def test_chinese_is_the_default_and_english_follows_the_browser_or_the_switch(client):
    assert '<html lang="zh-hans">' in client.get("/").content.decode()
    assert '<html lang="zh-hans">' in client.get("/", headers={"accept-language": "fr,de;q=0.5"}).content.decode()
    assert '<html lang="zh-hans">' in client.get("/", headers={"accept-language": "zh-TW"}).content.decode()
    assert '<html lang="en">' in client.get("/", headers=ENGLISH).content.decode()

    response = client.post("/i18n/setlang/", {"language": "en", "next": "/"})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "zh-CN"}).content.decode()


@pytest.mark.parametrize(
    ("make_request", "status", "heading"),
    [
        (lambda client: client.get("/", headers={"host": "evil.example"} | ENGLISH), 400, "Bad request"),
        (lambda client: client.get("/nowhere", headers=ENGLISH), 404, "Not found"),
        (lambda client: client.post("/i18n/setlang/", headers=ENGLISH), 403, "The page is out of date"),
    ],
)
def test_an_error_has_a_page_in_the_same_look(make_request, status, heading):
    response = make_request(Client(enforce_csrf_checks=True))
    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in response.content.decode()
    assert "css/site.css" in response.content.decode()


def test_a_fault_has_a_page_that_needs_no_database(client, monkeypatch):
    from django.db.backends.base.base import BaseDatabaseWrapper

    def unreachable(self, *args, **kwargs):
        raise RuntimeError("the database is gone")

    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", unreachable)
    response = client.get("/query", headers=ENGLISH)
    assert response.status_code == 500
    assert "<h1>Something went wrong</h1>" in response.content.decode()


def test_a_script_is_told_of_an_unknown_address_in_json(client):
    response = client.get("/nowhere", headers={"accept": "application/json"})
    assert (response.status_code, response.json()) == (404, {"error": "not_found", "message": ""})


@pytest.mark.parametrize("path", ["/", "/query", "/admin/", "/nowhere"])
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


def test_every_route_but_the_open_ones_asks_for_a_login(client):
    """A route that someone adds and forgets to guard fails here."""
    open_routes = {"", "score", "score/form", "graderesult", "wechat/login", "wechat/receipts", "admin/", "i18n/"}
    routes = {str(pattern.pattern) for pattern in get_resolver("grades.urls").url_patterns}
    for route in routes - open_routes:
        response = client.post(f"/{route}", headers={"accept": "text/html"})
        assert (response.status_code, response.headers.get("Location")) == (302, "/admin/login/?next=%2Fquery"), route
