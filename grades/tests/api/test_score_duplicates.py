"""`POST /score` with a submission that came before: duplicates and conflicts."""

import json
import uuid
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from grades.models import Conflict, Grade, Repeat

from ..helpers.office import SHANGHAI
from ..helpers.submissions import (
    ARTICLE,
    CONFLICT,
    assert_accepted,
    assert_refused,
    parallel,
    post,
    rate,
    raw_form,
    session_of,
    stored,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=SHANGHAI)


# --- With an id -----------------------------------------------------------------------------------


def test_the_same_id_and_content_is_a_duplicate_at_any_time(client):
    body = raw_form(submission_id=f'"{uuid.uuid4()}"')
    assert_accepted(post(client, body))
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        again = post(client, body)
    assert_accepted(again)
    assert again["X-Grade-Receipt"]
    assert stored() == [ARTICLE]


@pytest.mark.parametrize("change", [{"grade1": "1"}, {"txt3": '"x"'}, {"acc_nbr": '"2"'}])
def test_the_same_id_with_other_content_is_a_conflict(client, change):
    submission_id = f'"{uuid.uuid4()}"'
    assert_accepted(post(client, raw_form(submission_id=submission_id)))
    response = post(client, raw_form(submission_id=submission_id, **change))
    assert_refused(response, 409, CONFLICT)
    assert stored() == [ARTICLE]


def test_an_id_in_other_spellings_is_the_same_id(client):
    submission_id = uuid.uuid4()
    assert_accepted(post(client, raw_form(submission_id=f'"{submission_id}"')))
    assert_accepted(post(client, raw_form(submission_id=f'"{str(submission_id).upper()}"')))
    assert_accepted(post(client, raw_form(submission_id=submission_id.hex)))
    assert list(Grade.objects.values_list("submission_id", flat=True)) == [submission_id]


@pytest.mark.parametrize("submission_id", ["f" * 32, "0" * 32, "ccff205956cfe0f443c3d246222ae232"])
def test_an_id_needs_no_uuid_version_bits(client, submission_id):
    for _ in range(2):
        assert_accepted(post(client, raw_form(submission_id=f'"{submission_id}"')))
    assert list(Grade.objects.values_list("submission_id", flat=True)) == [uuid.UUID(submission_id)]


def test_equal_content_with_different_ids_is_two_ratings(client):
    for _ in range(2):
        assert_accepted(post(client, raw_form(submission_id=f'"{uuid.uuid4()}"')))
    assert stored() == [ARTICLE, ARTICLE]


# --- Without an id --------------------------------------------------------------------------------


def test_equal_content_without_an_id_is_a_duplicate_within_the_window(client):
    with time_machine.travel("2026-11-22T08:00:00+00:00", tick=False) as clock:
        assert_accepted(post(client, raw_form()))
        clock.shift(timedelta(seconds=9.999999))
        again = post(client, raw_form())
        assert_accepted(again)
        assert again["X-Grade-Receipt"]
        assert stored() == [ARTICLE]

        clock.shift(timedelta(microseconds=1))
        assert_accepted(post(client, raw_form()))
        assert stored() == [ARTICLE, ARTICLE]

        clock.shift(timedelta(seconds=9))
        assert_accepted(post(client, raw_form()))
        assert stored() == [ARTICLE, ARTICLE]


@pytest.mark.parametrize("change", [{"grade3": "1"}, {"txt2": '"x"'}, {"acc_nbr": '"13800138001"'}])
def test_other_content_without_an_id_is_another_rating(client, change):
    assert_accepted(post(client, raw_form()))
    assert_accepted(post(client, raw_form(**change)))
    assert Grade.objects.count() == 2


def test_a_window_of_zero_stores_every_submission(client, settings):
    settings.DEDUPE_WINDOW = 0
    for _ in range(3):
        assert_accepted(post(client, raw_form()))
    assert stored() == [ARTICLE] * 3


def test_equal_ratings_outside_the_window_are_not_duplicates(client):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            assert_accepted(post(client, raw_form()))
            clock.shift(10)
    assert stored() == [ARTICLE] * 3
    assert not Repeat.objects.exists()


def test_a_duplicate_of_a_deleted_rating_is_stored_again(client):
    post(client, raw_form())
    Grade.objects.all().delete()
    assert_accepted(post(client, raw_form()))
    assert stored() == [ARTICLE]


