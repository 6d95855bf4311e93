"""limits/in_database.py: a batch is counted by one statement, and its rows are deleted after their window."""

import time

import pytest
import time_machine
from django.db import connection

from grades.jobs import run_next
from grades.limits import count_batch
from grades.limits.counters import Counter, Excess, Submission
from grades.models import RateCounter

from ..helpers.limits import count_submission

pytestmark = pytest.mark.django_db

ACCOUNT, OTHER_ACCOUNT = Counter("account", "a" * 32, 2, 60), Counter("account", "b" * 32, 2, 60)
ADDRESS = Counter("address", "c" * 32, 3, 60)


def rows():
    return {key.hex[0]: hits for key, hits in RateCounter.objects.values_list("counter", "hits")}


def test_a_batch_is_accepted_in_its_order_up_to_each_limit():
    batch = [Submission([account, ADDRESS]) for account in (ACCOUNT, ACCOUNT, ACCOUNT, OTHER_ACCOUNT, OTHER_ACCOUNT)]
    with time_machine.travel(1_800_000_000, tick=False):
        count_batch(batch)
    assert [submission.excess for submission in batch] == [
        None, None, Excess("account", 61), None, Excess("address", 61),
    ]  # fmt: skip
    # A full counter stays as it is. Of the others, a refused submission is taken back.
    assert rows()["b"] == 1


def test_a_refused_submission_is_taken_back_from_its_other_counter():
    for _ in range(4):
        count_batch([Submission([ACCOUNT, ADDRESS])])
    assert rows()["c"] == 2


def test_one_statement_counts_a_batch(django_assert_num_queries, settings):
    batch = [Submission([ACCOUNT, ADDRESS]), Submission([OTHER_ACCOUNT, ADDRESS])]
    # The INSERT; on MySQL also a savepoint (in production BEGIN), a SELECT, and its release.
    with django_assert_num_queries(1 if connection.features.can_return_rows_from_bulk_insert else 4):
        count_batch(batch)
    assert rows() == {"a": 1, "b": 1, "c": 2}


def test_the_worker_of_the_jobs_deletes_counters_after_their_window(settings, jobs_folder):
    settings.RATE_LIMIT_ACCOUNT = "5/60"
    count_submission("1", {})
    run_next()
    assert RateCounter.objects.count() == 1
    with time_machine.travel(time.time() + 62):
        count_submission("2", {})
        run_next()
    assert [row.hits for row in RateCounter.objects.all()] == [1]
    assert RateCounter.objects.get().ends_at > time.time() + 100


def test_many_ended_counters_are_deleted_in_parts(monkeypatch, django_assert_max_num_queries):
    from grades.models import limits

    monkeypatch.setattr(limits, "DELETED", 10)
    RateCounter.objects.bulk_create(RateCounter(counter=f"{n:032x}", hits=1, ends_at=1) for n in range(25))
    with django_assert_max_num_queries(7):  # three parts, each a SELECT and a DELETE, and the last SELECT
        RateCounter.objects.delete_ended()
    assert RateCounter.objects.count() == 0


def test_a_counter_that_began_anew_is_not_deleted(monkeypatch):
    RateCounter.objects.create(counter="a" * 32, hits=2, ends_at=1)
    ended = RateCounter.objects.filter(ends_at__lt=int(time.time()))
    [key] = ended.values_list("pk", flat=True)
    count_batch([Submission([ACCOUNT])])
    assert ended.filter(pk=key).delete() == (0, {})
    assert rows() == {"a": 1}
