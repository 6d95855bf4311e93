"""models/queue.py: which rating comes next, and for whom."""

from datetime import timedelta

import pytest
from django.utils import timezone

from grades.models import QUEUES, Grade, OpenRating, queue, save_review

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_new(make_grade):
    """New ratings by their lowest grades, from the oldest to the newest."""
    start = timezone.now() - timedelta(days=1)

    def make(*lowest_grades):
        return [
            make_grade(grade1=lowest, grade2=5, grade3=5, insert_time=start + timedelta(seconds=number))
            for number, lowest in enumerate(lowest_grades)
        ]

    return make


def walk(user, name="low"):
    """All ratings of a queue, as `user` gets them one after another."""
    found, rating = [], None
    while rating := QUEUES[name](user).next(rating):
        found.append(rating)
    return found


def test_low_and_new_ratings_come_newest_first(make_new, superuser):
    one, _three, two, _five, two_again, closed = make_new(1, 3, 2, 5, 2, 1)
    save_review(closed.pk, 0, superuser, "closed", None, "")
    assert walk(superuser) == [two_again, two, one]
    assert QUEUES["low"](superuser).count() == 3


def test_the_other_new_ratings_have_a_queue_too(make_new, superuser):
    _one, three, _two, five, four = make_new(1, 3, 2, 5, 4)
    assert walk(superuser, "others") == [four, five, three]


def test_ratings_of_one_time_all_come_once(make_grade, superuser):
    now = timezone.now()
    grades = [make_grade(grade1=number % 2 + 1, insert_time=now) for number in range(7)]
    assert walk(superuser) == list(reversed(grades))


def test_what_a_colleague_takes_care_of_or_has_open_is_passed_over(make_new, superuser, staff):
    free, opened, assigned, own = make_new(1, 1, 1, 1)
    save_review(assigned.pk, 0, superuser, "new", staff, "")
    save_review(own.pk, 0, superuser, "new", superuser, "")
    OpenRating.objects.create(user=staff, grade=opened)
    assert walk(superuser) == [own, free]
    # after a while it is free again; so is what was assigned to somebody who has left
    OpenRating.objects.update(opened_at=timezone.now() - queue.OPEN_FOR)
    staff.is_active = False
    staff.save()
    assert walk(superuser) == [own, assigned, opened, free]


def test_a_person_has_one_rating_open(make_new, superuser):
    older, newer = make_new(1, 1)
    first = QUEUES["low"](superuser).next()
    assert first == newer
    assert QUEUES["low"](superuser).next() == newer  # the own one is not passed over
    QUEUES["low"](superuser).next(first)
    assert OpenRating.objects.get().grade == older


def test_mine_are_the_assigned_ones_that_are_not_closed(make_new, superuser, staff):
    new, followed_up, closed, others, _free = make_new(5, 1, 1, 1, 1)
    for rating, state, assignee in (
        (new, "new", superuser),
        (followed_up, "followed_up", superuser),
        (closed, "closed", superuser),
        (others, "new", staff),
    ):
        save_review(rating.pk, 0, staff, state, assignee, "")
    assert walk(superuser, "mine") == [followed_up, new]
    assert QUEUES["mine"](superuser).count() == 2


def test_a_rating_that_was_deleted_is_passed_over(make_new, superuser, monkeypatch):
    older, deleted = make_new(1, 1)
    open_rating = queue.LowQueue.open

    def delete_meanwhile(self, pk):
        Grade.objects.filter(pk=deleted.pk).delete()
        return open_rating(self, pk)

    monkeypatch.setattr(queue.LowQueue, "open", delete_meanwhile)
    assert QUEUES["low"](superuser).next() == older


@pytest.mark.parametrize(("lowest", "highest", "limit"), [(1, 5, 2), (0, 10, 2), (1, 3, 1), (1, 10, 3)])
def test_low_is_the_lowest_quarter_of_the_range(superuser, settings, lowest, highest, limit):
    settings.GRADE_MIN, settings.GRADE_MAX = lowest, highest
    low, others = (list(QUEUES[name](superuser).lowest_grades()) for name in ("low", "others"))
    assert low == list(range(lowest, limit + 1))
    assert low + others == list(range(lowest, highest + 1))