# --- What is recorded -----------------------------------------------------------------------------


def recorded():
    """Every conflict: its content, its person, the stored rating, and the rating as which it was kept."""
    names = (*Conflict.CONTENT, "openid", "grade", "kept_as")
    return list(Conflict.objects.order_by("pk").values(*names))


@pytest.mark.parametrize("with_id", [True, False])
def test_a_duplicate_is_counted_with_its_time(client, with_id):
    body = raw_form(**({"submission_id": f'"{uuid.uuid4()}"'} if with_id else {}))
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            assert_accepted(post(client, body))
            clock.shift(3)
    times = list(Repeat.objects.order_by("pk").values_list("grade", "repeated_at"))
    grade = Grade.objects.get()
    assert times == [(grade.pk, NOW + timedelta(seconds=3)), (grade.pk, NOW + timedelta(seconds=6))]
    assert not Conflict.objects.exists()


def test_a_conflict_is_recorded_with_its_content_and_the_stored_rating(client):
    submission_id = f'"{uuid.uuid4()}"'
    assert_accepted(post(client, raw_form(submission_id=submission_id)))
    other = {"acc_nbr": "13900139000", "grade1": 1, "grade2": 2, "grade3": 1, "txt1": "😡", "txt2": "a", "txt3": "b\nc"}
    with time_machine.travel(NOW, tick=False):
        assert_refused(
            post(
                client,
                raw_form(submission_id=submission_id, **{name: json.dumps(value) for name, value in other.items()}),
            ),
            409,
            CONFLICT,
        )
    assert stored() == [ARTICLE]
    assert recorded() == [{**other, "openid": None, "grade": Grade.objects.get().pk, "kept_as": None}]
    assert Conflict.objects.get().received_at == NOW
    assert not Repeat.objects.exists()


def test_equal_conflicts_are_one_record(client):
    submission_id = f'"{uuid.uuid4()}"'
    post(client, raw_form(submission_id=submission_id))
    for grade in ("1", "1", "2", "1", "2"):
        assert_refused(post(client, raw_form(submission_id=submission_id, grade1=grade)), 409, CONFLICT)
    assert [conflict["grade1"] for conflict in recorded()] == [1, 2]
    assert stored() == [ARTICLE]


def test_equal_content_with_two_ids_conflicts_with_each(client):
    ids = [f'"{uuid.uuid4()}"' for _ in range(2)]
    for submission_id in ids:
        post(client, raw_form(submission_id=submission_id))
        assert_refused(post(client, raw_form(submission_id=submission_id, grade1="1")), 409, CONFLICT)
    assert [conflict["grade"] for conflict in recorded()] == list(
        Grade.objects.order_by("pk").values_list("pk", flat=True)
    )


def test_an_id_from_another_person_is_a_conflict_of_that_person(client, wechat):
    submission_id = f'"{uuid.uuid4()}"'
    one, other = session_of(client, "code-ann"), session_of(client, "code-bob")
    assert_accepted(rate(client, one, submission_id=submission_id))
    for _ in range(2):
        assert_refused(rate(client, other, submission_id=submission_id), 409, CONFLICT)
    grade, conflict = Grade.objects.get(), Conflict.objects.get()
    assert recorded() == [{**ARTICLE, "openid": "o-bob", "grade": grade.pk, "kept_as": None}]
    assert grade.openid == "o-ann"
    assert (conflict.differences, conflict.is_by_another_person) == ([], True)


# --- In parallel ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_id", [True, False])
def test_parallel_copies_of_one_submission_are_one_row(with_id):
    body = raw_form(**({"submission_id": f'"{uuid.uuid4()}"'} if with_id else {}))
    for response in parallel(8, lambda _: post(Client(), body), range(32)):
        assert_accepted(response)
    assert stored() == [ARTICLE]


@pytest.mark.django_db(transaction=True)
def test_parallel_duplicates_are_counted_and_conflicts_recorded_once():
    submission_id = f'"{uuid.uuid4()}"'
    bodies = [raw_form(submission_id=submission_id), raw_form(submission_id=submission_id, grade1="1")]
    post(Client(), bodies[0])
    assert parallel(8, lambda _: [post(Client(), body).status_code for body in bodies], range(8)) == [[200, 409]] * 8
    assert (Grade.objects.count(), Repeat.objects.count(), Conflict.objects.count()) == (1, 8, 1)
