"""The digests that identify equal ratings."""

import pytest
from django.utils import timezone

from grades.models import Account, Grade
from grades.submissions.keys import content_digest, make_content_key, make_dispatch_key
from grades.submissions.store import NewRating

from ..helpers.submissions import ARTICLE, NUMBER


def row(openid=None, **changes):
    return NewRating(**ARTICLE | changes, openid=openid, insert_time=timezone.now())


# --- The content key ------------------------------------------------------------------------------


def test_the_digest_is_the_same_in_every_release():
    """Stored rows have it: another algorithm would make a duplicate a new rating."""
    assert content_digest(row()) == "cc142c7b943260d4bedcdfd4559da021"
    assert content_digest(row("o-ann")) == "871fe5474d6e30927698f9762375d833"


@pytest.mark.parametrize(
    "change",
    [{"acc_nbr": "1"}, {"grade1": 1}, {"grade2": 1}, {"grade3": 1}, {"txt1": ""}, {"txt2": "x"}, {"txt3": "x"}],
    ids=lambda change: next(iter(change)),
)
def test_each_field_changes_the_digest(change):
    assert content_digest(row(**change)) != content_digest(row())


def test_text_moved_between_fields_changes_the_digest():
    assert content_digest(row(txt2="a", txt3="")) != content_digest(row(txt2="", txt3="a"))
    assert content_digest(row(txt2="a b", txt3="")) != content_digest(row(txt2="a", txt3="b"))


def test_a_person_changes_the_digest():
    assert len({content_digest(row(openid)) for openid in (None, "o-ann", "o-bob")}) == 3


def test_a_stored_rating_has_the_digest_of_its_row():
    assert content_digest(Grade(**ARTICLE, openid="o-ann")) == content_digest(row("o-ann"))


def test_the_content_key_is_the_digest_within_a_window(settings):
    assert make_content_key(row()) == content_digest(row())
    settings.DEDUPE_WINDOW = 0
    keys = {make_content_key(row()) for _ in range(3)}
    assert (len(keys), {len(key) for key in keys}) == (3, {32})
    assert content_digest(row()) not in keys


# --- The dispatch key -----------------------------------------------------------------------------


@pytest.fixture
def once_per_dispatch(settings, db):
    settings.ONE_RATING_PER_DISPATCH = True


def test_without_a_limit_or_a_person_it_needs_no_query(settings, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert make_dispatch_key(NUMBER, "o-ann") is None
        settings.ONE_RATING_PER_DISPATCH = True
        assert make_dispatch_key(NUMBER, None) is None


def test_a_number_that_is_not_dispatched_has_no_key(once_per_dispatch):
    assert make_dispatch_key(NUMBER, "o-ann") is None


def test_the_key_is_of_the_person_and_the_newest_dispatch(once_per_dispatch, make_account):
    make_account()
    first = make_dispatch_key(NUMBER, "o-ann")
    assert first == make_dispatch_key(NUMBER, "o-ann") != make_dispatch_key(NUMBER, "o-bob")
    make_account(dispatched_on="2026-10-01")
    assert make_dispatch_key(NUMBER, "o-ann") == first
    make_account(dispatched_on="2026-12-01")
    assert make_dispatch_key(NUMBER, "o-ann") != first


def test_a_dispatch_imported_again_has_the_same_key(once_per_dispatch, make_account):
    make_account()
    key = make_dispatch_key(NUMBER, "o-ann")
    Account.objects.all().delete()
    make_account(customer_name="another spelling")
    assert make_dispatch_key(NUMBER, "o-ann") == key
