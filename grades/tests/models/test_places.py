"""Which dispatch a rating is about: columns, figures, lists and plain SQL agree, whoever has written."""

import random
from collections import Counter
from datetime import date, datetime, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from grades.database.localtime import local_day_sql
from grades.models import Account, Grade, day_of, end_of, normal_number, start_of
from grades.models.coverage import catch_up
from grades.models.figures import days_between, read, refresh
from grades.submissions.store import submit

from ..helpers.files import csv_file, import_here
from ..helpers.office import GRADES

pytestmark = pytest.mark.django_db

DAYS = 20
PLACES = [("", "甲"), ("东", "甲"), ("东", "乙"), ("西", ""), ("西", "乙")]


class Writers:
    """Writes at random, as everything that writes ratings or dispatches does."""

    def __init__(self, seed):
        self.random, self.today = random.Random(seed), day_of(timezone.now())

    def number(self):
        return self.random.choice(["1380013800", "138-0013-800", "+86-1380013800"]) + str(self.random.randrange(6))

    def day(self):
        return self.today - timedelta(days=self.random.randrange(-1, DAYS))

    def content(self):
        grades = {f"grade{number}": self.random.choice([1, 2, 3, 4, 5, 5, 5]) for number in (1, 2, 3)}
        return {"acc_nbr": self.number(), "txt1": str(self.random.random()), **grades}

    def time(self):
        return timezone.now() - timedelta(minutes=self.random.randrange(DAYS * 24 * 60))

    def place(self):
        return dict(zip(("area", "product"), self.random.choice(PLACES), strict=True))

    def by_score(self):
        submit(**self.content(), txt2="", txt3="")

    def by_score_that_commits_late(self):
        time = timezone.now() - timedelta(minutes=9 * self.random.random())
        Grade(**self.content(), insert_time=time).save_base(force_insert=True)

    def by_creation(self):
        Grade.objects.create(**self.content(), insert_time=self.time())

    def by_bulk_creation(self):
        Grade.objects.bulk_create(Grade(**self.content(), insert_time=self.time()) for _ in range(3))

    def by_deletion(self):
        if ratings := Grade.objects.order_by("insert_time", "pk"):
            self.random.choice(ratings).delete()

    def by_dispatch(self):
        pay = {"pay_type": "prepaid", "monthly_fee": 1}
        acct_id = str(self.random.random())
        Account.objects.create(acc_nbr=self.number(), acct_id=acct_id, dispatched_on=self.day(), **pay, **self.place())

    def by_change_of_a_dispatch(self):
        if dispatches := Account.objects.order_by("acct_id", "dispatched_on"):
            dispatch = self.random.choice(dispatches)
            dispatch.acct_id = str(self.random.random())
            dispatch.acc_nbr, dispatch.dispatched_on = self.number(), self.day()
            dispatch.area, dispatch.product = self.place().values()
            dispatch.save()

    def by_deletion_of_a_dispatch(self):
        if dispatches := Account.objects.order_by("acct_id", "dispatched_on"):
            self.random.choice(dispatches).delete()

    def by_import(self):
        # The same accounts again and again: rows are added and changed.
        rows = {(acct_id, self.day()): self.number() for acct_id in self.random.sample("ABCD", 3)}
        import_here(
            csv_file(
                *(
                    {"acct_id": acct_id, "dispatched_on": str(day), "acc_nbr": number, **self.place()}
                    for (acct_id, day), number in rows.items()
                )
            ),
            "list.csv",
        )

    def look(self):
        catch_up(monotonic() + 60)

    def write(self):
        writers = [getattr(self, name) for name in vars(type(self)) if name.startswith("by_")]
        self.random.choice([*writers, self.look])()


def places_by_rule():
    """{pk: (area, product)} of the ratings, by the rule itself."""
    dispatches = list(Account.objects.order_by("dispatched_on", "pk"))
    found = {}
    for rating in Grade.objects.all():
        of_number = [row for row in dispatches if row.number == normal_number(rating.acc_nbr)]
        earlier = [row for row in of_number if row.dispatched_on <= day_of(rating.insert_time)]
        found[rating.pk] = (earlier[-1].area, earlier[-1].product) if earlier else (None, None)
    return found


def places_by_sql():
    day = local_day_sql("grade.insert_time", connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id, area, product FROM (
                SELECT grade.id, account.area, account.product, ROW_NUMBER() OVER (
                    PARTITION BY grade.id ORDER BY account.dispatched_on DESC, account.id DESC
                ) AS place
                FROM grade LEFT JOIN account
                ON account.number = grade.number AND account.dispatched_on <= {day}
            ) AS ranked WHERE place = 1
            """
        )
        return {pk: place for pk, *place in cursor.fetchall()}


def figures_of(first, last):
    days = list(days_between(first, last))
    refresh(days, monotonic() + 60)
    return sum(read(days, monotonic() + 60).by_day.values(), Counter())


@pytest.mark.parametrize("seed", range(4))
def test_columns_figures_lists_and_sql_agree_after_any_writers(superuser_client, seed):
    writers = Writers(seed)
    for _round in range(3):
        for _ in range(25):
            writers.write()
        first, last = sorted([writers.day(), writers.day()])
        counted = figures_of(first, last)  # before a look
        writers.look()
        expected = places_by_rule()
        assert {pk: place for pk, *place in Grade.objects.values_list("pk", "area", "product")} == {
            pk: list(place) for pk, place in expected.items()
        }
        assert places_by_sql() == {pk: list(place) for pk, place in expected.items()}
        in_period = Grade.objects.between(start_of(first), end_of(last)).values_list("pk", flat=True)
        areas, products = (Counter(expected[pk][position] for pk in in_period) for position in (0, 1))
        for name, places in (("area", areas), ("product", products)):
            assert sum_of(counted, name) == {place: count for place, count in places.items() if place is not None}
            assert sum(sum_of(counted, name).values()) + counted["off_list"] == counted["ratings"] == len(in_period)
            for place in {*places, "北"}:
                filters = {"listed": "no"} if place is None else {name: place}
                page = superuser_client.get(GRADES, {"from": first, "to": last, **filters})
                assert (filters, page.context["cl"].result_count) == (filters, places[place])


def sum_of(figures, column):
    """{area: ratings} or {product: ratings}."""
    total = Counter()
    for name, count in figures.items():
        if count and name.startswith(f"{column}:"):
            total[name.split(":", 2)[2]] += count
    return total


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
def test_the_day_of_a_rating_follows_summer_time(make_grade, make_account, settings, zone):
    settings.TIME_ZONE = zone
    for day in (date(2026, 1, 15), date(2026, 7, 15)):
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        make_account(acc_nbr=str(day), acct_id=str(day), dispatched_on=day)
        for seconds in (-1, 0):
            make_grade(acc_nbr=str(day), insert_time=midnight + timedelta(seconds=seconds))
    areas = Grade.objects.order_by("insert_time").values_list("area", flat=True)
    assert list(areas) == [None, "城东", None, "城东"]
    assert list(Account.objects.values_list("rating_count", flat=True)) == [1, 1]
