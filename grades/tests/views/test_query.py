"""views/query.py: the look-up of an account number, as JSON and as a page."""

import json
import re
from datetime import UTC, datetime

import pytest

from ..helpers.headers import ENGLISH, FRAGMENT, JQUERY, JSON

pytestmark = pytest.mark.django_db


# --- The JSON contract ----------------------------------------------------------------------------


def test_json_has_nine_columns_per_dispatch_newest_first(client, make_account):
    make_account(dispatched_on="2026-10-01", acct_id="A1", pay_type="prepaid", monthly_fee="59.90")
    make_account(dispatched_on="2026-11-01", acct_id="A2", monthly_fee="99.00")
    make_account(acc_nbr="13800138001", acct_id="A3")

    response = client.post("/query", {"acc_nbr": " 13800138000 "}, headers=JSON)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == [
        ["13800138000", "王小明", "城东", "畅享 129 套餐", "后付费", "在用", "2026-11-01", 99.0, "A2"],
        ["13800138000", "王小明", "城东", "畅享 129 套餐", "预付费", "在用", "2026-10-01", 59.9, "A1"],
    ]


@pytest.mark.parametrize("headers", [JSON, JQUERY, {"x-requested-with": "XMLHttpRequest", "accept": "*/*"}])
def test_an_unknown_number_is_an_empty_array(client, headers):
    response = client.post("/query", {"acc_nbr": "13800138000"}, headers=headers)
    assert (response.status_code, response.json()) == (200, [])


def test_the_json_is_the_same_in_every_language(client, make_account):
    make_account()
    response = client.post("/query", {"acc_nbr": "13800138000"}, headers=JSON | ENGLISH)
    assert response.json()[0][4] == "后付费"


