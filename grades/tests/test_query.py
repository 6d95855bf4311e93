"""/query, /query/export and /credit: what clerks call."""

import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from grades.models import Account, Credit

pytestmark = pytest.mark.django_db

JSON = {"accept": "application/json"}
JQUERY = {"accept": "application/json, text/javascript, */*; q=0.01", "x-requested-with": "XMLHttpRequest"}
FRAGMENT = {"accept": "text/html", "x-requested-with": "XMLHttpRequest"}
ENGLISH = {"accept-language": "en"}
LOGIN = "/admin/login/?next=%2Fquery"


@pytest.fixture
def client(staff):
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def may_credit(staff):
    staff.user_permissions.add(Permission.objects.get(codename="add_credit"))


# --- The JSON contract ----------------------------------------------------------------------------


def test_a_caller_that_asks_for_json_gets_nine_columns_per_dispatch_newest_first(client, make_account):
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
def test_a_number_that_is_not_on_the_list_is_an_empty_array(client, headers):
    response = client.post("/query", {"acc_nbr": "13800138000"}, headers=headers)
    assert (response.status_code, response.json()) == (200, [])


def test_the_wire_does_not_change_with_the_language(client, make_account):
    make_account()
    response = client.post("/query", {"acc_nbr": "13800138000"}, headers=JSON | ENGLISH)
    assert response.json()[0][4] == "后付费"


