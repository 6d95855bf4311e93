"""Each rating is stored exactly once: collisions, lost answers, and many submissions at once."""

import random
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from grades.limits import counters_of
from grades.models import Conflict, Grade, RateCounter, Repeat
from grades.submissions import store
from grades.submissions.decode import decode_body
from grades.submissions.store import AlreadyRated, LimitExceeded, SubmissionConflict, submit
from grades.submissions.validate import validate

from ..helpers.submissions import ARTICLE, CONTENT, corpus, parallel, stored

pytestmark = pytest.mark.django_db

EXPIRED = timedelta(seconds=11)  # the window has ten
OTHER = ARTICLE | {"txt3": "不对"}


def store_expired(**columns):
    """A rating whose window has passed."""
    submit(**ARTICLE, **columns)
    Grade.objects.update(insert_time=timezone.now() - EXPIRED)
    return Grade.objects.get()


@pytest.mark.parametrize("case", [case for case in corpus() if case.values[0]["row"]])
def test_the_insert_statement_stores_what_the_orm_stores(case):
    fields = validate(decode_body(case["content_type"].partition(";")[0].lower(), case["body"].encode()))
    submit(**fields)
    row = Grade.objects.values().get()
    Grade.objects.all().delete()
    Grade.objects.create(insert_time=row["insert_time"], content_key=row["content_key"], **fields)
    assert Grade.objects.values().get() | {"id": row["id"]} == row


def test_a_rating_has_the_time_of_its_submission():
    with time_machine.travel("2026-11-22T08:00:00.123456+00:00", tick=False):
        submit(**ARTICLE)
        assert Grade.objects.get().insert_time == timezone.now()


# --- Duplicates and conflicts ---------------------------------------------------------------------


@pytest.mark.parametrize("submission_id", [None, uuid.uuid4()])
def test_a_duplicate_adds_no_rating_and_is_counted(submission_id):
    answers = [submit(submission_id=submission_id, **ARTICLE) for _ in range(3)]
    assert [answer.is_new for answer in answers] == [True, False, False]
    assert len({answer.insert_time for answer in answers}) == 1
    assert stored() == [ARTICLE]
    assert list(Repeat.objects.values_list("grade", flat=True)) == [Grade.objects.get().pk] * 2


def test_a_conflict_is_recorded_once_and_the_stored_rating_stays():
    submission_id, other = uuid.uuid4(), ARTICLE | {"grade1": 1, "txt3": "不对👎"}
    submit(submission_id=submission_id, **ARTICLE)
    for _ in range(2):
        with pytest.raises(SubmissionConflict):
            submit(submission_id=submission_id, openid="o-ann", **other)
    conflict = Conflict.objects.get()
    assert {name: getattr(conflict, name) for name in CONTENT} == other
    assert (conflict.openid, conflict.grade, conflict.kept_as) == ("o-ann", Grade.objects.get(), None)
    assert abs(conflict.received_at - timezone.now()) < timedelta(minutes=1)
    assert (stored(), Repeat.objects.count()) == ([ARTICLE], 0)


@pytest.fixture
def deleted_in_between(monkeypatch):
    """Staff delete the stored rating right after the collision has found it."""
    handle_duplicate = store.handle_duplicate

    def delete_and_handle(rating, row):
        Grade.objects.filter(pk=rating.pk).delete()
        return handle_duplicate(rating, row)

    monkeypatch.setattr(store, "handle_duplicate", delete_and_handle)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("submission_id", [None, uuid.uuid4()])
@pytest.mark.parametrize("change", [{}, {"txt3": "不对"}])
def test_a_duplicate_or_conflict_of_a_rating_deleted_meanwhile_is_stored(deleted_in_between, submission_id, change):
    submit(submission_id=submission_id, **ARTICLE)
    assert submit(submission_id=submission_id, **ARTICLE | change).is_new is True
    assert stored()[-1] == ARTICLE | change
    assert (Repeat.objects.count(), Conflict.objects.count()) == (0, 0)


# --- The attempts ---------------------------------------------------------------------------------


@pytest.fixture
def refuse(monkeypatch):
    """Let the unique indexes refuse the next inserts for no reason; returns the number of inserts."""
    insert_rows, inserts = store.insert_rows, []

    def refuse(times):
        def insert_or_refuse(rows):
            inserts.append(rows)
            if len(inserts) <= times:
                raise IntegrityError(1062, "Duplicate entry")
            insert_rows(rows)

        monkeypatch.setattr(store, "insert_rows", insert_or_refuse)
        return inserts

    return refuse


