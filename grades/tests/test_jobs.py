"""jobs.py: background jobs are run once, go on after a worker has died, and leave nothing behind."""

import errno
import os
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone, translation

from grades import jobs
from grades.jobs import Kind, run_next, run_until
from grades.models import Job, JobFailed, TooManyJobs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_folder")]


@pytest.fixture
def kind(monkeypatch):
    """Make a kind of job of a function."""

    def make(function, name="test"):
        monkeypatch.setitem(jobs.KINDS, name, Kind("Test", function))

    return make


def write(job):
    job.report(1, total=2)
    job.path.write_text("content")
    job.report(2)
    return "result.csv"


def files(jobs_folder):
    return list(jobs_folder.iterdir()) if jobs_folder.exists() else []


def test_a_job_is_done_with_its_file_and_counts(kind, staff, jobs_folder):
    kind(write)
    job = Job.objects.add("test", staff, {"a": 1})
    assert run_next() is True
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.attempts, job.result) == ("done", 2, 2, 1, "result.csv")
    assert files(jobs_folder) == [job.path]
    assert job.path.read_text() == "content"
    assert jobs_folder.stat().st_mode & 0o777 == 0o700
    assert run_next() is False


def test_the_oldest_job_runs_first(kind, staff):
    order = []
    kind(lambda job: order.append(job.pk))
    first, second = Job.objects.add("test", staff, {"n": 1}), Job.objects.add("test", staff, {"n": 2})
    assert (run_next(), run_next(), run_next()) == (True, True, False)
    assert order == [first.pk, second.pk]


def test_the_same_order_is_one_job_until_it_is_finished(kind, staff, superuser):
    kind(lambda job: None)
    job = Job.objects.add("test", staff, {"n": 1})
    assert Job.objects.add("test", staff, {"n": 1}) == job
    assert Job.objects.add("test", superuser, {"n": 1}) != job
    run_next()
    assert Job.objects.add("test", staff, {"n": 1}) != job


def test_a_person_has_at_most_five_unfinished_jobs(staff, superuser):
    for number in range(5):
        Job.objects.add("test", staff, {"n": number})
    with pytest.raises(TooManyJobs):
        Job.objects.add("test", staff, {"n": 5})
    Job.objects.add("test", superuser, {"n": 5})
    assert Job.objects.count() == 6


def test_a_job_speaks_the_language_of_its_owner(kind, staff):
    spoken = []
    kind(lambda job: spoken.append(translation.get_language()))
    for language in ("en", "zh-hans"):
        with translation.override(language):
            Job.objects.add("test", staff, {"language": language})
        run_next()
    assert spoken == ["en", "zh-hans"]


# --- Ends -----------------------------------------------------------------------------------------


def raising(error):
    def function(job):
        job.path.write_text("half")
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (JobFailed("Because."), "Because."),
        (OSError(errno.ENOSPC, "No space left"), "The server's disk is full."),
        (OSError(errno.EIO, "13800138000"), "Something went wrong. The reason is in the server's log."),
        (ValueError("13800138000"), "Something went wrong. The reason is in the server's log."),
    ],
    ids=["expected", "full disk", "broken disk", "fault"],
)
def test_a_failed_job_says_why_and_leaves_no_file(kind, staff, jobs_folder, error, text):
    kind(raising(error))
    with translation.override("en"):
        job = Job.objects.add("test", staff, {})
    run_next()
    job.refresh_from_db()
    assert (job.state, job.error, job.result) == ("failed", text, "")
    assert job.finished_at
    assert files(jobs_folder) == []


def test_a_stopped_job_ends_at_its_next_report(kind, staff, jobs_folder):
    def function(job):
        job.path.write_text("half")
        Job.objects.get(pk=job.pk).stop()
        job.report(1)
        pytest.fail("it went on")

    kind(function)
    job = Job.objects.add("test", staff, {})
    run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.error) == ("stopped", 0, "")
    assert files(jobs_folder) == []


