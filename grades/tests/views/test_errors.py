"""The error pages."""

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from ..helpers.submissions import ENGLISH

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    """An anonymous visitor's; the other tests of the views have a clerk's."""
    return Client()


@pytest.mark.parametrize(
    ("make_request", "status", "heading"),
    [
        (lambda client: client.get("/", headers={"host": "evil.example"} | ENGLISH), 400, "Bad request"),
        (lambda client: client.get("/nowhere", headers=ENGLISH), 404, "Not found"),
        (lambda client: client.post("/i18n/setlang/", headers=ENGLISH), 403, "The page is out of date"),
    ],
)
def test_each_error_has_a_page_in_the_same_look(make_request, status, heading):
    response = make_request(Client(enforce_csrf_checks=True))
    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in response.content.decode()
    assert "css/site.css" in response.content.decode()


def test_the_page_of_a_server_error_needs_no_database(client, monkeypatch):
    def unreachable(self, *args, **kwargs):
        raise RuntimeError("the database is gone")

    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", unreachable)
    response = client.get("/query", headers=ENGLISH)
    assert response.status_code == 500
    assert "<h1>Something went wrong</h1>" in response.content.decode()


def test_a_script_gets_json_for_an_unknown_address(client):
    response = client.get("/nowhere", headers={"accept": "application/json"})
    assert (response.status_code, response.json()) == (404, {"error": "not_found", "message": ""})
