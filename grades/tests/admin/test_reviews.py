"""admin/reviews.py: the review of one rating, and two people at once."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.utils import timezone

from grades.models import Grade, ReviewChanged, ReviewNote, save_review

from ..helpers.office import GRADES, grant, log_in

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


def test_only_active_staff_who_may_review_are_offered(
    superuser_client, editor, staff, make_grade, colleague, django_user_model
):
    colleague.is_active = False
    colleague.save()
    customer = grant(django_user_model.objects.create_user("customer"), "change_grade")
    grade = make_grade()
    form = superuser_client.get(f"{GRADES}{grade.pk}/change/").context["adminform"].form
    assert [label for _value, label in form.fields["assignee"].choices] == ["nobody", "boss", "editor"]
    for user in (staff, colleague, customer):
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
