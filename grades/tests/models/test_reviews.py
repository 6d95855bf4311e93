"""models/reviews.py: the thread of notes, the assignee, and two changes at once."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from grades.models import Assignment, Grade, Repeat, ReviewChanged, ReviewNote, review_many, reviews, save_review

pytestmark = pytest.mark.django_db


def thread(grade):
    """(version, author, text, state, assignee) of each entry of a thread."""
    return list(grade.notes.values_list("version", "author_name", "text", "state", "assignee_name"))


def test_each_review_adds_an_entry_and_keeps_the_others(make_grade, superuser, staff):
    grade = make_grade()
    save_review(grade.pk, 0, superuser, "followed_up", staff, "没人接")
    save_review(grade.pk, 1, staff, "closed", None, "已解决\n谢谢")
    save_review(grade.pk, 2, staff, "closed", None, "又打了一次")

    grade = Grade.objects.get()
    assert thread(grade) == [
        (1, "boss", "没人接", "followed_up", "clerk"),
        (2, "clerk", "已解决\n谢谢", "closed", ""),
        (3, "clerk", "又打了一次", "", None),
    ]
    assert (grade.review_state, grade.reviewer, grade.assignee, grade.review_version) == ("closed", staff, None, 3)
    # the time of the state, not of the last note
    assert grade.reviewed_at == grade.notes.get(version=2).written_at


def test_a_review_of_an_old_version_changes_nothing(make_grade, superuser, staff):
    grade = make_grade()
    save_review(grade.pk, 0, superuser, "closed", superuser, "first")
    with pytest.raises(ReviewChanged):
        save_review(grade.pk, 0, staff, "new", None, "second")
    grade = Grade.objects.get()
    assert thread(grade) == [(1, "boss", "first", "closed", "boss")]
    assert (grade.review_state, grade.reviewer, grade.assignee) == ("closed", superuser, superuser)


def test_the_database_refuses_a_second_entry_of_a_version(make_grade):
    grade = make_grade()
    ReviewNote.objects.create(grade=grade, version=1, text="one")
    with pytest.raises(IntegrityError), transaction.atomic():
        ReviewNote.objects.create(grade=grade, version=1, text="two")
    with pytest.raises(IntegrityError), transaction.atomic():
        ReviewNote.objects.create(grade=grade, version=2, state="gone")


def test_a_deleted_user_keeps_the_name_in_the_thread(make_grade, superuser, staff):
    grade = make_grade()
    save_review(grade.pk, 0, staff, "closed", staff, "done")
    staff.delete()
    grade = Grade.objects.get()
    assert thread(grade) == [(1, "clerk", "done", "closed", "clerk")]
    assert (grade.assignee, grade.notes.get().author, grade.reviewer) == (None, None, None)


@pytest.mark.parametrize("in_bulk", [True, False])
def test_deleting_a_rating_deletes_its_notes_and_assignment(make_grade, superuser, in_bulk):
    grade, other = make_grade(), make_grade()
    for row in (grade, other):
        save_review(row.pk, 0, superuser, "closed", superuser, "done")
        Repeat.objects.create(grade=row)
    if in_bulk:
        Grade.objects.filter(pk=grade.pk).delete()
    else:
        grade.delete()
    assert list(ReviewNote.objects.values_list("grade", flat=True)) == [other.pk]
    assert list(Assignment.objects.values_list("grade", flat=True)) == [other.pk]


# --- Many at once ---------------------------------------------------------------------------------


def test_a_bulk_review_adds_its_note_to_each_thread(make_grade, superuser, staff, monkeypatch):
    monkeypatch.setattr(reviews, "REVIEW_BATCH", 2)
    grades = [make_grade() for _number in range(5)]
    save_review(grades[0].pk, 0, superuser, "closed", superuser, "before")
    assert review_many(Grade.objects.all(), staff, "closed", "all") == (5, 0)
    assert thread(grades[0]) == [(1, "boss", "before", "closed", "boss"), (2, "clerk", "all", "", None)]
    assert all(thread(grade) == [(1, "clerk", "all", "closed", None)] for grade in grades[1:])
    rows = Grade.objects.order_by("pk").values_list("review_state", "reviewer__username", "review_version")
    assert list(rows) == [("closed", "boss", 2), *[("closed", "clerk", 1)] * 4]


def test_a_bulk_review_without_a_note_adds_only_the_change(make_grade, superuser, staff):
    done, new = make_grade(), make_grade()
    save_review(done.pk, 0, superuser, "closed", None, "done")
    assert review_many(Grade.objects.all(), staff, "closed") == (2, 0)
    assert thread(done) == [(1, "boss", "done", "closed", None)]
    assert thread(new) == [(1, "clerk", "", "closed", None)]


def test_a_bulk_review_leaves_out_states_that_changed_meanwhile(make_grade, superuser, staff):
    before, meanwhile, untouched = make_grade(), make_grade(), make_grade()
    save_review(before.pk, 0, superuser, "followed_up", None, "")
    until = timezone.now()
    save_review(meanwhile.pk, 0, superuser, "followed_up", None, "not you")
    assert review_many(Grade.objects.all(), staff, "closed", "all", until) == (2, 1)
    states = Grade.objects.order_by("pk").values_list("review_state", flat=True)
    assert list(states) == ["closed", "followed_up", "closed"]
    assert thread(meanwhile) == [(1, "boss", "not you", "followed_up", None)]
    assert until - timedelta(minutes=1) < Grade.objects.get(pk=untouched.pk).reviewed_at


@pytest.mark.django_db(transaction=True)
def test_of_many_reviews_at_once_one_is_saved(make_grade, superuser):
    grade, results = make_grade(), []

    def attempt(number):
        try:
            save_review(grade.pk, 0, superuser, "closed", superuser, f"note {number}")
            results.append(number)
        except ReviewChanged:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=[number]) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [f"note {number}" for number in results] == [note.text for note in ReviewNote.objects.all()]
    assert len(results) == 1
    assert Grade.objects.get().review_version == 1