@pytest.mark.parametrize("acc_nbr", [None, "", " ", "1" * 33, "138 0013", "<script>", "号码", "a\x00b"])
def test_a_number_that_cannot_be_one_is_refused_by_name(client, acc_nbr):
    response = client.post("/query", {} if acc_nbr is None else {"acc_nbr": acc_nbr}, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid"
    assert list(response.json()["errors"]) == ["acc_nbr"]


def test_a_number_is_looked_up_to_the_letter(client, make_account):
    make_account(acc_nbr="ADSL01")
    for acc_nbr, found in [("ADSL01", 1), ("adsl01", 0), ("ADSL0", 0), ("ADSL01.", 0)]:
        assert len(client.post("/query", {"acc_nbr": acc_nbr}, headers=JSON).json()) == found


# --- Who may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/query", "/credit", "/query/export"])
def test_only_staff_get_in(django_user_model, path):
    anonymous, outsider, retired = Client(), Client(), Client()
    outsider.force_login(django_user_model.objects.create_user("customer"))
    user = django_user_model.objects.create_user("retired", is_staff=True)
    retired.force_login(user)
    user.is_active = False
    user.save()

    for client in (anonymous, retired):
        for headers in (JSON, JQUERY, FRAGMENT):
            response = client.post(path, {"acc_nbr": "1"}, headers=headers | ENGLISH)
            assert response.status_code == 401
            assert response.json() == {
                "error": "login_required",
                "message": "Your session has ended. Please log in again.",
                "login": LOGIN,
            }
        assert client.post(path, {"acc_nbr": "1"}, headers={"accept": "text/html"}).headers["Location"] == LOGIN
    for headers in (JSON, JQUERY, FRAGMENT):
        response = outsider.post(path, {"acc_nbr": "1"}, headers=headers | ENGLISH)
        assert response.status_code == 403
        assert response.json() == {"error": "staff_only", "message": "This page is for staff.", "login": LOGIN}
    response = outsider.post(path, {"acc_nbr": "1"}, headers={"accept": "text/html"} | ENGLISH)
    assert response.status_code == 403
    assert "<h1>Not allowed</h1>" in response.content.decode()


@pytest.mark.parametrize("path", ["/query", "/credit", "/query/export"])
def test_a_post_without_the_csrf_token_is_refused(staff, make_account, path):
    account = make_account()
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    fields = {"acc_nbr": account.acc_nbr, "acct_id": "A1", "credit_amount": "149", "format": "csv"}

    response = client.post(path, fields, headers=JSON | ENGLISH)
    assert response.status_code == 403
    assert response.json() == {"error": "csrf", "message": "The page is out of date. Load it again."}

    response = client.post(path, fields, headers={"accept": "text/html"} | ENGLISH)
    assert response.status_code == 403
    assert "<h1>The page is out of date</h1>" in response.content.decode()
    assert not Credit.objects.exists()


def test_what_staff_see_is_kept_by_no_cache(client):
    response = client.get("/query")
    assert "no-store" in response["Cache-Control"]
    assert {"Accept", "X-Requested-With", "Cookie"} <= set(response["Vary"].split(", "))


# --- The page -------------------------------------------------------------------------------------


def test_the_page_shows_seven_of_the_nine_columns_with_a_class_by_pay_type(client, make_account):
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


def test_a_script_gets_the_fragment_of_the_same_page(client, make_account, make_grade):
    make_account()
    make_grade()
    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()
    fragment = client.post("/query", {"acc_nbr": "13800138000"}, headers=FRAGMENT).content.decode()
    assert fragment.lstrip().startswith("<section")
    for part in ("<tbody>", "畅享 129 套餐", "服务态度很好"):
        assert part in fragment
        assert part in page


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_a_number_that_is_not_on_the_list_is_said_aloud_in_the_readers_language(client, headers):
    chinese = client.post("/query", {"acc_nbr": "13800138000"}, headers=headers)
    english = client.post("/query", {"acc_nbr": "13800138000"}, headers=headers | ENGLISH)
    assert chinese.status_code == english.status_code == 200
    assert "此号码不在派单内!!" in chinese.content.decode()
    assert "This number is not on the dispatch list!!" in english.content.decode()
    assert 'role="alert"' in chinese.content.decode()


def test_the_page_names_what_is_wrong_with_a_number(client):
    response = client.post("/query", {"acc_nbr": "<b>"}, headers=ENGLISH)
    assert response.status_code == 400
    page = response.content.decode()
    assert "An account number has no such characters." in page
    assert 'value="&lt;b&gt;"' in page


def test_the_ratings_of_the_customer_stand_below_newest_first_and_escaped(client, make_grade):
    make_grade(txt1="<script>alert(1)</script>", insert_time="2026-11-01T08:00:00Z")
    make_grade(
        txt2="第二次😀", insert_time="2026-11-02T08:00:00Z", review_state="closed", reviewed_at="2026-11-02T09:00Z"
    )
    make_grade(acc_nbr="13800138001", txt1="somebody else's")

    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "2026-11-02 16:00" in page  # local time in Shanghai
    assert page.index("第二次😀") < page.index("&lt;script&gt;alert(1)")
    assert "somebody else's" not in page


def test_a_hundred_ratings_are_shown_and_the_rest_is_named(client, make_grade):
    for number in range(101):
        make_grade(txt1=f"rating {number}")
    page = client.post("/query", {"acc_nbr": "13800138000"}, headers=ENGLISH).content.decode()
    assert page.count("rating ") == 100
    assert "Only the newest 100 are shown." in page


def test_a_look_up_costs_the_same_whatever_it_finds(client, make_account, make_grade, django_assert_num_queries):
    for number in range(5):
        make_grade()
        make_account(acct_id=f"A{number}")
        client.post("/query", {"acc_nbr": "13800138000"})
    # session, user, two for permissions, ratings, dispatches with their credits, and its test for emptiness
    with django_assert_num_queries(6):
        client.post("/query", {"acc_nbr": "13800138000"})


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(client, method):
    assert getattr(client, method)("/query").status_code == 405
    assert client.get("/credit").status_code == 405
    assert client.get("/query/export").status_code == 405


# --- The export of one customer's ratings ---------------------------------------------------------


def test_the_ratings_of_one_account_are_downloaded_without_its_number_in_the_address(client, make_grade):
    make_grade(acc_nbr="01088886666", txt1="=1+1")
    make_grade(acc_nbr="13800138001")

    response = client.post("/query/export", {"acc_nbr": "01088886666", "format": "csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="grades-')
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("01088886666,5,4,3,'=1+1,")
    xlsx = client.post("/query/export", {"acc_nbr": "01088886666", "format": "xlsx"})
    assert b"".join(xlsx.streaming_content).startswith(b"PK")


@pytest.mark.parametrize("fields", [{}, {"acc_nbr": "1"}, {"acc_nbr": "1", "format": "exe"}, {"format": "csv"}])
def test_an_export_of_nothing_or_into_nothing_is_not_found(client, fields):
    assert client.post("/query/export", fields).status_code == 404


# --- The credit -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fee", "amount"), [("0.00", 0), ("0.01", 1), ("66.66", 100), ("66.67", 101), ("99.00", 149), ("100.00", 150)]
)
def test_the_credit_is_the_fee_and_a_half_rounded_up(make_account, fee, amount):
    account = make_account(monthly_fee=fee)
    account.refresh_from_db()
    assert account.credit_amount == Decimal(amount)


def test_the_form_of_the_first_row_carries_its_acct_id_and_amount(client, may_credit, make_account):
    make_account(dispatched_on="2026-10-01", acct_id="A1", monthly_fee="10.00")
    make_account(dispatched_on="2026-11-01", acct_id="A2", monthly_fee="99.00")
    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()
    assert '<input type="hidden" name="acct_id" value="A2">' in page
    assert '<input id="credit_amount" name="credit_amount" value="149" readonly>' in page
    assert page.count('action="/credit"') == 1


def test_without_the_right_there_is_no_form_and_no_credit(client, make_account):
    make_account()
    page = client.post("/query", {"acc_nbr": "13800138000"}).content.decode()
    assert 'action="/credit"' not in page
    response = client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON | ENGLISH)
    assert response.status_code == 403
    assert response.json() == {"error": "forbidden", "message": "You may not confirm credits."}
    assert not Credit.objects.exists()


def test_a_credit_is_confirmed_once_however_often_the_button_is_pressed(client, staff, may_credit, make_account):
    account = make_account()
    first = client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON)
    again = client.post("/credit", {"acct_id": "A1", "credit_amount": "149.00"}, headers=JSON)

    credit = Credit.objects.get()
    assert (credit.account, credit.credit_amount, credit.confirmed_by) == (account, Decimal(149), staff)
    assert first.status_code == again.status_code == 200
    assert first.json() | {"confirmed_at": None} == {
        "acct_id": "A1",
        "credit_amount": 149,
        "confirmed_at": None,
        "created": True,
    }
    assert again.json() == first.json() | {"created": False}


