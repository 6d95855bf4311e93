"""admin/reviews.py: the review of one rating, two people at once, and the review of many."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from grades.models import Grade, ReviewChanged, ReviewNote, reviews, save_review

from ..helpers.office import GRADES, act, confirm, grant, log_in, messages

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague(django_user_model):
    return grant(django_user_model.objects.create_user("li", is_staff=True), "view_grade", "change_grade")


def send(client, grade, **data):
    """Save the page of a rating as it is, with `data` typed into it."""
    form = {"version": grade.review_version, "review_state": grade.review_state, "assignee": "", "note": "", **data}
    return client.post(f"{GRADES}{grade.pk}/change/", form)


def thread(grade):
    """(author, text, state, assignee) of each entry of a thread."""
    return list(grade.notes.values_list("author_name", "text", "state", "assignee_name"))


# --- One rating -----------------------------------------------------------------------------------


def test_saving_a_review_changes_only_the_review_and_adds_a_note(editor, colleague, superuser, make_grade):
    grade = make_grade(insert_time=timezone.now() - timedelta(days=1))
    before = {name: getattr(grade, name) for name in (*Grade.CONTENT, "insert_time", "submission_id")}
    client = log_in(editor)
    response = send(
        client,
        grade,
        review_state="followed_up",
        assignee=colleague.pk,
        note=" 已回电\r\n再联系 ",
        **dict.fromkeys(before, "1"),
        reviewer=superuser.pk,
        reviewed_at_0="2020-01-01",
        reviewed_at_1="00:00",
        review_note="old",
    )
    assert (response.status_code, response["Location"]) == (302, GRADES)
    grade = Grade.objects.get()
    assert {name: getattr(grade, name) for name in before} == before
    assert thread(grade) == [("editor", "已回电\n再联系", "followed_up", "li")]
    assert (grade.review_state, grade.reviewer, grade.assignee, grade.review_note) == (
        "followed_up", editor, colleague, "",
    )  # fmt: skip
    assert timezone.now() - grade.reviewed_at < timedelta(minutes=1)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.action_flag, entry.object_repr, entry.object_id) == (
        editor, CHANGE, f"#{grade.pk}", str(grade.pk),
    )  # fmt: skip
    assert entry.get_change_message() == "Changed Note, Review and Assignee."
    page = client.get(f"{GRADES}{grade.pk}/change/").text
    assert "已回电<br>再联系" in page
    assert " · Followed up · assigned to li</p>" in page


def test_saving_without_a_change_adds_nothing(superuser_client, editor, make_grade):
    grade = make_grade()
    save_review(grade.pk, 0, editor, "closed", editor, "done")
    stored = Grade.objects.get()
    send(superuser_client, stored, assignee=editor.pk)
    assert Grade.objects.values().get() == Grade.objects.filter(reviewed_at=stored.reviewed_at).values().get()
    assert (Grade.objects.get().reviewer, ReviewNote.objects.count()) == (editor, 1)


def test_a_review_can_be_set_back_to_new(superuser_client, superuser, editor, make_grade):
    grade = make_grade()
    save_review(grade.pk, 0, editor, "closed", None, "done")
    send(superuser_client, Grade.objects.get(), review_state="new")
    grade.refresh_from_db()
    assert (grade.review_state, grade.reviewer) == ("new", superuser)
    assert thread(grade) == [("editor", "done", "closed", None), ("boss", "", "new", None)]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"review_state": "gone"}, "Select a valid choice. gone is not one of the available choices."),
        ({"note": "x" * 100_000}, "Ensure this value has at most 2000 characters (it has 100000)."),
        ({"note": "a\x0bb"}, "The note contains control characters."),
        ({"note": "a\x00b"}, "Null characters are not allowed."),
        ({"assignee": "x"}, "Select a valid choice. That choice is not one of the available choices."),
        ({"assignee": "9" * 30}, "Select a valid choice. That choice is not one of the available choices."),
    ],
)
def test_an_invalid_review_is_refused_and_keeps_the_note(superuser_client, make_grade, data, error):
    grade = make_grade()
    response = send(superuser_client, grade, **{"review_state": "closed", "note": "typed", **data})
    assert (response.status_code, list(response.context["errors"])) == (200, [[error]])
    assert response.context["adminform"].form["note"].value() == data.get("note", "typed")
    assert Grade.objects.get().review_state == "new"
    assert not ReviewNote.objects.exists()


def test_the_limit_of_a_note_counts_a_line_break_once(superuser_client, make_grade):
    send(superuser_client, make_grade(), note="\r\n".join(["x" * 9] * 200) + "x")
    assert len(ReviewNote.objects.get().text) == 2000


def test_only_active_staff_who_may_review_are_offered(superuser_client, editor, staff, make_grade, colleague):
    colleague.is_active = False
    colleague.save()
    grade = make_grade()
    form = superuser_client.get(f"{GRADES}{grade.pk}/change/").context["adminform"].form
    assert [label for _value, label in form.fields["assignee"].choices] == ["nobody", "boss", "editor"]
    for user in (staff, colleague):
        send(superuser_client, grade, assignee=user.pk)
    assert not ReviewNote.objects.exists()


def test_an_assignee_who_has_left_is_shown_and_stays_until_changed(superuser_client, editor, colleague, make_grade):
    grade = make_grade()
    save_review(grade.pk, 0, editor, "new", colleague, "")
    colleague.is_active = False
    colleague.save()
    grade.refresh_from_db()
    page = superuser_client.get(f"{GRADES}{grade.pk}/change/")
    assert f'<option value="{colleague.pk}" selected>li (inactive)</option>' in page.text
    send(superuser_client, grade, assignee=colleague.pk, note="kept")
    assert Grade.objects.get().assignee == colleague
    send(superuser_client, Grade.objects.get(), assignee="", note="removed")
    assert Grade.objects.get().assignee is None
    assert [name for *_entry, name in thread(grade)] == ["li", None, ""]


def test_staff_who_may_only_view_see_the_thread_and_no_form(roles, superuser, make_grade):
    grade = make_grade()
    save_review(grade.pk, 0, superuser, "closed", superuser, "done")
    page = roles["view"].get(f"{GRADES}{grade.pk}/change/").text
    assert "<p>done</p>" in page
    assert '<div class="readonly">boss</div>' in page
    assert "<textarea" not in page


# --- Two people -----------------------------------------------------------------------------------


def test_the_second_of_two_is_told_and_loses_nothing(editor, colleague, make_grade):
    opened = make_grade()
    send(log_in(editor), opened, review_state="closed", assignee=editor.pk, note="solved")
    client = log_in(colleague)
    page = send(client, opened, review_state="followed_up", note="typed for minutes")

    moment = timezone.localtime(ReviewNote.objects.get().written_at)
    formatted = page.context["errors"][0][1].split(" editor")[0]
    assert page.context["errors"] == [
        [
            "This rating has changed since you opened it. Nothing was saved, and your note is still in the form.",
            f"{formatted} editor: Closed, assigned to editor, note added",
        ]
    ]
    assert f"{moment:%-d, %Y}" in formatted
    form = page.context["adminform"].form
    fields = ("version", "review_state", "assignee", "note")
    assert [form[name].value() for name in fields] == [1, "closed", editor.pk, "typed for minutes"]
    grade = Grade.objects.get()
    assert thread(grade) == [("editor", "solved", "closed", "editor")]
    assert not LogEntry.objects.filter(user=colleague).exists()

    send(client, grade, assignee=editor.pk, note="typed for minutes")
    assert thread(grade) == [("editor", "solved", "closed", "editor"), ("li", "typed for minutes", "", None)]
    assert Grade.objects.get().review_state == "closed"


@pytest.mark.parametrize("version", ["", "x", "-1", "7", "9" * 30])
def test_a_page_without_the_right_version_saves_nothing(superuser_client, make_grade, version):
    grade = make_grade()
    page = send(superuser_client, grade, review_state="closed", version=version)
    assert "This rating has changed since you opened it." in page.text
    assert (Grade.objects.get().review_state, ReviewNote.objects.count()) == ("new", 0)


def test_a_change_between_check_and_update_is_checked_again(superuser_client, make_grade, monkeypatch):
    grade = make_grade()

    def overtaken(*_arguments, **_chosen):
        monkeypatch.undo()
        raise ReviewChanged

    monkeypatch.setattr("grades.admin.reviews.save_review", overtaken)
    send(superuser_client, grade, note="typed")
    assert thread(grade) == [("boss", "typed", "", None)]


# --- Many ratings ---------------------------------------------------------------------------------


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
    # for each of three batches two, and one for the day's figures; and the session
    assert len([query for query in queries.captured_queries if query["sql"].startswith("UPDATE")]) <= 10
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
