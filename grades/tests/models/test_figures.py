"""models/figures.py and models/statistics.py: the figures of a day, exact after every kind of writer."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from time import monotonic

import pytest
from django.db import connection, transaction
from django.utils import timezone

from grades.database.snapshots import snapshot
from grades.imports import import_accounts
from grades.imports.legacy import store as store_legacy
from grades.models import Account, DailyScore, Grade, Repeat, day_of, start_of
from grades.models import figures as module
from grades.models.figures import closed_until, known_days, measure, read, recompute, refresh
from grades.submissions.store import submit

from ..helpers.files import csv_file
from ..helpers.office import review
from ..helpers.writers import at_work

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 3)
NOON = start_of(DAY) + timedelta(hours=12)


def figures_of(day):
    """The figures of a day as the overview reads them: refreshed, then read."""
    refresh([day], monotonic() + 60)
    return read([day], monotonic() + 60).by_day[day]


def is_stale(day):
    return not DailyScore.objects.filter(day=day, until__isnull=False).exists()


def test_a_day_has_counts_histograms_and_the_time_to_follow_up(make_grade, make_account, superuser):
    make_account()
    make_account(acct_id="A2", dispatched_on="2026-11-02", product="千兆宽带")
    rating = make_grade(insert_time=NOON, grade3=2)
    Repeat.objects.create(grade=rating, repeated_at=NOON)
    make_grade(insert_time=NOON, acc_nbr="13900000000", grade1=1)
    Grade.objects.filter(pk=rating.pk).update(
        review_state="closed", reviewer=superuser, reviewed_at=NOON + timedelta(hours=2)
    )
    assert dict(+measure(start_of(DAY), NOON + timedelta(seconds=1))) == {
        "ratings": 2,
        "grade1:5": 1,
        "grade1:1": 1,
        "grade2:4": 2,
        "grade3:2": 1,
        "grade3:3": 1,
        "lowest:2:closed": 1,
        "lowest:1:new": 1,
        "seconds:2": 7200,
        "area:2:城东": 1,
        "product:2:千兆宽带": 1,
        "off_list": 1,
        "duplicates": 1,
    }


def test_a_day_begins_and_ends_in_the_time_zone_of_the_site(make_grade):
    make_grade(insert_time=datetime(2026, 11, 2, 16, 0, tzinfo=UTC))
    make_grade(insert_time=datetime(2026, 11, 3, 16, 0, tzinfo=UTC))
    assert figures_of(DAY)["ratings"] == 1
    assert figures_of(DAY + timedelta(days=1))["ratings"] == 1


def test_a_closed_day_is_read_from_its_row(make_grade, django_assert_num_queries):
    make_grade(insert_time=NOON)
    expected = figures_of(DAY)
    with django_assert_num_queries(1):
        assert read([DAY], monotonic() + 60) == ({DAY: expected}, 0)


def test_one_figure_is_read_alone_from_stored_days_and_from_ratings(make_grade, make_account):
    """Of three days: one has the figure, one does not, and one is not stored."""
    days = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    make_account(acc_nbr="2", dispatched_on=DAY)
    for number, day in zip("122", days, strict=True):
        make_grade(acc_nbr=number, insert_time=NOON + (day - DAY))
    assert [figures_of(day)["off_list"] for day in days[:2]] == [1, 0]
    found, pending = read(days, monotonic() + 60, only="off_list")
    assert ([found[day]["off_list"] for day in days], pending) == ([1, 0, 0], 0)
    make_grade(acc_nbr="3", insert_time=NOON + timedelta(days=2))
    found, pending = read(days, monotonic() + 60, only="off_list")
    assert ([found[day]["off_list"] for day in days], pending) == ([1, 0, 1], 0)


def by_submission(make_grade):
    submit(acc_nbr="1", grade1=1, grade2=1, grade3=1, txt1="", txt2="", txt3="")
    return day_of(timezone.now())


def by_creation(make_grade):
    make_grade(insert_time=NOON)


def by_legacy_import(make_grade):
    columns = {"acc_nbr": "1", "grade1": 1, "grade2": 1, "grade3": 1}
    store_legacy([Grade(insert_time=NOON, **columns)], dry_run=False)


def by_review(make_grade):
    review(Grade.objects.filter(insert_time=NOON))


def by_deletion(make_grade):
    Grade.objects.all().delete()


def by_deletion_of_one(make_grade):
    Grade.objects.get().delete()


def by_dispatch(make_grade):
    Account.objects.create(
        acc_nbr="138-0013-8000", area="城西", pay_type="postpaid", dispatched_on=DAY, monthly_fee=1, acct_id="A1"
    )


def by_import(make_grade):
    import_accounts(csv_file({"acc_nbr": "138-0013-8000"}), "list.csv")


@pytest.mark.parametrize(
    "write",
    [by_submission, by_creation, by_legacy_import, by_review, by_deletion, by_deletion_of_one, by_dispatch, by_import],
)
def test_the_figures_are_exact_after_each_kind_of_writer(make_grade, write):
    make_grade(insert_time=NOON)
    figures_of(DAY)
    day = write(make_grade) or DAY
    figures = figures_of(day)
    assert +figures == +measure(start_of(day), start_of(day + timedelta(days=1)))
    assert figures["ratings"] == sum(day_of(rating.insert_time) == day for rating in Grade.objects.all())


def test_a_kept_conflict_counts_on_the_day_it_was_received(make_conflict):
    conflict = make_conflict(received_at=NOON)
    assert figures_of(DAY)["ratings"] == 0
    conflict.keep()
    assert figures_of(DAY)["ratings"] == 1


def test_another_area_of_a_dispatch_counts_at_once(make_grade, make_account):
    account = make_account()
    make_grade(insert_time=NOON)
    assert figures_of(DAY)["area:3:城东"] == 1
    account.area = "城西"
    account.save()
    assert (figures_of(DAY)["area:3:城东"], figures_of(DAY)["area:3:城西"]) == (0, 1)
    Account.objects.all().delete()
    assert (figures_of(DAY)["area:3:城西"], figures_of(DAY)["off_list"]) == (0, 1)


def test_a_rating_is_about_the_newest_dispatch_up_to_its_day(make_grade, make_account):
    make_grade(insert_time=start_of(DAY))
    make_account(dispatched_on=DAY, area="当天")
    make_account(dispatched_on=DAY - timedelta(days=1), acct_id="A2", area="以前")
    make_account(dispatched_on=DAY + timedelta(days=1), acct_id="A3", area="以后")
    assert [name for name in figures_of(DAY) if name.startswith("area")] == ["area:3:当天"]
    assert [Grade.objects.of_area(name).count() for name in ("以前", "当天", "以后")] == [0, 1, 0]


def test_an_import_touches_only_the_days_since_its_dispatches(make_grade, make_account):
    make_account()
    for days in (0, 10):
        make_grade(insert_time=NOON + timedelta(days=days))
        figures_of(DAY + timedelta(days=days))
    import_accounts(csv_file({"acct_id": "A2", "dispatched_on": str(DAY + timedelta(days=5))}), "list.csv")
    assert (is_stale(DAY), is_stale(DAY + timedelta(days=10))) == (False, True)


def test_a_rating_from_before_all_dispatches_of_its_number_stays_off_the_list(make_grade):
    make_grade(insert_time=NOON)
    assert figures_of(DAY)["off_list"] == 1
    import_accounts(csv_file({"dispatched_on": str(DAY + timedelta(days=1))}), "list.csv")
    assert not is_stale(DAY)
    assert +figures_of(DAY) == +measure(start_of(DAY), start_of(DAY + timedelta(days=1)))
    assert (figures_of(DAY)["off_list"], Grade.objects.off_list().count()) == (1, 1)


def test_a_dispatch_that_moves_touches_the_days_since_the_earlier_date(make_grade, make_account):
    account = make_account(dispatched_on=DAY)
    for days in (-1, 0, 3):
        make_grade(insert_time=NOON + timedelta(days=days))
        figures_of(DAY + timedelta(days=days))
    account.dispatched_on = DAY + timedelta(days=2)
    account.save()
    assert [is_stale(DAY + timedelta(days=days)) for days in (-1, 0, 3)] == [False, True, True]
    assert figures_of(DAY)["off_list"] == 1


def test_the_duplicates_of_a_deleted_rating_leave_their_own_day(make_grade):
    later = NOON + timedelta(days=2)
    Repeat.objects.create(grade=make_grade(insert_time=NOON), repeated_at=later)
    assert figures_of(day_of(later))["duplicates"] == 1
    Grade.objects.all().delete()
    assert figures_of(day_of(later))["duplicates"] == 0


def test_submit_writes_no_figures(django_assert_num_queries):
    with django_assert_num_queries(1):
        submit(acc_nbr="1", grade1=1, grade2=1, grade3=1, txt1="", txt2="", txt3="")
    assert not DailyScore.objects.exists()


def test_a_day_stays_open_for_late_commits_after_its_end():
    end = start_of(DAY + timedelta(days=1))
    assert closed_until(DAY, end + timedelta(minutes=9)) == end - timedelta(hours=1)
    assert closed_until(DAY, end + timedelta(minutes=10)) == end
    assert closed_until(DAY, end + timedelta(days=9)) == end


def test_a_rating_that_commits_after_midnight_counts(make_grade):
    today = day_of(timezone.now())
    figures_of(today - timedelta(days=1))
    last_moment = start_of(today) - timedelta(seconds=1)
    rating = Grade(acc_nbr="1", grade1=1, grade2=1, grade3=1, insert_time=last_moment)
    row = DailyScore.objects.get(day=today - timedelta(days=1))
    DailyScore.objects.filter(pk=row.pk).update(until=closed_until(row.day, start_of(today) + module.MARGIN / 2))
    rating.save_base(force_insert=True)  # as /score writes: without a mark
    assert read([row.day], monotonic() + 60).by_day[row.day]["ratings"] == 1


def test_figures_from_before_a_change_are_not_stored(make_grade):
    make_grade(insert_time=NOON)
    row = DailyScore.objects.get(day=DAY)
    old = measure(start_of(DAY), closed_until(DAY, timezone.now()))
    make_grade(insert_time=NOON)
    assert row.store(closed_until(DAY, timezone.now()), old) is False
    assert is_stale(DAY)
    assert figures_of(DAY)["ratings"] == 2


def test_a_change_that_is_rolled_back_leaves_the_figures(make_grade):
    make_grade(insert_time=NOON)
    figures_of(DAY)
    with transaction.atomic():
        Grade.objects.all().delete()
        assert is_stale(DAY)
        transaction.set_rollback(True)
    assert not is_stale(DAY)
    assert figures_of(DAY)["ratings"] == 1


def test_a_stale_day_is_counted_from_the_ratings(make_grade):
    make_grade(insert_time=NOON)
    DailyScore.objects.filter(day=DAY).update(figures={"ratings": 99})
    assert read([DAY], monotonic() + 60).by_day[DAY]["ratings"] == 1


def test_days_that_take_too_long_are_pending(make_grade):
    make_grade(insert_time=NOON)
    refresh([DAY], monotonic() - 1)
    assert is_stale(DAY)
    assert read([DAY], monotonic() - 1) == ({DAY: Counter()}, 1)


def test_known_days_are_those_from_the_first_rating_to_today(make_grade):
    assert known_days(date(2020, 1, 1), date(2090, 1, 1)) == []
    make_grade(insert_time=timezone.now() - timedelta(days=2))
    today = day_of(timezone.now())
    days = [today - timedelta(days=2), today - timedelta(days=1), today]
    assert known_days(date(2020, 1, 1), date(2090, 1, 1)) == days
    assert known_days(days[1], days[1]) == [days[1]]


def test_a_review_of_many_marks_the_days_whose_states_changed(make_grade):
    for days in (0, 0, 40):
        make_grade(insert_time=NOON - timedelta(days=days))
    between, unchanged = DAY - timedelta(days=20), DAY - timedelta(days=30)
    review(Grade.objects.filter(pk=make_grade(insert_time=NOON - timedelta(days=30)).pk))
    for day in (between, unchanged):
        recompute(day)
    review(Grade.objects.all())
    assert [is_stale(day) for day in (DAY, DAY - timedelta(days=40), between, unchanged)] == [True, True, False, False]


@pytest.mark.skipif(connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has no snapshots here")
@pytest.mark.django_db(transaction=True)
def test_the_figures_are_those_of_one_moment_while_ratings_arrive(make_grade):
    today = day_of(timezone.now())

    def rate():
        submit(acc_nbr="1", grade1=1, grade2=5, grade3=5, txt1=str(monotonic()), txt2="", txt3="")
        make_grade(insert_time=NOON)

    with at_work(rate):
        for _ in range(20):
            refresh([DAY, today], monotonic() + 60)
            with snapshot():
                figures = read([DAY, today], monotonic() + 60).by_day
                assert figures[DAY]["ratings"] == Grade.objects.filter(insert_time=NOON).count()
                assert figures[today]["ratings"] == Grade.objects.filter(acc_nbr="1").count()
    assert Grade.objects.count() > 2