@pytest.mark.parametrize(
    "acc_nbr", [None, "", " ", "1" * 33, "1 " * 60 + "1", "see note", "<script>", "号码", "a\x00b"]
)
def test_a_malformed_number_is_refused_by_field_name(client, acc_nbr):
    response = client.post("/query", {} if acc_nbr is None else {"acc_nbr": acc_nbr}, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid"
    assert list(response.json()["errors"]) == ["acc_nbr"]


def test_the_look_up_is_exact(client, make_account):
    make_account(acc_nbr="ADSL01")
    for acc_nbr, found in [("ADSL01", 1), ("adsl01", 0), ("ADSL0", 0), ("ADSL01.", 0)]:
        assert len(client.post("/query", {"acc_nbr": acc_nbr}, headers=JSON).json()) == found


def test_the_first_client_can_compute_with_the_json(client, make_account):
    """`data[0][7] * 1.5` must be a number, and `data.length` the number of rows."""
    make_account(monthly_fee="59.90")
    raw = client.post("/query", {"acc_nbr": "13800138000"}, headers=JQUERY).content
    assert json.loads(raw)[0][7] * 1.5 == pytest.approx(89.85)


# --- The page -------------------------------------------------------------------------------------


def test_the_page_shows_seven_columns_with_a_class_by_pay_type(client, make_account):
    make_account(dispatched_on="2026-10-01", acct_id="SECRET1", pay_type="prepaid", monthly_fee="1234.56")
    make_account(dispatched_on="2026-11-01", acct_id="SECRET2", monthly_fee="99.00")

    page = client.post("/query", {"acc_nbr": "13800138000"}, headers=ENGLISH).content.decode()

    assert page.startswith("<!DOCTYPE html>")
    table = page[page.index("<table") : page.index("</table>")]
    assert [row.split('"')[0] for row in table.split('<tr class="')[1:]] == ["danger", "success"]
    assert table.count("<th ") == 7
    assert table.count("<td ") == 14
    assert "SECRET" not in table
    assert "1234.56" not in page


def test_a_script_gets_a_fragment_of_the_page(client, make_account, make_grade):
    make_account()
    make_grade()
    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()
    fragment = client.post("/query", {"acc_nbr": "13800138000"}, headers=FRAGMENT).content.decode()
    assert fragment.lstrip().startswith("<section")
    for part in ("<tbody>", "畅享 129 套餐", "服务态度很好"):
        assert part in fragment
        assert part in page


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_an_unknown_number_is_announced_in_the_language_of_the_user(client, headers):
    chinese = client.post("/query", {"acc_nbr": "13800138000"}, headers=headers)
    english = client.post("/query", {"acc_nbr": "13800138000"}, headers=headers | ENGLISH)
    assert chinese.status_code == english.status_code == 200
    assert "此号码不在派单内!!" in chinese.content.decode()
    assert "This number is not on the dispatch list!!" in english.content.decode()
    assert 'role="alert"' in chinese.content.decode()


def test_the_page_says_why_a_number_is_refused(client):
    response = client.post("/query", {"acc_nbr": "<b>"}, headers=ENGLISH)
    assert response.status_code == 400
    page = response.content.decode()
    assert "This account number contains characters that are not allowed." in page
    assert 'value="&lt;b&gt;"' in page


@pytest.mark.parametrize("number", ["-", "+", "－", "(-)"])
def test_a_number_without_letters_and_digits_is_refused(client, make_grade, number):
    make_grade(acc_nbr="-")
    response = client.post("/query", {"acc_nbr": number}, headers=ENGLISH)
    assert response.status_code == 400
    assert "An account number has at least one letter or digit." in response.text
    assert client.post("/query/export", {"acc_nbr": number, "format": "csv"}).status_code == 404


def test_the_page_lists_the_ratings_newest_first_and_escaped(client, make_grade):
    make_grade(txt1="<script>alert(1)</script>", insert_time=datetime(2026, 11, 1, 8, tzinfo=UTC))
    make_grade(
        txt2="第二次😀",
        insert_time=datetime(2026, 11, 2, 8, tzinfo=UTC),
        review_state="closed",
        reviewed_at=datetime(2026, 11, 2, 9, tzinfo=UTC),
    )
    make_grade(acc_nbr="13800138001", txt1="of another number")

    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "2026-11-02 16:00" in page  # local time in Shanghai
    assert page.index("第二次😀") < page.index("&lt;script&gt;alert(1)")
    assert "of another number" not in page


def test_the_page_shows_the_newest_hundred_ratings(client, make_grade):
    for number in range(101):
        make_grade(txt1=f"rating {number}")
    page = client.post("/query", {"acc_nbr": "13800138000"}, headers=ENGLISH).content.decode()
    assert page.count("rating ") == 100
    assert "Only the newest 100 ratings are shown." in page


def test_the_page_needs_seven_queries_for_any_number_of_rows(
    client, make_account, make_grade, django_assert_num_queries
):
    for number in range(5):
        make_grade()
        make_account(acct_id=f"A{number}")
        client.post("/query", {"acc_nbr": "13800138000"})
    # session, user, two for permissions, ratings, dispatches, the credits of the newest
    with django_assert_num_queries(7):
        client.post("/query", {"acc_nbr": "13800138000"})


def test_the_page_keeps_the_number_and_its_result_in_the_session(client, make_account):
    make_account()
    client.post("/query", {"acc_nbr": "138-0013-8000"})
    client.post("/i18n/setlang/", {"language": "en", "next": "/query"})
    page = client.get("/query").text
    assert 'value="138-0013-8000"' in page
    assert "王小明" in page
    assert "Dispatches" in page


def test_other_staff_begin_without_a_number(client, make_account, superuser):
    make_account()
    client.post("/query", {"acc_nbr": "13800138000"})
    client.force_login(superuser)
    assert "13800138000" not in client.get("/query").text


@pytest.mark.parametrize("headers", [JSON, JQUERY, FRAGMENT])
def test_scripts_leave_no_number_in_the_session(client, make_account, headers):
    make_account()
    client.post("/query", {"acc_nbr": "13800138000"}, headers=headers)
    assert "13800138000" not in client.get("/query").text


def test_a_malformed_number_is_not_kept(client):
    client.post("/query", {"acc_nbr": "see note"})
    assert "see note" not in client.get("/query").text


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(client, method):
    assert getattr(client, method)("/query").status_code == 405


# --- Numbers as people write them -----------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["138-0013-8000", "+86 138 0013 8000", "１３８００１３８０００", "\u202d13800138000\u202c"]
)
def test_a_number_is_found_however_it_is_typed(client, make_account, make_grade, typed):
    make_account()
    make_grade(acc_nbr="+8613800138000", txt1="国家代码")
    assert [row[0] for row in client.post("/query", {"acc_nbr": typed}, headers=JSON).json()] == ["13800138000"]
    page = client.post("/query", {"acc_nbr": typed}).text
    assert "王小明" in page
    assert "国家代码" in page


def test_a_number_is_found_however_it_is_stored(client, make_account):
    make_account(acc_nbr="138-0013-8000")
    assert [row[0] for row in client.post("/query", {"acc_nbr": "13800138000"}, headers=JSON).json()] == [
        "138-0013-8000"
    ]


def test_a_short_number_offers_the_numbers_that_begin_like_it(client, make_account):
    make_account(acc_nbr="13800138000", acct_id="A1")
    make_account(acc_nbr="138-0013-8001", acct_id="A2")
    make_account(acc_nbr="13900138000", acct_id="A3")
    page = client.post("/query", {"acc_nbr": "138 0013"}, headers=ENGLISH).text
    assert re.findall(r'<button[^>]*name="acc_nbr" value="(\d+)"', page) == ["13800138000", "13800138001"]
    assert "Is 1380013 incomplete? No dispatch has exactly this number." in page
    assert "not on the dispatch list" not in page


@pytest.mark.parametrize(
    ("typed", "is_whole"),
    [("1380013", False), ("13800138000", True), ("0592-1234", True), ("ADSL01", True), ("138", False)],
)
def test_only_a_whole_number_is_said_not_to_be_on_the_list(client, typed, is_whole):
    page = client.post("/query", {"acc_nbr": typed}, headers=ENGLISH).text
    assert ("This number is not on the dispatch list!!" in page) is is_whole
    assert ("incomplete?" in page) is not is_whole


def test_few_characters_offer_no_numbers(client, make_account):
    make_account()
    assert 'name="acc_nbr" value="13800138000"' not in client.post("/query", {"acc_nbr": "138"}).text
