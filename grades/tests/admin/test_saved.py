"""admin/saved.py: filters of a list that each member of staff saves for themselves."""

import re

import pytest
from django.db import IntegrityError, transaction

from grades.models import SavedFilter

from ..helpers.office import ACCOUNTS, CREDITS, GRADES, grant, log_in, messages, numbers

pytestmark = pytest.mark.django_db
SAVE = f"{GRADES}filters/save/"


def save(client, query="review=new&lowest=2", name="Unhappy", url=SAVE):
    return client.post(url, {"name": name, "query": query})


def stored():
    return list(SavedFilter.objects.order_by("pk").values_list("user__username", "list", "name", "query"))


def shown(response):
    """(name, address, whether it is chosen) of the saved filters on a list."""
    links = re.findall(r'<li class="saved( selected)?"><a href="([^"]*)"[^>]*>([^<]+)</a>', response.text)
    return [(name, address.replace("&amp;", "&"), bool(selected)) for selected, address, name in links]


def test_a_filter_is_saved_and_shown_on_its_list(editor):
    client = log_in(editor)
    response = save(client)
    assert (response.status_code, response["Location"]) == (302, f"{GRADES}?lowest=2&review=new")
    assert messages(response) == ["The filter was saved."]
    assert stored() == [("editor", "grade", "Unhappy", "lowest=2&review=new")]
    assert shown(client.get(GRADES)) == [("Unhappy", "?lowest=2&review=new", False)]
    assert shown(client.get(f"{GRADES}?review=new&lowest=2&q=138&p=last")) == [
        ("Unhappy", "?lowest=2&review=new", True)
    ]


def test_nobody_else_and_no_other_list_shows_it(editor, superuser_client):
    save(log_in(editor))
    assert shown(superuser_client.get(GRADES)) == []
    save(superuser_client, "period=month", "Month")
    assert shown(superuser_client.get(ACCOUNTS)) == []
    assert [name for name, *_rest in shown(superuser_client.get(GRADES))] == ["Month"]


def test_only_filters_are_saved_and_never_a_search(editor):
    save(log_in(editor), "q=13800138000&review=new&p=last&acc_nbr=1&e=1&from=")
    assert [query for *_rest, query in stored()] == ["review=new"]


def test_a_filter_for_rows_without_an_area_or_a_product_is_saved(superuser_client, make_account):
    make_account(acc_nbr="1", area="", product=""), make_account(acc_nbr="2", acct_id="A2")
    response = save(superuser_client, "rated=no&product=&area=&from=", url=f"{ACCOUNTS}filters/save/")
    assert stored() == [("boss", "account", "Unhappy", "area=&product=&rated=no")]
    page = superuser_client.get(response["Location"])
    assert numbers(page) == ["1"]
    assert shown(page) == [("Unhappy", "?area=&product=&rated=no", True)]


def test_the_same_name_replaces(editor):
    client = log_in(editor)
    save(client)
    save(client, "period=7days")
    assert stored() == [("editor", "grade", "Unhappy", "period=7days")]
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedFilter.objects.create(user=editor, list="grade", name="Unhappy", query="x=1")


@pytest.mark.parametrize(
    ("query", "name", "message"),
    [
        ("", "a", "Nothing was saved: no filter is chosen."),
        ("q=138", "a", "Nothing was saved: no filter is chosen."),
        ("review=new", "", "Nothing was saved: give a name of at most 40 characters."),
        ("review=new", "  ", "Nothing was saved: give a name of at most 40 characters."),
        ("review=new", "长" * 41, "Nothing was saved: give a name of at most 40 characters."),
        ("review=new", "a\x00", "Nothing was saved: give a name of at most 40 characters."),
        (
            "review=" + "x" * 300,
            "a",
            "Nothing was saved: these filters together are too long. Choose fewer of them.",
        ),
    ],
)
def test_what_cannot_be_saved_is_refused_with_a_message(editor, query, name, message):
    response = save(log_in(editor), query, name)
    assert response.status_code == 302
    assert messages(response) == [message]
    assert stored() == []


def test_a_person_has_a_limited_number_for_each_list(editor, monkeypatch):
    monkeypatch.setattr(SavedFilter, "MOST", 2)
    client = log_in(editor)
    for name in ("a", "b", "c"):
        response = save(client, name=name)
    assert messages(response)[-1] == "Nothing was saved: you have 2 filters of this list. Delete one first."
    save(client, "review=closed", "b")
    assert [(name, query) for *_rest, name, query in stored()] == [("a", "lowest=2&review=new"), ("b", "review=closed")]


def test_a_saved_filter_that_is_no_longer_valid_is_refused_by_the_list(editor):
    client = log_in(editor)
    save(client, "review=gone")
    assert client.get(f"{GRADES}?review=gone")["Location"] == f"{GRADES}?e=1"
    assert len(shown(client.get(f"{GRADES}?e=1"))) == 1


def test_the_owner_deletes_a_filter_and_stays_on_the_page(editor, superuser_client):
    client = log_in(editor)
    save(client)
    address = re.search(r'action="([^"]+/delete/)"', client.get(GRADES).text)[1]
    superuser_client.post(address)
    assert len(stored()) == 1
    response = client.post(address, {"query": "review=closed"})
    assert (response.status_code, response["Location"]) == (302, f"{GRADES}?review=closed")
    assert (messages(response), stored()) == (["The filter was deleted."], [])
    assert client.post(address).status_code == 302


@pytest.mark.parametrize("path", ["save/", "1/delete/"])
def test_saving_needs_the_right_to_see_the_list_and_a_post(staff, editor, path):
    assert log_in(staff).post(f"{GRADES}filters/{path}", {"name": "a", "query": "review=new"}).status_code == 403
    assert log_in(editor).get(f"{GRADES}filters/{path}").status_code == 405
    assert stored() == []


def test_filters_go_with_their_owner(editor):
    save(log_in(editor))
    editor.delete()
    assert stored() == []


def test_a_list_without_filters_offers_none_to_save(staff):
    client = log_in(grant(staff, "view_credit"))
    assert "filters/save" not in client.get(CREDITS).text
    assert messages(save(client, url=f"{CREDITS}filters/save/")) == ["Nothing was saved: no filter is chosen."]
