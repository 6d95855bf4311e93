"""`manage.py sample_data` from LARGE rows on: the database makes the rows."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Avg, Case, Count, F, When
from django.utils import timezone

from grades.management import large_sample
from grades.management.commands import sample_data
from grades.models import Account, Conflict, Credit, Grade, RecountedUntil, Repeat

from ..helpers.processes import interrupt_command

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)  # half past eleven on a Sunday at the site


@pytest.fixture
def fill(monkeypatch):
    monkeypatch.setattr(sample_data, "LARGE", 0)
    monkeypatch.setattr(large_sample, "DAYS", 120)

    def fill(*args, grades=3000, accounts=800, **options):
        out = StringIO()
        with time_machine.travel(NOW, tick=False):
            call_command("sample_data", *args, grades=grades, accounts=accounts, stdout=out, **options)
        return out.getvalue()

    return fill


def everything():
    """Every row of ratings and dispatches, without the ids."""
    return [
        list(model.objects.order_by(*order).values_list(*[f.name for f in model._meta.fields if f.name not in ids]))
        for model, order, ids in (
            (Grade, ("insert_time", "acc_nbr", "id"), {"id", "reviewer"}),
            (Account, ("acct_id", "dispatched_on"), {"id"}),
        )
    ]


def test_it_makes_as_many_rows_as_asked_for_with_a_login(fill, django_user_model):
    assert fill().startswith(
        "Sample data: 3000 ratings, 800 rows of the dispatch list.\nRun `manage.py rebuild_daily_scores`"
    )
    assert (Grade.objects.count(), Account.objects.count()) == (3000, 800)
    assert django_user_model.objects.get().username == "admin"
    assert set(Grade.objects.exclude(review_state="new").values_list("reviewer__username", flat=True)) == {"admin"}
    assert (Repeat.objects.exists(), Conflict.objects.exists(), Credit.objects.exists()) == (True, True, True)


def test_a_seed_determines_the_rows(fill):
    runs = []
    for seed in (7, 7, 8):
        fill("--no-login", seed=seed)
        runs.append(everything())
        Grade.objects.all().delete()
        Account.objects.all().delete()
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


def test_the_command_makes_large_samples_in_this_way(monkeypatch):
    monkeypatch.setattr(sample_data, "LARGE", 3000)
    monkeypatch.setattr(large_sample, "DAYS", 120)
    call_command("sample_data", "--no-login", grades=2500, accounts=500, stdout=StringIO())
    assert Grade.objects.count() == 2500
    assert Grade.objects.order_by("insert_time").first().insert_time < timezone.now() - timedelta(days=100)


def test_a_database_with_ratings_is_refused(fill, make_grade):
    make_grade()
    with pytest.raises(CommandError, match=r"^The database holds ratings"):
        fill()
    assert (Grade.objects.count(), Account.objects.count()) == (1, 0)


def test_hours_have_all_rows_and_the_rhythm_of_the_week():
    plan = list(large_sample.hours(1_000_000, NOW))
    assert sum(hour.rows for hour in plan) == 1_000_000
    assert all(hour.first == sum(other.rows for other in plan[:k]) for k, hour in enumerate(plan[:50]))
    assert {hour.start.hour for hour in plan} == set(range(7, 23))
    assert (plan[-1].start, plan[-1].seconds) == (datetime(2026, 11, 22, 3, 0, tzinfo=UTC), 1800)
    monday, sunday = (sum(hour.rows for hour in plan if hour.start.weekday() == day) for day in (0, 6))
    assert 1.5 < monday / sunday < 1.8


def test_ratings_lie_in_working_hours_and_before_now(fill):
    fill("--no-login")
    times = Grade.objects.order_by("insert_time").values_list("insert_time", flat=True)
    assert {timezone.localtime(time).hour for time in times} <= set(range(7, 23))
    assert NOW - timedelta(days=120) < times[0] < NOW - timedelta(days=118)
    assert list(times)[-1] < NOW


def test_ratings_are_of_dispatches_repeaters_and_strangers(fill):
    fill("--no-login")
    listed = Grade.objects.filter(number__in=Account.objects.values("number")).count()
    assert 0.65 < listed / 3000 < 0.8
    counts = Grade.objects.values("number").annotate(n=Count("id")).values_list("n", flat=True)
    assert max(counts) > 5
    twice = Account.objects.values("number").annotate(n=Count("id"), days=Count("dispatched_on", distinct=True))
    assert set(twice.values_list("n", flat=True)) == {1, 2}
    assert not twice.exclude(n=F("days")).exists()


def test_columns_of_ratings_and_dispatches_have_their_values(fill):
    fill("--no-login")
    assert not Grade.objects.misplaced().exists()
    assert not Account.objects.miscounted().exists()
    assert 0.6 < Grade.objects.exclude(area=None).count() / 3000 < 0.8
    assert RecountedUntil.objects.get().until == NOW - timedelta(minutes=10)


def test_one_area_got_worse(fill):
    fill("--no-login", grades=20_000)
    low = Avg(Case(When(lowest_grade__lte=2, then=1.0), default=0.0))
    numbers = Account.objects.filter(area="城北").values("number")
    ratings = Grade.objects.filter(number__in=numbers)
    month_ago = NOW - timedelta(days=30)
    before = ratings.filter(insert_time__lt=NOW - timedelta(days=60)).aggregate(low=low)["low"]
    assert ratings.filter(insert_time__gte=month_ago).aggregate(low=low)["low"] > 2 * before


def test_remarks_have_many_lengths(fill):
    fill("--no-login")
    lengths = {len(text) for text in Grade.objects.values_list("txt1", flat=True)}
    assert {0, 500} < lengths
    assert len(lengths) > 60


def test_most_low_ratings_were_followed_up_after_they_came(fill):
    fill()
    reviewed = Grade.objects.exclude(review_state="new")
    assert set(reviewed.values_list("review_state", flat=True)) == {"followed_up", "closed"}
    assert not reviewed.filter(lowest_grade__gt=2).exists()
    assert not reviewed.exclude(reviewed_at__gt=F("insert_time"), reviewed_at__lt=NOW).exists()
    assert 0 < Grade.objects.at_or_below(2).filter(review_state="new").count() < 50


def test_grades_lie_in_the_range_of_the_settings(fill, settings):
    settings.GRADE_MIN, settings.GRADE_MAX = 0, 10
    fill("--no-login")
    assert set(Grade.objects.values_list("grade1", flat=True)) == {0, 2, 5, 8, 10}


def test_every_account_number_matches_the_contract(fill):
    fill("--no-login")
    numbers = {*Grade.objects.values_list("acc_nbr", flat=True), *Account.objects.values_list("acc_nbr", flat=True)}
    assert [number for number in numbers if not re.fullmatch(settings.ACC_NBR_PATTERN, number)] == []
    assert {len(number) for number in numbers} == {11}


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_keeps_whole_days_and_says_what_to_do():
    status, output, (*_bars, line) = interrupt_command(
        "sample_data", "--grades", "400000", "--accounts", "3000", at=r"ratings: +[1-9]\d?%"
    )
    assert (status, output) == (130, "")
    stored = int(re.fullmatch(r"Stopped after ([\d,]+) ratings\. .*`manage\.py flush`.*", line)[1].replace(",", ""))
    assert 0 < Grade.objects.count() <= stored
