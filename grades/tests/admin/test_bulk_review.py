"""admin/bulk_review.py: the review of many ratings, at once and by a background job."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from grades import jobs
from grades.admin import bulk_review, lists
from grades.models import Grade, Job, ReviewNote, reviews, save_review

from ..helpers.office import GRADES, SHANGHAI, act, confirm, log_in, messages

pytestmark = pytest.mark.django_db


def thread(grade):
    """(author, text, state, assignee) of each entry of a thread."""
    return list(grade.notes.values_list("author_name", "text", "state", "assignee_name"))


@pytest.mark.parametrize(
    ("action", "state"), [("mark_followed_up", "followed_up"), ("mark_closed", "closed"), ("reopen", "new")]
)
def test_a_selection_is_reviewed_with_a_note_and_logged_once(editor, superuser, make_grade, action, state):
    first, second, _other = grades = [make_grade(), make_grade(), make_grade()]
    for grade in grades:
        save_review(grade.pk, 0, superuser, "followed_up", None, "before")
    client = log_in(editor)
    page = act(client, action, [first.pk, second.pk])
    assert "This changes 2 ratings." in page.text
    assert "It is added to each rating; no note is replaced." in page.text
    assert "Ratings whose state somebody changes meanwhile are left out." in page.text
    assert ReviewNote.objects.count() == 3

    response = confirm(client, page, note="已回电")

    assert (response.status_code, response["Location"]) == (302, GRADES)
    assert messages(response) == [f"2 ratings are now: {Grade.ReviewState(state).label}."]
    assert list(Grade.objects.order_by("pk").values_list("review_state", flat=True)) == [state, state, "followed_up"]
    before = ("boss", "before", "followed_up", None)
    added = ("editor", "已回电", "" if state == "followed_up" else state, None)
    assert [thread(grade) for grade in grades] == [[before, added], [before, added], [before]]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.action_flag, entry.object_id, entry.object_repr) == (editor, CHANGE, None, "2 ratings")
    chosen = f"{Grade.ReviewState(state).label}: #{first.pk}, #{second.pk}"
    assert entry.get_change_message() == chosen


def test_a_bulk_review_covers_all_matches_beyond_the_counted_ones(
    superuser_client, make_grade, lower_count_limit, monkeypatch
):
    monkeypatch.setattr(reviews, "REVIEW_BATCH", 50)
    lower_count_limit(100)
    for number in range(130):
        make_grade(acc_nbr=f"138{number}", grade1=1)
    make_grade(acc_nbr="139", grade1=1)
    make_grade(acc_nbr="138", grade1=5, grade2=5, grade3=5)
    shown = list(Grade.objects.newest_first().values_list("pk", flat=True)[:50])
    page = act(superuser_client, "mark_closed", shown, True, "?review=new&lowest=2&q=138")
    assert "This changes 100+ ratings." in page.text
    assert page.text.count('type="hidden"') < 60  # the page carries the filter, not the rows

    with CaptureQueriesContext(connection) as queries:
        response = confirm(superuser_client, page, note="all")

    assert messages(response) == ["130 ratings are now: Closed."]
    assert Grade.objects.filter(review_state="closed").count() == ReviewNote.objects.filter(text="all").count() == 130
    assert Grade.objects.filter(acc_nbr__in=["138", "139"], review_state="new").count() == 2
    # three for each of three batches: versions, states, their day
    assert len([query for query in queries.captured_queries if query["sql"].startswith("UPDATE")]) == 9
    entry = LogEntry.objects.get()
    assert entry.object_repr == "130 ratings"
    # what was searched for is an account number and stays out of the log
    assert entry.get_change_message() == "Closed: all rows that matched “review=new&lowest=2&searched=yes”"


def test_a_bulk_review_skips_ratings_newer_than_the_confirmation_page(superuser_client, make_grade):
    grade = make_grade()
    page = act(superuser_client, "mark_closed", [grade.pk], True, "?review=new")
    late = make_grade()
    response = confirm(superuser_client, page)
    assert messages(response) == ["1 rating is now: Closed."]
    late.refresh_from_db()
    assert late.review_state == "new"


BEFORE_MIDNIGHT = datetime(2026, 11, 26, 23, 59, 30, tzinfo=SHANGHAI)
AFTER_MIDNIGHT = BEFORE_MIDNIGHT + timedelta(minutes=1)


def test_a_period_means_the_days_of_the_confirmation_page_also_after_midnight(superuser_client, make_grade):
    for hours in (1, 2, 25):
        make_grade(insert_time=BEFORE_MIDNIGHT - timedelta(hours=hours))
    with time_machine.travel(BEFORE_MIDNIGHT, tick=False):
        page = act(superuser_client, "mark_closed", [1], True, "?period=today")
    assert "This changes 2 ratings." in page.text
    with time_machine.travel(AFTER_MIDNIGHT, tick=False):
        assert messages(confirm(superuser_client, page)) == ["2 ratings are now: Closed."]
    logged = LogEntry.objects.get().get_change_message()
    assert logged == "Closed: all rows that matched “from=2026-11-26&to=2026-11-26”"


def test_a_bulk_review_says_which_states_it_left_alone(superuser_client, editor, make_grade):
    grade, changed = make_grade(), make_grade()
    page = act(superuser_client, "mark_closed", [grade.pk, changed.pk])
    save_review(changed.pk, 0, editor, "followed_up", None, "mine")
    assert messages(confirm(superuser_client, page)) == [
        "1 rating is now: Closed.",
        "1 rating was left out: somebody has changed its state meanwhile.",
    ]
    assert list(Grade.objects.order_by("pk").values_list("review_state", flat=True)) == ["closed", "followed_up"]


@pytest.mark.parametrize(
    ("note", "error"),
    [("x" * 2001, "Ensure this value has at most 2000 characters"), ("\x07", "The note contains control characters.")],
)
def test_a_bad_note_for_many_is_refused_and_kept(superuser_client, make_grade, note, error):
    grade = make_grade()
    page = confirm(superuser_client, act(superuser_client, "mark_closed", [grade.pk]), note=note)
    assert error in page.text
    assert note in page.text
    assert Grade.objects.get().review_state == "new"
    confirm(superuser_client, page, note="short")
    assert ReviewNote.objects.get().text == "short"


# --- In the background ----------------------------------------------------------------------------


@pytest.fixture
def many(make_grade, settings, tmp_path, monkeypatch):
    """Ten new ratings, of which each batch has three; more than four are a background job."""
    settings.JOBS_DIR = tmp_path
    monkeypatch.setattr(bulk_review, "DIRECT_REVIEWS", 4)
    monkeypatch.setattr(reviews, "REVIEW_BATCH", 3)
    return [make_grade(grade1=1) for _number in range(10)]


def order(client, note="all", query="?review=new&q=138"):
    """Confirm a bulk review of all that match; returns the job."""
    page = act(client, "mark_closed", [Grade.objects.first().pk], True, query)
    response = confirm(client, page, note=note)
    job = Job.objects.order_by("pk").last()
    assert response["Location"] == f"/jobs/{job.pk}"
    return job


def test_many_ratings_are_reviewed_by_a_job_with_its_progress(superuser_client, superuser, many, make_grade):
    job = order(superuser_client)
    late = make_grade(grade1=1)
    assert not ReviewNote.objects.exists()
    assert jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.owner) == ("done", 10, 10, superuser)
    assert [thread(grade) for grade in many] == [[("boss", "all", "closed", None)]] * 10
    assert Grade.objects.get(review_state="new") == late
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (superuser, "10 ratings")
    assert entry.get_change_message() == "Closed: all rows that matched “review=new&searched=yes”"
    page = superuser_client.get(f"/jobs/{job.pk}").text
    assert "Bulk review" in page
    assert "10 of 10" in page


def test_a_job_reviews_the_days_of_the_confirmation_page_also_after_midnight(superuser_client, many):
    Grade.objects.update(insert_time=BEFORE_MIDNIGHT - timedelta(hours=1))
    with time_machine.travel(BEFORE_MIDNIGHT, tick=False):
        job = order(superuser_client, query="?period=7days&from=2026-11-01")
    with time_machine.travel(AFTER_MIDNIGHT, tick=False):
        jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 10, 10)
    assert job.parameters["query"] == "from=2026-11-01&to=2026-11-26"


def test_a_stopped_job_has_reviewed_whole_batches(superuser_client, many, monkeypatch):
    job = order(superuser_client)
    report = Job.report

    def stop_in_the_second_batch(self, done, **changes):
        if done == 6:
            superuser_client.post(f"/jobs/{job.pk}/stop")
        report(self, done, **changes)

    monkeypatch.setattr(Job, "report", stop_in_the_second_batch)
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done) == ("stopped", 3)
    assert [thread(grade) for grade in reversed(many)] == [[("boss", "all", "closed", None)]] * 3 + [[]] * 7
    assert LogEntry.objects.get().object_repr == "3 ratings"


def test_a_job_goes_on_after_its_worker_has_ended(superuser_client, many):
    job = order(superuser_client, query="")
    looks = iter([False, False, True])
    jobs.run_next(lambda: next(looks))
    job.refresh_from_db()
    assert (job.state, job.done, ReviewNote.objects.count()) == ("waiting", 3, 3)
    # meanwhile a rating that comes later is reviewed by somebody else
    save_review(many[0].pk, 0, job.owner, "followed_up", None, "mine")
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 10, 10)
    assert thread(many[0]) == [("boss", "mine", "followed_up", None)]
    assert [thread(grade) for grade in many[1:]] == [[("boss", "all", "closed", None)]] * 9
    assert LogEntry.objects.get().object_repr == "9 ratings"


def test_a_job_says_which_states_it_left_alone(superuser_client, many):
    job = order(superuser_client, query="")
    save_review(many[4].pk, 0, job.owner, "followed_up", None, "mine")
    jobs.run_next()
    told = "1 rating was left out: somebody has changed its state meanwhile."
    assert told in superuser_client.get(f"/jobs/{job.pk}").text
    assert thread(many[4]) == [("boss", "mine", "followed_up", None)]
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.get_change_message()) == (
        "9 ratings", f"Closed: all rows that matched “”. {told}",
    )  # fmt: skip


def test_a_job_needs_the_right_when_it_runs(editor, many):
    job = order(log_in(editor))
    editor.user_permissions.clear()
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "You may not review ratings any more.")
    assert not ReviewNote.objects.exists()


def test_a_job_runs_though_its_list_writes_a_message(superuser_client, many):
    job = order(superuser_client, query="?p=damaged")
    jobs.run_next()
    job.refresh_from_db()
    assert (job.state, job.done, job.error) == ("done", 10, "")


def test_a_job_whose_search_is_refused_when_it_runs_fails_with_the_reason(superuser_client, many, monkeypatch):
    job = order(superuser_client, query="?q=138")
    monkeypatch.setattr(lists, "SEARCH_LIMIT", 3)
    jobs.run_next()
    job.refresh_from_db()
    reason = "More than 3 rows have a number that begins like this. Type more digits."
    error = f"The list does not take this filter or search any more. {reason}"
    assert (job.state, job.error, ReviewNote.objects.count()) == ("failed", error, 0)


def test_a_page_that_is_sent_twice_is_one_job(superuser_client, many):
    page = act(superuser_client, "mark_closed", [many[0].pk], True)
    first, second = (confirm(superuser_client, page, note="all") for _time in range(2))
    assert first["Location"] == second["Location"] == f"/jobs/{Job.objects.get().pk}"


def test_the_sixth_unfinished_job_is_refused(superuser_client, many):
    for number in range(5):
        order(superuser_client, note=str(number))
    response = confirm(superuser_client, act(superuser_client, "mark_closed", [many[0].pk], True), note="5")
    assert response["Location"] == "/jobs"
    assert messages(response) == ["You have several jobs that are not finished. Wait for one of them, or stop one."]
    assert Job.objects.count() == 5


def test_ticked_ratings_are_reviewed_at_once(superuser_client, many):
    response = confirm(superuser_client, act(superuser_client, "mark_closed", [grade.pk for grade in many]), note="")
    assert messages(response) == ["10 ratings are now: Closed."]
    assert not Job.objects.exists()
