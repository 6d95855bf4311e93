"""manage.py rebuild_daily_scores."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from grades.models import Account, DailyCoverage, DailyScore, Grade, day_of

pytestmark = pytest.mark.django_db


def rows():
    return {row.day: (row.until, row.figures) for row in DailyScore.objects.all()}


@pytest.fixture
def days(make_grade):
    """Three days with a rating on the first and the last; the last is yesterday."""
    now = timezone.now()
    make_grade(insert_time=now - timedelta(days=3))
    make_grade(insert_time=now - timedelta(days=1))
    return [day_of(now) - timedelta(days=age) for age in (3, 2, 1)]


def test_it_computes_every_day_and_does_the_same_again(days, capsys):
    call_command("rebuild_daily_scores")
    first = rows()
    assert [first[day][1].get("ratings", 0) for day in days] == [1, 0, 1]
    call_command("rebuild_daily_scores")
    assert {day: row for day, row in rows().items() if day in days} == {day: first[day] for day in days}
    lines = ["Recomputed days: 4.", "Corrected dispatches and ratings: 0.", "Recomputed days of dispatches: 0."]
    assert capsys.readouterr().out.splitlines() == lines * 2


def test_it_corrects_the_columns_of_dispatches_and_ratings(days, make_account, capsys):
    make_account(dispatched_on=days[1])
    Account.objects.update(rating_count=9)
    Grade.objects.update(area="?")
    call_command("rebuild_daily_scores")
    assert Account.objects.get().rating_count == 1
    assert list(Grade.objects.order_by("insert_time").values_list("area", flat=True)) == [None, "城东"]
    lines = ["Corrected dispatches and ratings: 3.", "Recomputed days of dispatches: 1."]
    assert capsys.readouterr().out.splitlines()[1:] == lines
    assert DailyCoverage.objects.get().figures["area:rated:城东"] == 1


def test_it_heals_wrong_figures_of_dispatches(make_account):
    make_account()
    call_command("rebuild_daily_scores")
    DailyCoverage.objects.update(figures={"area:total:城东": 99})
    call_command("rebuild_daily_scores")
    assert DailyCoverage.objects.get().figures == {"area:total:城东": 1, "product:total:畅享 129 套餐": 1}


def test_it_heals_wrong_figures_within_the_range(days):
    call_command("rebuild_daily_scores")
    DailyScore.objects.update(figures={"ratings": 99})
    call_command("rebuild_daily_scores", "--from", str(days[0]), "--to", str(days[1]))
    assert [rows()[day][1].get("ratings", 0) for day in days] == [1, 0, 99]


@pytest.mark.parametrize("arguments", [("--from", "2026-13-01"), ("--from", "2026-11-02", "--to", "2026-11-01")])
def test_a_wrong_range_changes_nothing(days, arguments):
    before = rows()
    with pytest.raises(CommandError):
        call_command("rebuild_daily_scores", *arguments)
    assert rows() == before