def test_a_waiting_job_is_stopped_at_once_and_never_runs(kind, staff):
    kind(write)
    job = Job.objects.add("test", staff, {})
    job.stop()
    assert run_next() is False
    job.refresh_from_db()
    assert (job.state, job.stop_requested) == ("stopped", False)


def test_a_finished_job_cannot_be_stopped(kind, staff):
    kind(write)
    job = Job.objects.add("test", staff, {})
    run_next()
    job.stop()
    job.refresh_from_db()
    assert (job.state, job.stop_requested) == ("done", False)


def test_a_worker_that_ends_gives_its_job_back(kind, staff, jobs_folder):
    def function(job):
        job.path.write_text("half")
        ending.append(True)
        job.report(1)

    ending = []
    kind(function)
    job = Job.objects.add("test", staff, {})
    run_until(lambda: bool(ending), wait=lambda seconds: None)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.claim) == ("waiting", 0, None)
    assert files(jobs_folder) == []


# --- Workers that die -----------------------------------------------------------------------------


def age(job, **columns):
    Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - timedelta(minutes=4), **columns)


def test_a_job_of_a_dead_worker_goes_on_at_its_position(kind, staff):
    def function(job):
        positions.append(job.position)
        if job.position is None:
            job.report(10, position=[7])
            raise DatabaseError("the server has gone away")
        job.report(20, position=[8])

    positions = []
    kind(function)
    job = Job.objects.add("test", staff, {})
    with pytest.raises(DatabaseError):
        run_next()
    assert run_next() is False
    age(job)
    assert run_next() is True
    job.refresh_from_db()
    assert (positions, job.state, job.done, job.attempts) == ([None, [7]], "done", 20, 2)


@pytest.mark.parametrize(("stop", "state"), [(True, "stopped"), (False, "failed")])
def test_a_job_that_broke_off_twice_ends(kind, staff, stop, state):
    kind(write)
    with translation.override("en"):
        job = Job.objects.add("test", staff, {})
    jobs.claim_next()
    age(job, attempts=2, stop_requested=stop)
    assert run_next() is False
    job.refresh_from_db()
    assert (job.state, job.error) == (state, "" if stop else "The job broke off 2 times.")


def test_a_worker_that_lost_its_job_changes_nothing(kind, staff, jobs_folder):
    def function(job):
        job.path.write_text("late")
        age(job)
        jobs.give_up_stale()
        others.append(jobs.claim_next())
        with transaction.atomic():
            job.report(99)

    others = []
    kind(function)
    job = Job.objects.add("test", staff, {})
    run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.claim, job.attempts) == ("running", 0, others[0].claim, 2)
    assert files(jobs_folder) == []


def test_a_job_is_claimed_by_one_worker(staff, monkeypatch):
    job = Job.objects.add("test", staff, {})
    other = []
    uuid4 = jobs.uuid.uuid4

    def late():
        monkeypatch.setattr(jobs.uuid, "uuid4", uuid4)
        other.append(jobs.claim_next())  # between the look and the UPDATE of the first worker
        return uuid4()

    monkeypatch.setattr(jobs.uuid, "uuid4", late)
    assert jobs.claim_next() is None
    assert other == [job]


# --- What is kept ---------------------------------------------------------------------------------


def test_a_file_is_kept_for_an_hour_and_the_job_for_a_week(kind, staff, jobs_folder):
    kind(write)
    job = Job.objects.add("test", staff, {})
    run_next()
    job.refresh_from_db()
    stray = jobs_folder / "1-of-a-killed-worker"
    for minutes, kept in ((59, True), (61, False)):
        then = timezone.now() - timedelta(minutes=minutes)
        stray.write_text("half")
        for file in (stray, job.path):
            os.utime(file, (then.timestamp(), then.timestamp()))
        Job.objects.update(finished_at=then)
        job.refresh_from_db()
        assert job.has_file() is kept
        run_next()
        assert set(files(jobs_folder)) == ({job.path, stray} if kept else set())
    Job.objects.update(finished_at=timezone.now() - timedelta(days=8))
    run_next()
    assert not Job.objects.exists()
