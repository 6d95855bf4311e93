"""`GET /graderesult`: customers see their own ratings again, and never those of other people."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing
from django.db import OperationalError, connection
from django.utils import timezone

from grades.models import Grade, GradeQuerySet
from grades.tokens import make_receipt, make_session

from ..helpers.submissions import (
    ARTICLE,
    ENGLISH,
    FORM,
    NUMBER,
    assert_accepted,
    bearer,
    look,
    post,
    rate,
    raw_form,
    remarks,
)

pytestmark = pytest.mark.django_db

TIME = datetime(2026, 11, 22, 7, 59, 59, 123456, UTC)
HEAD = {"grade_labels": ["服务态度", "专业水平", "响应速度"], "grade_min": 1, "grade_max": 5}


def get_receipt(client, session=None, **fields):
    response = rate(client, session, **fields)
    assert_accepted(response)
    return response["X-Grade-Receipt"]


def whole(response):
    """Everything that a caller can see."""
    return response.status_code, sorted(response.headers.items()), response.content


def assert_forbidden(response):
    assert response.status_code == 403
    assert (response["Content-Type"], response["Cache-Control"]) == ("application/json", "no-store")
    assert response.json() == {
        "error": "forbidden",
        "message": "Customers see their own ratings: with the receipt, or after WeChat login.",
    }


# --- Receipts -------------------------------------------------------------------------------------


def test_the_receipt_of_a_rating_shows_it(client):
    with time_machine.travel(datetime(2026, 11, 22, 8, 0, 0, 987654, UTC)):
        receipt = get_receipt(client, txt2='"中\\n文👍"')
    response = look(client, receipts=[receipt])
    assert response.status_code == 200
    assert (response["Content-Type"], response["Cache-Control"]) == ("application/json", "no-store")
    assert response.json() == HEAD | {
        "ratings": [{"grades": [5, 4, 3], "remarks": ["很好", "中\n文👍", ""], "time": "2026-11-22T16:00:00+08:00"}],
        "more": False,
    }


def test_receipts_show_their_ratings_newest_first(client):
    receipts = []
    for hour, text in enumerate(["first", "second", "third"]):
        with time_machine.travel(datetime(2026, 11, 22, hour, tzinfo=UTC)):
            receipts.append(get_receipt(client, txt1=f'"{text}"'))
    assert remarks(look(client, receipts=[receipts[0]])) == ["first"]
    assert remarks(look(client, receipts=[receipts[2]])) == ["third"]
    assert remarks(look(client, receipts=[receipts[1], *receipts, receipts[0]])) == ["third", "second", "first"]


def test_ten_receipts_show_ten_ratings(client):
    receipts = [get_receipt(client, txt1=f'"{n}"') for n in range(10)]
    assert sorted(remarks(look(client, receipts=receipts))) == [str(n) for n in range(10)]


@pytest.mark.parametrize("openid", [None, "o-someone"])
def test_a_receipt_shows_no_other_rating_of_the_number(client, make_grade, openid):
    """Anyone gets a receipt for any number by rating it."""
    make_grade(txt1="a stranger's", openid=openid)
    assert remarks(look(client, receipts=[get_receipt(client, txt1='"mine"')])) == ["mine"]


def test_a_receipt_shows_no_rating_of_the_same_microsecond(client, make_grade):
    with time_machine.travel(datetime(2026, 11, 22, 8, tzinfo=UTC), tick=False):
        make_grade(txt1="a stranger's", openid="o-someone")
        receipt = get_receipt(client, txt1='"mine"')
    assert remarks(look(client, receipts=[receipt])) == ["mine"]


def test_receipts_of_other_accounts_are_ignored(client):
    other = get_receipt(client, acc_nbr='"2"', txt1='"other"')
    mine = get_receipt(client, txt1='"mine"')
    assert remarks(look(client, receipts=[other, "garbage", mine, ""])) == ["mine"]
    assert remarks(look(client, "2", receipts=[other, mine])) == ["other"]


@pytest.mark.parametrize("fields", [{"submission_id": f'"{uuid.uuid4()}"'}, {}])
def test_the_receipt_of_a_duplicate_shows_the_same(client, fields):
    first, again = get_receipt(client, **fields), get_receipt(client, **fields)
    assert remarks(look(client, receipts=[again])) == remarks(look(client, receipts=[first])) == ["很好"]


def test_the_receipt_of_a_deleted_rating_shows_an_empty_list(client):
    receipt = get_receipt(client)
    Grade.objects.all().delete()
    response = look(client, receipts=[receipt])
    assert (response.status_code, response.json()) == (200, HEAD | {"ratings": [], "more": False})


def test_at_most_a_hundred_ratings_are_shown(client, make_grade, settings):
    settings.WECHAT_APPID = "wx1"
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(100):
        make_grade(openid="o-ann", txt1=str(day), insert_time=start + timedelta(days=day))
    response = look(client, session=make_session("o-ann"))
    assert remarks(response) == [str(day) for day in reversed(range(100))]
    assert response.json()["more"] is False

    make_grade(openid="o-ann", txt1="100", insert_time=start + timedelta(days=100))
    response = look(client, session=make_session("o-ann"))
    assert remarks(response) == [str(day) for day in range(100, 0, -1)]
    assert response.json()["more"] is True


def test_a_receipt_expires_after_the_days_of_the_setting(client, settings):
    settings.RECEIPT_DAYS = 2
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        receipt = get_receipt(client)
        clock.shift(timedelta(days=2))
        assert remarks(look(client, receipts=[receipt])) == ["很好"]
        clock.shift(timedelta(seconds=1))
        assert_forbidden(look(client, receipts=[receipt]))


# --- Sessions -------------------------------------------------------------------------------------


def test_a_session_shows_only_this_persons_ratings_of_the_account(client, make_grade, settings):
    settings.WECHAT_APPID = "wx1"
    session = make_session("o-ann")
    get_receipt(client, session, txt1='"mine"')
    make_grade(acc_nbr="2", txt1="mine elsewhere", openid="o-ann")
    make_grade(txt1="a stranger's", openid="o-bob")
    make_grade(txt1="anonymous")
    assert remarks(look(client, session=session)) == ["mine"]
    assert remarks(look(client, "2", session=session)) == ["mine elsewhere"]


def test_the_receipt_of_a_rating_after_login_shows_that_rating(client, settings):
    settings.WECHAT_APPID = "wx1"
    get_receipt(client, make_session("o-ann"), txt1='"first"')
    receipt = get_receipt(client, make_session("o-ann"), txt1='"second"')
    assert remarks(look(client, receipts=[receipt])) == ["second"]


def test_session_and_receipts_together_show_each_rating_once(client, settings):
    settings.WECHAT_APPID = "wx1"
    session = make_session("o-ann")
    with time_machine.travel("2026-11-22T08:00:00+00:00"):
        anonymous = get_receipt(client, txt1='"before login"')
    receipt = get_receipt(client, session, txt1='"after"')
    assert remarks(look(client, receipts=[anonymous, receipt], session=session)) == ["after", "before login"]


def test_an_invalid_session_does_not_invalidate_a_receipt(client, settings):
    settings.WECHAT_APPID = "wx1"
    assert remarks(look(client, receipts=[get_receipt(client)], session="expired")) == ["很好"]


# --- Nothing tells whether a number exists --------------------------------------------------------


def invalid_receipts():
    rating = TIME, "f" * 32
    with time_machine.travel(timezone.now() - timedelta(days=365, seconds=2)):
        expired = make_receipt(NUMBER, *rating)
    good = make_receipt(NUMBER, *rating)
    return {
        "forged": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "cut": good[:-1],
        "of another content": make_receipt("1", *rating).split(":")[0] + ":" + good.split(":", 1)[1],
        "expired": expired,
        "of another account": make_receipt("13800138001", *rating),
        "of another SECRET_KEY": signing.dumps([NUMBER, 1, "f" * 32], key="another" * 8, salt="grades.receipt"),
        "signed for another purpose": signing.dumps([NUMBER, 1, "f" * 32], salt="another"),
        "of the account only": signing.dumps(NUMBER, salt="grades.receipt"),
        "of all anonymous ratings": signing.dumps([NUMBER, None], salt="grades.receipt"),
        "of all ratings of a person": signing.dumps([NUMBER, "o-ann"], salt="grades.receipt"),
        "of a rating's id": signing.dumps([NUMBER, 1], salt="grades.receipt"),
        "of no known form": signing.dumps({"acc_nbr": NUMBER}, salt="grades.receipt"),
        "not base64": "é:ü:ö",
        "empty": "",
        "only commas": ",,,",
        "thousands": "a:b:c," * 1200,
    }


@pytest.mark.parametrize("name", invalid_receipts())
def test_an_invalid_receipt_is_refused_without_a_query(client, make_grade, django_assert_num_queries, name):
    receipt = invalid_receipts()[name].encode().decode("latin1")
    make_grade(openid="o-ann")
    with django_assert_num_queries(0):
        refusal = look(client, receipts=[receipt])
    assert_forbidden(refusal)
    assert whole(refusal) == whole(look(client)) == whole(look(client, "1")) == whole(look(client, "1", [receipt]))


def test_a_session_is_refused_with_equal_work_for_any_number(client, make_grade, settings, django_assert_num_queries):
    settings.WECHAT_APPID = "wx1"
    make_grade(openid="o-bob")
    make_grade()
    with django_assert_num_queries(1) as queries:
        refusal = look(client, session=make_session("o-ann"))
        known = queries[0]["sql"]
    with django_assert_num_queries(1) as queries:
        other = look(client, "99", session=make_session("o-ann"))
        unknown = queries[0]["sql"]
    assert_forbidden(refusal)
    assert whole(refusal) == whole(other) == whole(look(client))
    assert known.replace(NUMBER, "99") == unknown


def invalid_sessions():
    with time_machine.travel(timezone.now() - timedelta(days=30, seconds=2)):
        expired = make_session("o-ann")
    return {
        "expired": expired,
        "forged": make_session("o-ann")[:-2] + "xx",
        "an openid": "o-ann",
        "a receipt": make_receipt(NUMBER, TIME, "f" * 32),
        "empty": "",
    }


@pytest.mark.parametrize("name", ["expired", "forged", "an openid", "a receipt", "empty"])
def test_an_invalid_session_is_refused_without_a_query(client, make_grade, settings, django_assert_num_queries, name):
    settings.WECHAT_APPID = "wx1"
    session = invalid_sessions()[name]
    make_grade(openid="o-ann")
    with django_assert_num_queries(0):
        refusal = client.get(f"/graderesult?phonenum={NUMBER}", headers=ENGLISH | bearer(session))
    assert_forbidden(refusal)
    assert whole(refusal) == whole(look(client, "99"))


def test_a_session_of_another_app_is_refused(client, make_grade, settings):
    """An openid belongs to one app."""
    make_grade(openid="o-ann")
    settings.WECHAT_APPID = "wx2"
    session = make_session("o-ann")
    assert remarks(look(client, session=session)) == ["服务态度很好"]
    settings.WECHAT_APPID = "wx1"
    assert_forbidden(look(client, session=session))


def test_a_session_is_refused_when_wechat_login_is_off(client, make_grade, settings):
    settings.WECHAT_APPID = "wx1"
    session = make_session("o-ann")
    make_grade(openid="o-ann")
    settings.WECHAT_APPID = ""
    assert_forbidden(look(client, session=session))
    assert_forbidden(look(client, session=signing.dumps("o-ann", salt="grades.wechat.session.")))


def test_an_openid_is_never_taken_from_a_request(client, make_grade, settings):
    settings.WECHAT_APPID = "wx1"
    make_grade(openid="o-ann")
    assert_forbidden(client.get(f"/graderesult?phonenum={NUMBER}&openid=o-ann&session=o-ann", headers=ENGLISH))
    body = raw_form(txt2='"x"') + "&openid=%22o-ann%22"
    assert_accepted(client.post("/score?openid=o-ann", body, content_type=FORM, headers={"openid": "o-ann"}))
    assert list(Grade.objects.order_by("id").values_list("openid", flat=True)) == ["o-ann", None]


def test_the_original_client_is_refused_with_json(client):
    assert_accepted(post(client, raw_form(), chartset="utf-8"))
    response = client.get(f"/graderesult?phonenum={NUMBER}", headers={"accept": "text/html"})
    assert (response.status_code, response["Content-Type"]) == (403, "application/json")
    assert set(response.json()) == {"error", "message"}
    assert list(Grade.objects.values(*ARTICLE)) == [ARTICLE]


# --- Bad input, faults and cost -------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "phonenum=",
        f"phonenum={NUMBER}&phonenum={NUMBER}",
        f"phonenum={'1' * 33}",
        f"phonenum={'1' * 7000}",
        "phonenum=138%000",
        "phonenum=%22138%22",
        "phonenum=138%0A",
        "phonenum=%EF%BC%91",
        "phonenum=%FF",
        f"Phonenum={NUMBER}",
    ],
)
def test_a_missing_repeated_or_malformed_number_is_refused(client, django_assert_num_queries, query):
    with django_assert_num_queries(0):
        response = client.get(f"/graderesult?{query}", headers=ENGLISH | {"accept": "text/html"})
    assert (response.status_code, response["Cache-Control"]) == (400, "no-store")
    assert response.json() == {
        "error": "phonenum", "message": "phonenum must be given once, and be an account number.",
    }  # fmt: skip


def test_a_query_of_thousands_of_fields_is_refused_with_json(client):
    response = client.get("/graderesult?" + "&".join(f"f{n}=1" for n in range(2000)))
    assert (response.status_code, response.json()) == (400, {"error": "request", "message": "bad request"})


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "head", "options"])
def test_other_methods_are_refused_with_json(client, method):
    response = getattr(client, method)(f"/graderesult?phonenum={NUMBER}")
    assert (response.status_code, response["Allow"], response["Content-Type"]) == (405, "GET", "application/json")
    if method != "head":
        assert response.json() == {"error": "method", "message": "only GET is allowed"}


def test_errors_below_its_path_are_json(client):
    for path in ("/graderesult/", "/graderesult/x"):
        response = client.get(path, headers={"accept": "text/html"})
        assert (response.status_code, response.json()) == (404, {"error": "not_found", "message": ""})


def test_an_unreachable_store_gets_503_with_retry_after(client, monkeypatch, caplog):
    def unreachable(*args):
        raise OperationalError(2002, f"Can't connect for {NUMBER}")

    receipt = get_receipt(client)
    monkeypatch.setattr(GradeQuerySet, "of_account", unreachable)
    response = look(client, receipts=[receipt])
    assert (response.status_code, response["Retry-After"], response["Cache-Control"]) == (503, "5", "no-store")
    assert response.json() == {
        "error": "store", "message": "The server cannot reach its data. Try again in a few seconds.",
    }  # fmt: skip
    assert NUMBER not in caplog.text


def test_a_server_error_gets_json_and_logs_no_number(client, monkeypatch, caplog):
    def faulty(*args):
        raise RuntimeError("no")

    receipt = get_receipt(client)
    monkeypatch.setattr(GradeQuerySet, "of_account", faulty)
    response = look(client, receipts=[receipt])
    assert response.status_code == 500
    assert response.json() == {"error": "server", "message": "Something went wrong on the server."}
    assert [record.getMessage() for record in caplog.records if record.name == "grades.api"] == ["a request failed"]
    assert NUMBER not in caplog.text


@pytest.mark.django_db(transaction=True)  # MySQL's ANALYZE commits
def test_a_result_takes_a_query_for_receipts_and_one_for_a_session(client, django_assert_num_queries, settings):
    """Its cost does not depend on ratings of other accounts or by other people: each is a range of an index."""
    settings.WECHAT_APPID = "wx1"
    rows = (ARTICLE | {"acc_nbr": f"{n % 200}", "openid": f"o-{n}" if n % 2 else None} for n in range(4000))
    Grade.objects.bulk_create(Grade(**row) for row in rows)
    receipt = get_receipt(client)
    get_receipt(client, make_session("o-ann"), txt1='"mine"')
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE grade" if connection.vendor == "mysql" else "ANALYZE")
    with django_assert_num_queries(1):
        assert remarks(look(client, receipts=[receipt])) == ["很好"]
    with django_assert_num_queries(2):
        response = look(client, receipts=[receipt], session=make_session("o-ann"))
    assert remarks(response) == ["mine", "很好"]

    by_receipt = Grade.objects.of_account("1").filter(insert_time__in=[TIME, timezone.now()]).explain()
    assert "grade_covering" in by_receipt or "grade_by_time" in by_receipt
    by_session = Grade.objects.of_account("1").filter(openid="o-201").newest_first()[:101].explain()
    assert "grade_by_openid" in by_session
