"""`manage.py sample_data`: the rows that it makes, and the databases that it refuses."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Count, F

from grades.management.commands.sample_data import TOUR_NUMBER
from grades.models import Account, Conflict, Grade, Repeat

from ..helpers.processes import interrupt_command

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOW, tick=False):
        yield


def sample_data(*args, **options):
    out = StringIO()
    call_command("sample_data", *args, stdout=out, **options)
    return out.getvalue()


def everything():
    """Every row of all tables, without the ids."""
    return [
        list(model.objects.order_by("id").values_list(*[f.name for f in model._meta.fields if f.name not in ids]))
        for model, ids in (
            (Grade, {"id", "reviewer"}),
            (Account, {"id"}),
            (Repeat, {"id", "grade"}),
            (Conflict, {"id", "grade"}),
        )
    ]


def test_it_fills_an_empty_database_and_makes_one_staff_login(django_user_model):
    out = sample_data()
    assert (Grade.objects.count(), Account.objects.count()) == (300, 120)
    user = django_user_model.objects.get()
    password = re.search(r"Password +(\S+)", out)[1]
    assert (user.username, user.is_staff, user.is_superuser, user.check_password(password)) == (
        "admin", True, True, True,
    )  # fmt: skip
    assert out == (
        "Sample data: 300 ratings, 120 rows of the dispatch list.\n"
        "+----------------------------------+\n"
        "|  Staff login   admin             |\n"
        f"|  Password      {password}  |\n"
        "|  Shown once, kept nowhere.       |\n"
        "+----------------------------------+\n"
    )
    assert re.fullmatch("[A-Za-z0-9]{16}", password)


def test_a_seed_determines_the_rows():
    runs = []
    for seed in (7, 7, 8):
        sample_data("--no-login", seed=seed)
        runs.append(everything())
        Grade.objects.all().delete()
        Account.objects.all().delete()
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]
    assert runs[0][1] != runs[2][1]


@pytest.mark.parametrize(("grades", "accounts"), [(5, 2), (6, 3), (2001, 400), (40, 3000)])
def test_it_makes_as_many_rows_as_asked_for(grades, accounts):
    assert sample_data("--no-login", grades=grades, accounts=accounts) == (
        f"Sample data: {grades} ratings, {accounts} rows of the dispatch list.\n"
    )
    assert (Grade.objects.count(), Account.objects.count()) == (grades, accounts)


@pytest.mark.parametrize("option", ["--grades=4", "--accounts=1", "--grades=many"])
def test_too_few_rows_for_the_tour_are_refused(option):
    with pytest.raises(CommandError, match="invalid number of at least"):
        sample_data(option)


@pytest.mark.parametrize("kind", ["grade", "account", "user"])
def test_a_database_with_any_row_is_not_changed(kind, make_grade, make_account, django_user_model):
    {"grade": make_grade, "account": make_account, "user": lambda: django_user_model.objects.create_user("u")}[kind]()
    before = everything(), list(django_user_model.objects.values())
    with pytest.raises(CommandError, match=r"^The database holds ratings, accounts or users already"):
        sample_data()
    assert sample_data("--if-empty") == ""
    assert (everything(), list(django_user_model.objects.values())) == before


def test_if_empty_fills_an_empty_database():
    sample_data("--if-empty", "--no-login")
    assert (Grade.objects.count(), Account.objects.count()) == (300, 120)


def test_no_login_makes_no_user(django_user_model):
    sample_data("--no-login")
    assert not django_user_model.objects.exists()
    assert not Grade.objects.exclude(reviewer=None).exists()


def test_the_number_of_the_tour_has_two_dispatches_and_ratings():
    sample_data("--no-login", grades=5, accounts=2)
    newest, older = Account.objects.of_number(TOUR_NUMBER)
    assert (newest.pay_type, newest.monthly_fee, newest.credit_amount) == ("postpaid", Decimal("99.00"), 149)
    assert older.pay_type == "prepaid"
    assert newest.acct_id == older.acct_id
    assert newest.dispatched_on > older.dispatched_on
    assert Grade.objects.of_account(TOUR_NUMBER).count() == 5


def test_a_few_ratings_have_duplicates_and_one_has_a_conflict():
    sample_data("--no-login")
    assert 5 <= Repeat.objects.since(NOW - timedelta(days=90)).count() <= 20
    assert not Repeat.objects.filter(repeated_at__gt=NOW).exists()
    assert not Repeat.objects.exclude(repeated_at__gt=F("grade__insert_time")).exists()
    conflict = Conflict.objects.get()
    assert conflict.differences == ["grade3", "txt3"]
    assert conflict.grade.insert_time < conflict.received_at <= NOW
    assert conflict.grade.submission_id
    assert conflict.kept_as is None


def test_ratings_lie_in_the_last_ninety_days_and_up_to_now():
    sample_data("--no-login")
    times = list(Grade.objects.newest_first().values_list("insert_time", flat=True))
    assert times[0] == NOW - timedelta(minutes=2)
    assert times[-1] >= NOW - timedelta(days=90)


def test_most_ratings_are_good_and_of_dispatched_accounts():
    sample_data("--no-login", grades=2000)
    good = Grade.objects.filter(lowest_grade__gte=4).count()
    bad = Grade.objects.at_or_below(2).count()
    listed = Grade.objects.filter(acc_nbr__in=Account.objects.values("acc_nbr")).count()
    assert 1000 < good < 1700
    assert 100 < bad < 500
    assert 1300 < listed < 1500
    assert 500 < Grade.objects.filter(has_remarks=True).count() < 1500


def test_some_numbers_have_two_dispatches_on_different_days():
    sample_data("--no-login")
    dispatches = Account.objects.values("acc_nbr").annotate(n=Count("id"), days=Count("dispatched_on", distinct=True))
    assert set(dispatches.values_list("n", flat=True)) == {1, 2}
    assert not dispatches.exclude(n=F("days")).exists()


def test_the_login_followed_up_unhappy_customers_after_their_ratings(django_user_model):
    sample_data()
    reviewed = Grade.objects.exclude(review_state="new")
    assert set(reviewed.values_list("review_state", flat=True)) == {"followed_up", "closed"}
    assert not reviewed.filter(lowest_grade__gt=2).exists()
    assert all(grade.thread.get().state == grade.review_state for grade in reviewed)
    assert set(reviewed.values_list("reviewer__username", flat=True)) == {"admin"}
    assert not reviewed.exclude(reviewed_at__gt=F("insert_time"), reviewed_at__lt=NOW).exists()


def test_grades_lie_in_the_range_of_the_settings(settings):
    settings.GRADE_MIN, settings.GRADE_MAX = 0, 10
    sample_data("--no-login")
    assert set(Grade.objects.values_list("grade1", flat=True)) == {0, 2, 5, 8, 10}


def test_every_account_number_matches_the_contract():
    sample_data("--no-login")
    numbers = {*Grade.objects.values_list("acc_nbr", flat=True), *Account.objects.values_list("acc_nbr", flat=True)}
    assert {number for number in numbers if not re.fullmatch(settings.ACC_NBR_PATTERN, number)} == set()
    assert {number[:7] for number in numbers} == {"1380013"}


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_the_command_with_one_line_and_stores_nothing(django_user_model):
    status, output, (bar, *lines) = interrupt_command("sample_data", "--grades", "20000", at=r"ratings: +[1-9]\d%")
    assert bar.startswith("ratings: ")
    assert (status, output, lines) == (130, "", ["Stopped. Nothing was stored."])
    assert not any(model.objects.exists() for model in (Grade, Account, django_user_model))