def test_an_insert_refused_without_a_stored_rating_is_tried_again(refuse):
    """The other row was deleted in between: the submission must not be lost."""
    inserts = refuse(store.INSERT_ATTEMPTS - 1)
    assert submit(**ARTICLE).is_new is True
    assert (stored(), len(inserts)) == ([ARTICLE], store.INSERT_ATTEMPTS)


def test_a_refusal_without_an_explanation_is_raised_in_the_end(refuse):
    inserts = refuse(store.INSERT_ATTEMPTS)
    with pytest.raises(IntegrityError):
        submit(**ARTICLE)
    assert (stored(), len(inserts)) == ([], store.INSERT_ATTEMPTS)


@pytest.mark.django_db(transaction=True)
def test_the_same_row_is_inserted_in_each_attempt(monkeypatch):
    """The time and the key identify a row whose commit was not confirmed; another id or key would double it."""
    insert_rows, rows = store.insert_rows, []

    def refuse_once(batch):
        rows.append([(row.insert_time, row.content_key) for row in batch])
        if len(rows) == 1:
            raise IntegrityError(1062, "Duplicate entry")
        insert_rows(batch)

    monkeypatch.setattr(store.group_commit, "insert_rows", refuse_once)
    assert submit(**ARTICLE).is_new is True
    assert rows[0] == rows[1]
    assert (stored(), len(rows)) == ([ARTICLE], 2)


def test_within_a_transaction_a_rating_is_rolled_back_with_it(monkeypatch):
    """Group commit could insert the row by the connection of another thread, outside of the transaction."""
    monkeypatch.delattr(store.GroupCommit, "insert")
    with transaction.atomic():
        assert submit(**ARTICLE).is_new is True
        transaction.set_rollback(True)
    assert stored() == []


# --- After the window -----------------------------------------------------------------------------


def test_after_the_window_the_new_rating_takes_the_key():
    expired = store_expired()
    assert submit(**ARTICLE).is_new is True
    expired.refresh_from_db()
    newest = Grade.objects.latest("id")
    assert (expired.content_key, newest.content_key is None) == (None, False)
    assert (stored(), Repeat.objects.count()) == ([ARTICLE] * 2, 0)


def test_replacing_fails_when_another_row_took_the_key():
    expired = store_expired()
    assert submit(**ARTICLE).is_new is True
    holder = Grade.objects.latest("id")
    row = store.NewRating(**ARTICLE, openid=None, insert_time=timezone.now(), content_key=holder.content_key.hex)
    assert store.replace_expired(expired, row) is None
    assert stored() == [ARTICLE] * 2


def test_losing_the_key_to_another_row_makes_a_duplicate(monkeypatch):
    """A rival takes the key between the look and the update; the loop ends as a duplicate of the rival."""
    store_expired()
    replace_expired = store.replace_expired
    results = []

    def lose_to_a_rival(expired, row):
        monkeypatch.setattr(store, "replace_expired", replace_expired)
        assert submit(**ARTICLE).is_new is True
        results.append(replace_expired(expired, row))
        return results[-1]

    monkeypatch.setattr(store, "replace_expired", lose_to_a_rival)
    assert submit(**ARTICLE).is_new is False
    assert (results, stored()) == ([None], [ARTICLE] * 2)
    assert Repeat.objects.get().grade == Grade.objects.latest("id")


@pytest.mark.django_db(transaction=True)
def test_many_submissions_after_the_window_are_one_new_rating():
    store_expired()
    answers = parallel(8, lambda _: submit(**ARTICLE).is_new, range(16))
    assert (answers.count(True), answers.count(False)) == (1, 15)
    assert (stored(), Repeat.objects.count()) == ([ARTICLE] * 2, 15)


def test_after_the_window_a_second_rating_of_a_dispatch_is_refused(make_account, settings):
    settings.ONE_RATING_PER_DISPATCH = True
    make_account()
    store_expired(openid="o-ann")
    before = Grade.objects.values().get()
    with pytest.raises(AlreadyRated):
        submit(openid="o-ann", **ARTICLE)
    assert Grade.objects.values().get() == before


