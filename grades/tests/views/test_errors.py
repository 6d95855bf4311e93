"""The error pages."""

import logging

import pytest
from django.db import OperationalError
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


@pytest.fixture
def node_without_majority(client, monkeypatch):
    """Each statement fails as on a node of a cluster that has lost its majority."""

    def refuse(self, *args, **kwargs):
        raise OperationalError(1047, "WSREP has not yet prepared node for application use")

    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", refuse)


@pytest.mark.usefixtures("node_without_majority")
def test_a_lost_database_is_a_page_to_load_again(client, caplog):
    with caplog.at_level(logging.ERROR):
        response = client.get("/admin/grades/grade/?q=13800138000", headers=ENGLISH)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "<h1>The data cannot be reached</h1>" in response.content.decode()
    assert caplog.messages == ["/admin/grades/grade/: the database is unreachable: OperationalError (1047,)"]
    assert [record.exc_info for record in caplog.records] == [None]


@pytest.mark.usefixtures("node_without_majority")
def test_a_script_gets_json_from_a_lost_database(client):
    response = client.get("/query", headers={"accept": "application/json"})
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json() == {"error": "unavailable", "message": ""}


def test_a_script_gets_json_for_an_unknown_address(client):
    response = client.get("/nowhere", headers={"accept": "application/json"})
    assert (response.status_code, response.json()) == (404, {"error": "not_found", "message": ""})
