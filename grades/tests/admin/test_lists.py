"""admin/lists.py: order, bounded counts, pages and search."""

import re

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test.utils import CaptureQueriesContext

from grades.admin import lists
from grades.models import Credit

from ..helpers.office import ACCOUNTS, CONFLICTS, CREDITS, GRADES, numbers

pytestmark = pytest.mark.django_db


def test_the_order_of_a_list_cannot_be_changed(superuser_client, make_grade):
    for number in range(60):
        make_grade(acc_nbr=f"{number:02}")
    newest = [f"{number:02}" for number in reversed(range(10, 60))]
    assert numbers(superuser_client.get(f"{GRADES}?o=1")) == newest
    assert numbers(superuser_client.get(f"{GRADES}?o=-1")) == newest


def test_a_list_counts_up_to_its_limit(superuser_client, make_grade, lower_count_limit):
    lower_count_limit(100)
    for number in range(130):
        make_grade(acc_nbr=f"{number:03}")
    with CaptureQueriesContext(connection) as queries:
        response = superuser_client.get(GRADES)
    (count,) = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert "LIMIT 101" in count
    assert "100+ ratings" in response.text
    assert "Select all matching rows: 100+" in response.text
    assert "130" not in re.sub(r"<td.*?</td>|<th.*?</th>|<input.*?>|href=\"[^\"]*\"", "", response.text)


def test_each_cell_names_its_column_for_cards_on_a_phone(superuser_client, make_grade):
    make_grade(txt1="<b>")
    text = superuser_client.get(GRADES).text
    labels = re.findall(r'<t[dh] class="([\w-]+)[^>]* data-label="([^"]*)">', text)
    assert labels == [
        ("action-checkbox", ""), ("field-acc_nbr", "Account number"), ("field-grade1", "服务态度"),
        ("field-grade2", "专业水平"), ("field-grade3", "响应速度"), ("field-remarks_start", "Remarks"),
        ("field-insert_time", "Submitted at"), ("field-review", "Review"),
    ]  # fmt: skip
    assert "&lt;b&gt;" in text


def test_an_empty_list_says_so(superuser_client):
    assert "No row matches." in superuser_client.get(GRADES).text


# --- Search ---------------------------------------------------------------------------------------


STORED = ["1380", "13800138000", "13800138001", "a_b", "aXb", "A_b", "139"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1380", ["13800138001", "13800138000", "1380"]),
        ("  13800138001 ", ["13800138001"]),
        ('"1380"', ["1380"]),
        ("“1380”", ["1380"]),
        ('"13800"', []),
        ("a_b", ["a_b"]),
        ("a", ["aXb", "a_b"]),
        ("%", []),
        ("800138000", []),
        ('"', []),
        ("中", []),
        ("\ud7ff", []),
        ("\U0010ffff", []),
        ("1380\U0010ffff", []),
        ("1" * 600, []),
    ],
)
def test_search_matches_a_prefix_or_in_quotes_the_whole_number(superuser_client, make_grade, text, found):
    for number in STORED:
        make_grade(acc_nbr=number)
    assert numbers(superuser_client.get(GRADES, {"q": text})) == found


def test_the_list_explains_its_search(superuser_client):
    help_text = "The beginning of an account number, or of a customer name on the dispatch list. For an exact match use"
    assert help_text in superuser_client.get(GRADES).text


def test_a_search_for_too_many_rows_asks_for_more_digits(superuser_client, make_grade, monkeypatch):
    monkeypatch.setattr(lists, "SEARCH_LIMIT", 3)
    for number in ("13800", "13801", "13802", "13900"):
        make_grade(acc_nbr=number)
    assert numbers(superuser_client.get(GRADES, {"q": "138"})) == ["13802", "13801", "13800"]
    response = superuser_client.get(GRADES, {"q": "13", "review": "new"}, follow=True)
    assert response.redirect_chain == [(f"{GRADES}?e=1", 302)]
    assert "More than 3 rows have a number that begins like this. Type more digits." in response.text


@pytest.mark.parametrize("term", ["\x00", "13\x00", " \x00 "])
def test_a_search_that_cannot_match_is_refused_and_not_dropped(superuser_client, make_grade, term):
    grade = make_grade()
    assert superuser_client.get(GRADES, {"q": term})["Location"] == f"{GRADES}?e=1"
    form = {"action": "delete_selected", "select_across": "1", "_selected_action": grade.pk, "index": "0"}
    response = superuser_client.post(GRADES, form, query_params={"q": term})
    assert (response.status_code, response["Location"]) == (302, f"{GRADES}?e=1")


@pytest.mark.parametrize("term", ['""', "“”", "()", "( )", "\u200b", '"()"'])
@pytest.mark.parametrize("url", [GRADES, ACCOUNTS, CREDITS, CONFLICTS])
def test_a_search_for_neither_a_number_nor_a_name_is_refused_and_not_dropped(superuser_client, url, term):
    response = superuser_client.get(url, {"q": term}, follow=True)
    assert response.redirect_chain == [(f"{url}?e=1", 302)]
    assert "This search has no number and no name. Search and filters were removed." in response.text
    form = {"action": "export_csv", "select_across": "1", "_selected_action": 1, "index": "0"}
    assert superuser_client.post(url, form, query_params={"q": term})["Location"] == f"{url}?e=1"
    assert superuser_client.post(f"{url}export/", {"format": "csv"}, query_params={"q": term})["Location"] == url


def test_a_list_without_a_search_refuses_a_search_term(superuser_client, monkeypatch):
    monkeypatch.setattr(site.get_model_admin(Credit), "search_fields", ())
    assert superuser_client.get(CREDITS, {"q": "1"})["Location"] == f"{CREDITS}?e=1"
    assert superuser_client.get(CREDITS, {"q": " "}).status_code == 200


def test_the_way_to_the_list_names_it_once(superuser_client):
    way = re.search(r'<div class="breadcrumbs">(.*?)</div>', superuser_client.get(GRADES).text, re.DOTALL)[1]
    assert (
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", way)).strip()
        == "Home &rsaquo; Ratings and dispatches &rsaquo; Ratings"
    )