def test_the_database_allows_one_rating_per_dispatch_key(make_account, settings):
    settings.ONE_RATING_PER_DISPATCH = True
    make_account()
    submit(openid="o-ann", **ARTICLE)
    key = Grade.objects.get().dispatch_key
    with pytest.raises(IntegrityError), transaction.atomic():
        Grade.objects.create(openid="o-ann", dispatch_key=key, **ARTICLE | {"grade1": 1})
    assert Grade.objects.count() == 1


# --- An answer that is lost -----------------------------------------------------------------------


@pytest.fixture
def answer_lost(monkeypatch):
    """The first INSERT is committed, but the connection breaks before the answer arrives."""
    insert_rows, losses = store.insert_rows, [OperationalError(2013, "Lost connection to server during query")]

    def insert_and_lose(rows):
        insert_rows(rows)
        if losses:
            raise losses.pop()

    monkeypatch.setattr(store.group_commit, "insert_rows", insert_and_lose)
    return losses


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("window", [10, 0])
@pytest.mark.parametrize("submission_id", [None, uuid.uuid4()])
def test_a_row_committed_without_an_answer_is_not_a_duplicate(answer_lost, submission_id, window, settings):
    settings.DEDUPE_WINDOW = window
    assert submit(submission_id=submission_id, **ARTICLE).is_new is True
    assert (stored(), Repeat.objects.count(), answer_lost) == ([ARTICLE], 0, [])


@pytest.mark.django_db(transaction=True)
def test_a_dispatch_rating_committed_without_an_answer_is_not_a_second(answer_lost, make_account, settings):
    settings.ONE_RATING_PER_DISPATCH = True
    make_account()
    assert submit(openid="o-ann", **ARTICLE).is_new is True
    with pytest.raises(AlreadyRated):
        submit(openid="o-ann", **ARTICLE | {"grade1": 1})
    assert (stored(), answer_lost) == ([ARTICLE], [])


@pytest.mark.django_db(transaction=True)
def test_a_row_committed_without_an_answer_is_counted_once(answer_lost, settings):
    settings.RATE_LIMIT_ACCOUNT, settings.REDIS_URL = "1/3600", ""
    assert submit(limited=counters_of(ARTICLE["acc_nbr"], {}), **ARTICLE).is_new is True
    assert (stored(), answer_lost) == ([ARTICLE], [])
    assert [counter.hits for counter in RateCounter.objects.all()] == [1]


# --- Rate limits ----------------------------------------------------------------------------------


def test_the_rows_of_a_batch_that_exceed_a_limit_are_left_out_of_it(settings):
    settings.RATE_LIMIT_ACCOUNT, settings.REDIS_URL = "2/3600", ""
    numbers = enumerate(["1", "1", "2", "1", "2"])
    contents = [ARTICLE | {"txt1": str(position), "acc_nbr": number} for position, number in numbers]
    rows = [store.make_row(None, None, content) for content in contents]
    for row in rows:
        row.limited = counters_of(row.acc_nbr, {})
    store.insert_rows(rows)
    assert [bool(row.limited.excess) for row in rows] == [False, False, False, True, False]
    del contents[3]
    assert stored() == contents


def test_a_submission_beyond_a_limit_is_not_stored(settings):
    settings.RATE_LIMIT_ACCOUNT, settings.REDIS_URL = "1/3600", ""
    submit(limited=counters_of(ARTICLE["acc_nbr"], {}), **ARTICLE)
    with pytest.raises(LimitExceeded) as exceeded:
        submit(limited=counters_of(ARTICLE["acc_nbr"], {}), **ARTICLE | {"grade1": 1})
    assert exceeded.value.excess.subject == "account"
    assert stored() == [ARTICLE]


# --- Many at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_submissions_with_duplicates_among_them_are_each_stored_once():
    contents = [ARTICLE | {"txt2": f"{number}👍"} for number in range(40)]
    copies = [(uuid.uuid4() if number < 20 else None, content) for number, content in enumerate(contents)] * 4
    random.Random(4).shuffle(copies)
    answers = parallel(16, lambda copy: submit(submission_id=copy[0], **copy[1]).is_new, copies)
    assert sorted(row["txt2"] for row in stored()) == sorted(content["txt2"] for content in contents)
    assert (answers.count(True), answers.count(False)) == (40, 120)
    assert Repeat.objects.count() == 120
