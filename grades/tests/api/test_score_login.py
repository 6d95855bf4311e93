"""`POST /score` after WeChat login, and the limit of one rating per dispatch."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.test import Client

from grades.models import Grade
from grades.tokens import session_salt

from ..helpers.submissions import (
    ARTICLE,
    CONFLICT,
    assert_accepted,
    assert_refused,
    look,
    parallel,
    post,
    rate,
    raw_form,
    remarks,
    session_of,
    stored,
)

pytestmark = pytest.mark.django_db


def test_a_rating_has_the_openid_of_its_session_or_none(client, wechat):
    assert_accepted(rate(client, session_of(client, "code-ann")))
    assert_accepted(post(client, raw_form(txt2='"anonymous"')))
    assert list(Grade.objects.order_by("id").values_list("openid", "txt2")) == [("o-ann", ""), (None, "anonymous")]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_accepted_in_any_case(client, wechat, scheme):
    session = session_of(client, "code-ann")
    assert_accepted(post(client, raw_form(), authorization=f"{scheme} {session}"))
    assert Grade.objects.get().openid == "o-ann"


def assert_login_refused(response, error):
    assert_refused(response, 401, error)
    assert response["WWW-Authenticate"] == "Bearer"
    assert stored() == []


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("session", ["", "x", "o-ann", '"o-ann"', "é"])
def test_an_invalid_session_is_refused_and_not_taken_as_anonymous(client, wechat, settings, required, session):
    settings.REQUIRE_WECHAT_LOGIN = required
    assert_login_refused(rate(client, session), "login: expired or invalid")


def test_an_expired_session_is_refused(client, wechat):
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        session = session_of(client, "code-ann")
        clock.shift(timedelta(days=30, seconds=1))
        assert_login_refused(rate(client, session), "login: expired or invalid")


def test_a_session_of_another_app_or_key_is_refused(client, wechat, settings):
    ours, settings.WECHAT_APPID = settings.WECHAT_APPID, "wx-other"
    of_another_app, settings.WECHAT_APPID = session_of(client, "code-ann"), ours
    for other in (
        of_another_app,
        signing.dumps("o-ann", salt=session_salt(), key="another" * 8),
        signing.dumps("o-ann"),
    ):
        assert_login_refused(rate(client, other), "login: expired or invalid")


def test_an_anonymous_rating_is_refused_where_login_is_required(client, wechat, settings):
    settings.REQUIRE_WECHAT_LOGIN = True
    assert_login_refused(post(client, raw_form()), "login: required")
    assert_login_refused(post(client, raw_form(), authorization="Basic b2Zhbm46eA=="), "login: required")
    assert_accepted(rate(client, session_of(client, "code-ann")))
    assert stored() == [ARTICLE]


def test_without_wechat_login_the_header_is_ignored(client):
    """A client with an old session could not log in again."""
    assert_accepted(rate(client, "whatever"))
    assert Grade.objects.get().openid is None


def test_equal_content_from_two_people_is_two_ratings(client, wechat):
    ann, bob = session_of(client, "code-ann"), session_of(client, "code-bob")
    for session in (ann, bob, ann, bob):
        assert_accepted(rate(client, session))
    assert_accepted(post(client, raw_form()))
    assert list(Grade.objects.order_by("id").values_list("openid", flat=True)) == ["o-ann", "o-bob", None]


def test_a_submission_sent_again_after_login_is_a_duplicate(client, wechat):
    body = {"submission_id": f'"{uuid.uuid4()}"'}
    assert_accepted(post(client, raw_form(**body)))
    again = rate(client, session_of(client, "code-ann"), **body)
    assert_accepted(again)
    assert list(Grade.objects.values_list("openid", flat=True)) == [None]
    assert remarks(look(client, receipts=[again["X-Grade-Receipt"]])) == ["很好"]


def test_an_anonymous_duplicate_gets_a_receipt_for_that_rating_only(client, wechat):
    body = {"submission_id": f'"{uuid.uuid4()}"', "txt1": '"this"'}
    ann = session_of(client, "code-ann")
    rate(client, ann, **body)
    rate(client, ann, txt1='"that"')
    again = post(client, raw_form(**body))
    assert_accepted(again)
    assert remarks(look(client, receipts=[again["X-Grade-Receipt"]])) == ["this"]


def test_a_submission_id_of_another_person_is_a_conflict(client, wechat):
    body = {"submission_id": f'"{uuid.uuid4()}"'}
    assert_accepted(rate(client, session_of(client, "code-ann"), **body))
    response = rate(client, session_of(client, "code-bob"), **body)
    assert_refused(response, 409, CONFLICT)
    assert Grade.objects.get().openid == "o-ann"


def test_a_rating_with_a_session_costs_one_insert(client, wechat, django_assert_num_queries):
    session = session_of(client, "code-ann")
    with django_assert_num_queries(1) as queries:
        assert_accepted(rate(client, session))
    assert queries[0]["sql"].startswith("INSERT INTO grade ")


# --- One rating per dispatch ----------------------------------------------------------------------


RATED = "acc_nbr: this dispatch is already rated"


@pytest.fixture
def once_per_dispatch(wechat, settings):
    settings.ONE_RATING_PER_DISPATCH = True


def test_a_person_rates_a_dispatch_once(client, once_per_dispatch, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    assert_refused(rate(client, ann, grade1="1"), 409, RATED)
    assert_refused(rate(client, session_of(client, "code-ann.2"), grade1="2"), 409, RATED)
    assert stored() == [ARTICLE]


def test_other_people_other_numbers_and_the_next_dispatch_can_be_rated(client, once_per_dispatch, make_account):
    make_account()
    make_account(acc_nbr="2", acct_id="A2")
    ann = session_of(client, "code-ann")
    for session, fields in [
        (ann, {}),
        (session_of(client, "code-bob"), {}),
        (ann, {"acc_nbr": '"2"'}),
    ]:
        assert_accepted(rate(client, session, **fields))
    assert_refused(rate(client, ann, grade1="1"), 409, RATED)
    make_account(dispatched_on="2026-11-02")
    assert_accepted(rate(client, ann, grade1="1"))
    assert_refused(rate(client, ann, grade1="2"), 409, RATED)
    assert Grade.objects.count() == 4


def test_the_newest_dispatch_counts_in_any_order_of_import(client, once_per_dispatch, make_account):
    make_account(dispatched_on="2026-11-02")
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    make_account(dispatched_on="2026-11-01")
    assert_refused(rate(client, ann, grade1="1"), 409, RATED)


def test_a_dispatch_imported_again_is_the_same_dispatch(client, once_per_dispatch, make_account):
    dispatch = make_account()
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    dispatch.delete()
    make_account(customer_name="another spelling")
    assert_refused(rate(client, ann, grade1="1"), 409, RATED)


def test_numbers_not_dispatched_and_anonymous_ratings_are_not_limited(client, once_per_dispatch, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    for grade in "123":
        assert_accepted(rate(client, ann, acc_nbr='"2"', grade1=grade))
        assert_accepted(post(client, raw_form(grade1=grade)))
    assert Grade.objects.count() == 6


def test_without_the_setting_a_person_rates_a_dispatch_often(client, wechat, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    for grade in "123":
        assert_accepted(rate(client, ann, grade1=grade))
    assert Grade.objects.count() == 3


def test_a_duplicate_is_a_success_and_not_a_second_rating(client, once_per_dispatch, make_account):
    make_account()
    make_account(acc_nbr="2", acct_id="A2")
    ann = session_of(client, "code-ann")
    with_id = {"submission_id": f'"{uuid.uuid4()}"'}
    for fields in ({"acc_nbr": '"2"'}, with_id):
        with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
            assert_accepted(rate(client, ann, **fields))
            clock.shift(timedelta(seconds=9))
            assert_accepted(rate(client, ann, **fields))
    assert Grade.objects.count() == 2


def test_equal_content_after_the_window_is_refused_as_a_second_rating(client, once_per_dispatch, make_account):
    make_account()
    ann = session_of(client, "code-ann")
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        assert_accepted(rate(client, ann))
        before = Grade.objects.values().get()
        clock.shift(timedelta(seconds=10))
        assert_refused(rate(client, ann), 409, RATED)
    assert Grade.objects.values().get() == before


def test_with_a_window_of_zero_the_dispatch_still_counts(client, once_per_dispatch, make_account, settings):
    settings.DEDUPE_WINDOW = 0
    make_account()
    ann = session_of(client, "code-ann")
    assert_accepted(rate(client, ann))
    assert_refused(rate(client, ann), 409, RATED)
    assert stored() == [ARTICLE]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_id", [True, False])
def test_one_of_many_parallel_ratings_of_a_dispatch_is_stored(once_per_dispatch, make_account, with_id):
    make_account()
    session = session_of(Client(), "code-ann")

    def submit(number):
        fields = {"submission_id": f'"{uuid.uuid4()}"'} if with_id else {"txt2": f'"{number}"'}
        return rate(Client(), session, **fields)

    responses = parallel(16, submit, range(32))
    (accepted,) = (response for response in responses if response.status_code == 200)
    assert_accepted(accepted)
    for response in responses:
        if response is not accepted:
            assert_refused(response, 409, RATED)
    assert list(Grade.objects.values_list("openid", flat=True)) == ["o-ann"]


@pytest.mark.django_db(transaction=True)
def test_parallel_copies_and_rivals_each_get_their_own_answer(once_per_dispatch, make_account):
    """Sixteen copies of one submission succeed together or are refused together; sixteen others never double it."""
    make_account()
    session = session_of(Client(), "code-ann")
    copied = f'"{uuid.uuid4()}"'

    def submit(number):
        submission_id = f'"{uuid.uuid4()}"' if number % 2 else copied
        return rate(Client(), session, submission_id=submission_id, txt2=f'"{number % 2 and number}"')

    responses = parallel(16, submit, range(32))
    won = Grade.objects.get().submission_id == uuid.UUID(copied[1:-1])
    assert [response.status_code for response in responses[::2]] == [200 if won else 409] * 16
    assert sum(response.status_code == 200 for response in responses[1::2]) == (not won)
