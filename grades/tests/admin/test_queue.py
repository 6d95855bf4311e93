"""admin/queue.py: the page of the queue, save and next, and what it shows beside a rating."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from grades.models import Assignment, Grade, ReviewChanged, ReviewNote, save_review

from ..helpers.office import GRADES, log_in, messages

pytestmark = pytest.mark.django_db

QUEUE = f"{GRADES}queue/"


def save(client, page, show="low", **data):
    """Press "Save and next" on a page of the queue; `data` is typed into it."""
    form, rating = page.context["form"], page.context["rating"]
    fields = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    return client.post(f"{QUEUE}?show={show}", {"rating": rating.pk, **fields, **data})


def test_the_queue_shows_a_rating_with_all_that_is_known(superuser_client, make_grade, make_account, superuser):
    now = timezone.now()
    make_account(customer_name="李 <b>", dispatched_on="2026-11-02")
    older = make_grade(txt1="上次也慢", insert_time=now - timedelta(days=9), acc_nbr="138-0013-8000")
    rating = make_grade(grade1=1, txt1="很" * 500, txt3="一\n二", insert_time=now)
    save_review(rating.pk, 0, superuser, "new", None, "先看一下")
    page = superuser_client.get(QUEUE)
    assert (page.context["rating"], page.context["others"]) == (rating, [older])
    for text in ("很" * 500, "服务态度如何？", "一<br>二", "李 &lt;b&gt;", "2026-11-02", "上次也慢", "先看一下"):
        assert text in page.text
    assert f'href="{GRADES}{older.pk}/change/"' in page.text
    assert '<form method="post" action="/query" target="_blank"' in page.text
    # who works through the queue follows the new ones up; nothing is stored before that
    form = page.context["form"]
    assert (form["review_state"].value(), form["version"].value()) == ("followed_up", 1)
    assert Grade.objects.get(pk=rating.pk).review_state == "new"


def test_save_and_next_saves_with_a_log_entry_and_goes_on(editor, make_grade, superuser):
    older, newer = make_grade(grade1=1), make_grade(grade1=2)
    client = log_in(editor)
    response = save(client, client.get(QUEUE), note="已回电", assignee=editor.pk)
    assert (response.status_code, response["Location"]) == (302, f"{QUEUE}?show=low&after={newer.pk}")
    assert messages(response) == [f'Saved: <a href="{GRADES}{newer.pk}/change/">#{newer.pk}</a> Followed up']
    note = ReviewNote.objects.get()
    assert (note.grade, note.text, note.state, note.author) == (newer, "已回电", "followed_up", editor)
    assert Assignment.objects.get().assignee == editor
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (editor, f"#{newer.pk}")
    assert entry.get_change_message() == "Changed Review, Assignee and Note."

    page = client.get(response["Location"])
    assert page.context["rating"] == older
    end = client.get(save(client, page)["Location"])
    assert "This is the end of the queue." in end.text
    assert "No low rating waits for you." in client.get(QUEUE).text


def test_a_skipped_rating_comes_again_from_the_beginning(superuser_client, make_grade):
    older, newer = make_grade(grade1=1), make_grade(grade1=2)
    page = superuser_client.get(QUEUE)
    page = superuser_client.get(page.context["skip_url"])
    assert page.context["rating"] == older
    end = superuser_client.get(page.context["skip_url"])
    assert end.context["rating"] is None
    assert superuser_client.get(end.context["first_url"]).context["rating"] == newer


def test_two_people_get_different_ratings(superuser_client, editor, make_grade):
    older, newer = make_grade(grade1=1), make_grade(grade1=2)
    assert superuser_client.get(QUEUE).context["rating"] == newer
    assert log_in(editor).get(QUEUE).context["rating"] == older


def test_my_queue_keeps_the_state_of_a_rating(superuser_client, superuser, make_grade):
    rating = make_grade()
    save_review(rating.pk, 0, superuser, "followed_up", superuser, "")
    page = superuser_client.get(f"{QUEUE}?show=mine")
    assert (page.context["rating"], page.context["form"]["review_state"].value()) == (rating, "followed_up")
    save(superuser_client, page, "mine", review_state="closed")
    assert Grade.objects.get().review_state == "closed"
    assert "You have no rating to take care of." in superuser_client.get(f"{QUEUE}?show=mine").text


def test_the_second_of_two_is_told_in_the_queue(superuser_client, editor, make_grade):
    rating = make_grade(grade1=1)
    page = superuser_client.get(QUEUE)
    save_review(rating.pk, 0, editor, "closed", None, "已解决")
    page = save(superuser_client, page, note="typed")
    assert "This rating has changed since you opened it." in page.text
    assert "已解决" in page.text
    form = page.context["form"]
    assert [form[name].value() for name in ("version", "review_state", "note")] == [1, "closed", "typed"]
    assert not LogEntry.objects.exists()
    save(superuser_client, page)
    assert list(ReviewNote.objects.values_list("text", "state")) == [("已解决", "closed"), ("typed", "")]


def test_a_change_between_check_and_update_is_checked_again(superuser_client, make_grade, monkeypatch):
    rating = make_grade(grade1=1)
    page = superuser_client.get(QUEUE)

    def overtaken(*_arguments, **_chosen):
        monkeypatch.undo()
        raise ReviewChanged

    monkeypatch.setattr("grades.admin.reviews.save_review", overtaken)
    assert save(superuser_client, page, note="typed").status_code == 302
    assert list(rating.notes.values_list("text", flat=True)) == ["typed"]


def test_a_note_that_is_too_long_stays_in_the_form(superuser_client, make_grade):
    make_grade(grade1=1)
    page = save(superuser_client, superuser_client.get(QUEUE), note="很" * 100_000)
    assert "Ensure this value has at most 2000 characters (it has 100000)." in page.text
    assert page.context["form"]["note"].value() == "很" * 100_000
    assert page.context["rating"].review_state == "new"
    assert not ReviewNote.objects.exists()


def test_a_rating_that_was_deleted_is_said_to_be(superuser_client, make_grade):
    rating = make_grade(grade1=1)
    page = superuser_client.get(QUEUE)
    Grade.objects.filter(pk=rating.pk).delete()
    response = save(superuser_client, page, note="typed")
    assert messages(response) == ["Nothing was saved: this rating has been deleted."]
    assert response["Location"] == f"{QUEUE}?show=low"


@pytest.mark.parametrize("query", ["?show=x", "?show=", "?after=x", "?after=-1", "?after=" + "9" * 30, "?after=%00"])
def test_a_bad_address_of_the_queue_is_a_bad_request(superuser_client, query):
    assert superuser_client.get(f"{QUEUE}{query}").status_code == 400
    assert superuser_client.post(QUEUE, {"rating": "x"}).status_code == 400


def test_the_queue_needs_the_same_queries_for_any_number_of_rows(
    superuser_client, make_grade, django_assert_num_queries
):
    make_grade(grade1=1)
    superuser_client.get(QUEUE)
    for _row in range(30):
        make_grade(grade1=2)
    # session, user; what others have open; the newest of two grades with and without remarks; what this person has
    # open (4 with its savepoint); the rating; three counts; dispatches, other ratings; the staff who may be assigned
    with django_assert_num_queries(18):
        superuser_client.get(QUEUE)