def test_the_credit_is_that_of_the_newest_dispatch(client, may_credit, make_account):
    make_account(dispatched_on="2026-10-01", monthly_fee="10.00")
    newest = make_account(dispatched_on="2026-11-01", monthly_fee="99.00")
    client.post("/credit", {"acct_id": "A1", "credit_amount": "149"}, headers=JSON)
    assert Credit.objects.get().account == newest


@pytest.mark.parametrize("amount", ["148", "150", "148.5", "0", "-149", "999999999999"])
def test_another_amount_is_refused(client, may_credit, make_account, amount):
    make_account()
    response = client.post("/credit", {"acct_id": "A1", "credit_amount": amount}, headers=JSON)
    assert response.status_code == 409
    assert response.json()["error"] == "amount"
    assert not Credit.objects.exists()


@pytest.mark.parametrize(
    "fields", [{}, {"acct_id": "A1"}, {"credit_amount": "149"}, {"acct_id": "A1", "credit_amount": "NaN"}]
)
def test_a_credit_without_its_fields_is_refused(client, may_credit, make_account, fields):
    make_account()
    response = client.post("/credit", fields, headers=JSON)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid"
    assert not Credit.objects.exists()


def test_an_unknown_acct_id_is_not_found(client, may_credit):
    response = client.post("/credit", {"acct_id": "A9", "credit_amount": "149"}, headers=JSON | ENGLISH)
    assert response.status_code == 404
    assert response.json() == {"error": "unknown", "message": "There is no such acct_id on the dispatch list."}


def test_on_the_page_a_confirmed_credit_names_who_and_offers_no_button(client, may_credit, make_account):
    make_account()
    fields = {"acct_id": "A1", "credit_amount": "149"}
    page = client.post("/credit", fields, headers=ENGLISH).content.decode()
    assert "The credit is confirmed." in page
    assert "<strong>149 yuan</strong>, confirmed by clerk on" in page
    assert 'action="/credit"' not in page
    assert "This credit was confirmed before." in client.post("/credit", fields, headers=ENGLISH).content.decode()
    assert "does not match" in client.post("/credit", fields | {"credit_amount": "1"}, headers=ENGLISH).content.decode()


@pytest.mark.django_db(transaction=True)
def test_parallel_confirmations_of_one_dispatch_are_one_credit(make_account, superuser):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    account = make_account()

    def confirm(_):
        try:
            return Account.objects.get(pk=account.pk).confirm_credit(superuser)[1]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(confirm, range(16)))
    assert sorted(created) == [False] * 15 + [True]
    assert Credit.objects.count() == 1


def test_the_json_is_what_the_articles_page_reads(client, make_account):
    """`data[0][7] * 1.5` must be a number, and `data.length` the number of rows."""
    make_account(monthly_fee="59.90")
    raw = client.post("/query", {"acc_nbr": "13800138000"}, headers=JQUERY).content
    assert json.loads(raw)[0][7] * 1.5 == pytest.approx(89.85)
