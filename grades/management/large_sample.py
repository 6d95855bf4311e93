"""Sample data by the million: the database makes the rows, from random numbers and templates that Python drew.

One INSERT … SELECT for each hour of two years, oldest first: memory stays constant. Every hour shifts the random
numbers by amounts of its own. The SQL runs on every supported database. On MySQL and MariaDB the keys of the ratings
are built when all rows are there.
"""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from tqdm import tqdm

from grades.database.bulk_load import without_keys
from grades.database.paging import key_ranges
from grades.management.interrupts import interrupts_wait
from grades.models import CONTENT, Account, Grade, RecountedUntil
from grades.models.figures import MARGIN

DAYS = 730
WEEKDAYS = [1.0, 0.9, 0.9, 0.95, 1.1, 0.8, 0.6]
# The weight of each hour of the day, from midnight on.
HOURS = [0, 0, 0, 0, 0, 0, 0, 1, 4, 9, 11, 8, 4, 5, 9, 10, 9, 7, 5, 5, 4, 2, 1, 0]
SPREAD = 1_000_000_007  # random numbers are below it
TEMPLATES = 4999  # prime: what depends on the template is independent of other remainders
UNHAPPY = [40, 30, 15, 10, 5]  # weights of the levels in the area that got worse
WORSE_AREA, WORSE_DAYS = 3, 45
AREA_SLOTS = 11  # the first areas have twice as many dispatches
RECENT_DAYS = 14  # most ratings come within two weeks of the dispatch
REPEAT_RATERS = 200
REVIEW_HOURS = 72
COUNTED = 10_000  # dispatches of one UPDATE


@dataclass
class Hour:
    """An hour in the time zone of the site, and its rows."""

    start: datetime
    seconds: int
    first: int  # the number of rows before it
    rows: int


def hours(total: int, now: datetime) -> Iterator[Hour]:
    """The hours of the last DAYS days that have rows, `total` in all, by the rhythm of the day and the week."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    slots = []
    for day, hour in itertools.product(range(DAYS), range(24)):
        start = midnight + timedelta(days=day + 1 - DAYS, hours=hour)
        seconds = min(3600, int((now - start).total_seconds()))
        if HOURS[hour] and seconds > 0:
            growth = 1 + day / DAYS
            slots.append((start, seconds, HOURS[hour] * WEEKDAYS[start.weekday()] * growth * seconds / 3600))
    ends = list(itertools.accumulate(weight for _start, _seconds, weight in slots))
    first = 0
    for (start, seconds, _weight), end in zip(slots, ends, strict=True):
        last = round(total * end / ends[-1])
        if last > first:
            yield Hour(start, seconds, first, last - first)
        first = last


class LargeSample:
    """Fills the tables. `maker` is a SampleMaker, whose customers, grades and remarks become the templates."""

    def __init__(self, maker: Any, random: Random, seed: int, grades: int, accounts: int) -> None:
        self.maker, self.random, self.seed, self.grades, self.accounts = maker, random, seed, grades, accounts
        self.dispatches = list(hours(accounts, maker.now))
        self.dispatch_times = [hour.start for hour in self.dispatches]
        self.stored = 0  # ratings

    def fill(self) -> None:
        plan = list(hours(self.grades, self.maker.now))
        self.make_tables(max(hour.rows for hour in plan + self.dispatches))
        self.add_rows(self.dispatches, "dispatch list", self.add_dispatches)
        with without_keys(Grade._meta.db_table):
            self.add_rows(plan, "ratings", self.add_ratings)
        self.add_the_rest()
        self.count_ratings()

    def add_rows(self, plan: list[Hour], title: str, add: Callable[[Hour], None]) -> None:
        """A day is a transaction."""
        with tqdm(total=plan[-1].first + plan[-1].rows, desc=title, disable=None) as progress:
            for _day, of_day in itertools.groupby(plan, key=lambda hour: hour.start.date()):
                with transaction.atomic():
                    for hour in of_day:
                        add(hour)
                        progress.update(hour.rows)

    # --- Random numbers and templates, in temporary tables --------------------------------------

    def make_tables(self, rows: int) -> None:
        numbers = ([self.random.randrange(SPREAD) for _column in "abcd"] for _row in range(rows))
        make_table("sample_row", dict.fromkeys("abcd", "INTEGER"), numbers)
        ratings = dict.fromkeys(("low", *CONTENT[1:4]), "INTEGER") | dict.fromkeys(CONTENT[4:], "VARCHAR(500)")
        make_table("sample_rating", ratings, self.rating_templates())
        customer = ("customer_name", "product", "monthly_fee", "pay_type", "state")
        customers = itertools.islice(self.maker.accounts(), TEMPLATES)
        make_table(
            "sample_customer",
            dict.fromkeys(customer, "VARCHAR(64)"),
            ([str(getattr(row, name)) for name in customer] for row in customers),
        )
        areas = itertools.islice(itertools.cycle(self.maker.areas), AREA_SLOTS)
        make_table("sample_area", {"area": "VARCHAR(64)"}, ([area] for area in areas))

    def rating_templates(self) -> Iterator[list[Any]]:
        for weights in (None, UNHAPPY):
            for _template in range(TEMPLATES):
                levels = self.maker.make_levels(weights)
                remarks = [self.maker.make_long_remark(level) for level in levels]
                yield [min(levels) <= 2, *map(self.maker.grade_of, levels), *remarks]

    # --- Rows -------------------------------------------------------------------------------------

    def execute(self, sql: str, **params: Any) -> None:
        """Run `sql` with `params` and with a, b, c and d, amounts to shift the random numbers by."""
        shifts = {name: self.random.randrange(SPREAD) for name in "abcd"}
        with interrupts_wait(), connection.cursor() as cursor:
            cursor.execute(sql, params | shifts)

    def owner(self, dispatch: str) -> str:
        """The index of a dispatch's customer: one dispatch in eight is the second one of an earlier customer."""
        shift = self.accounts // 80 * 8 + 1
        return f"CASE WHEN {dispatch} %% 8 = 0 AND {dispatch} >= {shift} THEN {dispatch} - {shift} ELSE {dispatch} END"

    def add_dispatches(self, hour: Hour) -> None:
        self.execute(
            f"""
            INSERT INTO account (
                acc_nbr, acct_id, area, customer_name, product, monthly_fee, pay_type, state, dispatched_on
            )
            SELECT {self.maker.first_number} + 2 * i, 7100000000 + i, area,
                customer_name, product, monthly_fee, pay_type, state, %(day)s
            FROM (
                SELECT {self.owner("dispatch")} AS i
                FROM (SELECT %(first)s + id AS dispatch FROM sample_row WHERE id < %(rows)s) AS drawn
            ) AS owned
            JOIN sample_customer ON sample_customer.id = i %% {TEMPLATES}
            JOIN sample_area ON sample_area.id = i %% {AREA_SLOTS}
            """,  # noqa: S608 - constants
            day=hour.start.date(),
            first=hour.first,
            rows=hour.rows,
        )

    def add_ratings(self, hour: Hour) -> None:
        known = max(1, self.dispatched_before(hour.start))
        recent = min(self.dispatched_before(hour.start - timedelta(days=RECENT_DAYS)), known - 1)
        # The dispatches of this day too, whose customers may be rated before their hour.
        listed = self.dispatched_before(hour.start.replace(hour=0) + timedelta(days=1))
        age = self.maker.now - hour.start
        # Staff follow up nearly all low ratings within three days.
        review_hours = min(REVIEW_HOURS, int(age.total_seconds() // 3600) - 2)
        reviewed = 0 if review_hours < 1 else 50 if review_hours < REVIEW_HOURS else 97
        time = f"c * {hour.seconds} / {SPREAD}.0"
        number = "CASE WHEN i < 0 THEN 1 - 2 * i ELSE 2 * i END"
        self.execute(
            f"""
            INSERT INTO grade (
                {", ".join(CONTENT)}, insert_time, submission_id, review_state, review_note, reviewer_id, reviewed_at,
                area, product
            )
            SELECT {", ".join(CONTENT)},
                {moment("%(start)s", time)},
                CASE WHEN d %% 10 < 6 THEN {digest("%(number)s + row_id")} END,
                CASE WHEN is_reviewed = 0 THEN 'new' WHEN d %% 3 = 0 THEN 'followed_up' ELSE 'closed' END,
                CASE WHEN is_reviewed = 0 THEN '' ELSE %(note)s END,
                CASE WHEN is_reviewed = 0 THEN NULL ELSE %(reviewer)s END,
                CASE WHEN is_reviewed = 0 THEN NULL
                    ELSE {moment("%(start)s", f"{time} + 3600 * (1 + d %% {max(1, review_hours)})")} END,
                area, product
            FROM (
                SELECT owned.*, sample_rating.*, {digits(f"{self.maker.first_number} + {number}")} AS acc_nbr,
                    CASE WHEN low = 1 AND b %% 100 < {reviewed} THEN 1 ELSE 0 END AS is_reviewed
                FROM (
                    SELECT {self.owner("dispatch")} AS i, c, d, b, row_id
                    FROM (
                        SELECT id AS row_id, b, c, d,
                            CASE WHEN a %% 100 < 55 THEN {recent} + b %% {known - recent}
                                WHEN a %% 100 < 70 THEN b %% {known}
                                WHEN a %% 100 < 72 THEN b %% {min(known, REPEAT_RATERS)}
                                ELSE -1 - b %% {self.accounts} END AS dispatch
                        FROM (
                            SELECT id, (a + %(a)s) %% {SPREAD} AS a, (b + %(b)s) %% {SPREAD} AS b,
                                (c + %(c)s) %% {SPREAD} AS c, (d + %(d)s) %% {SPREAD} AS d
                            FROM sample_row WHERE id < %(rows)s
                        ) AS shifted
                    ) AS drawn
                ) AS owned
                JOIN sample_rating ON sample_rating.id = d %% {TEMPLATES} + {self.worse(age)}
            ) AS rated
            -- All dispatches of a customer have one area and one product.
            LEFT JOIN sample_area ON sample_area.id = i %% {AREA_SLOTS} AND i >= 0 AND i < {listed}
            LEFT JOIN sample_customer ON sample_customer.id = i %% {TEMPLATES} AND i >= 0 AND i < {listed}
            """,  # noqa: S608 - constants
            start=connection.ops.adapt_datetimefield_value(hour.start),
            number=self.seed * 10**12 + hour.first,
            rows=hour.rows,
            note=self.random.choice(self.maker.notes),
            reviewer=self.maker.reviewer and self.maker.reviewer.pk,
        )
        self.stored += hour.rows

    def dispatched_before(self, moment: datetime) -> int:
        position = bisect_left(self.dispatch_times, moment)
        return self.dispatches[position].first if position < len(self.dispatches) else self.accounts

    def worse(self, age: timedelta) -> str:
        """Of one area, two in five ratings have been unhappy for some weeks: the second half of the templates."""
        if age > timedelta(days=WORSE_DAYS):
            return "0"
        return f"CASE WHEN i %% {AREA_SLOTS} = {WORSE_AREA} AND c %% 5 < 2 THEN {TEMPLATES} ELSE 0 END"

    def add_the_rest(self) -> None:
        lowest, highest = settings.GRADE_MIN, settings.GRADE_MAX
        before = ", ".join(CONTENT[:3]), ", ".join(CONTENT[4:])
        with transaction.atomic():
            self.execute(
                f"""
                INSERT INTO grade_repeat (grade_id, repeated_at)
                SELECT id, {moment("insert_time", "2 + id %% 20")} FROM grade WHERE id %% 100 = 7
                """  # noqa: S608
            )
            self.execute(
                f"""
                INSERT INTO grade_conflict ({before[0]}, grade3, {before[1]}, grade_id, received_at, content_key)
                SELECT {before[0]}, CASE WHEN grade3 > {lowest} THEN {lowest} ELSE {highest} END, {before[1]},
                    id, {moment("insert_time", "60 + id %% 600")}, {digest("id")}
                FROM grade WHERE id %% 1000 = 7
                """  # noqa: S608
            )
            if self.maker.reviewer:
                self.execute(
                    """
                    INSERT INTO review_note (grade_id, text, state, author_id, author_name, written_at)
                    SELECT grade.id, review_note, review_state, reviewer_id, username, reviewed_at
                    FROM grade JOIN auth_user ON auth_user.id = reviewer_id WHERE review_note <> ''
                    """
                )
                self.execute(
                    f"""
                    INSERT INTO credit (account_id, credit_amount, confirmed_by_id, confirmed_at)
                    SELECT id, CEILING(monthly_fee * 1.5), %(user)s, {moment("dispatched_on", "id %% 86400")}
                    FROM account WHERE id %% 20 = 3
                    """,  # noqa: S608
                    user=self.maker.reviewer.pk,
                )

    def count_ratings(self) -> None:
        """The ratings of each dispatch. Those of the last minutes are counted again by the first look."""
        ranges = key_ranges(Account.objects.all(), COUNTED)
        for rows in tqdm(ranges, desc="ratings of dispatches", disable=None):
            with interrupts_wait():
                # Not `count_ratings`, which looks for what has changed: here all has, and no figures are stored yet.
                rows.update(**rows.counts())
        RecountedUntil.objects.update_or_create(pk=1, defaults={"until": self.maker.now - MARGIN})


def moment(start: str, seconds: str) -> str:
    """SQL: the time `seconds` after `start`."""
    if connection.vendor == "sqlite":
        return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', {start}, '+' || ({seconds}) || ' seconds')"
    return f"({start} + INTERVAL ({seconds}) SECOND)"


def digits(number: str) -> str:
    """SQL: a number as text."""
    return f"CAST({number} AS CHAR(20))"


def digest(number: str) -> str:
    """SQL: 32 hexadecimal digits that look random. MySQL 9 has no MD5."""
    text = digits(number)
    return f"SUBSTR({f'SHA256({text})' if connection.vendor == 'sqlite' else f'SHA2({text}, 256)'}, 1, 32)"


def make_table(name: str, columns: dict[str, str], rows: Iterable[list[Any]]) -> None:
    """A temporary table of these rows, with ids from 0."""
    sqlite = connection.vendor == "sqlite"
    # Without TEMPORARY, MySQL would commit.
    drop = "DROP TABLE" if sqlite else "DROP TEMPORARY TABLE"
    encoding = "" if sqlite else " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    definitions = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(f"{drop} IF EXISTS {name}")
        cursor.execute(f"CREATE TEMPORARY TABLE {name} (id INTEGER PRIMARY KEY, {definitions}){encoding}")
        places = ", ".join(["%s"] * (len(columns) + 1))
        numbered = ([number, *row] for number, row in enumerate(rows))
        cursor.executemany(f"INSERT INTO {name} VALUES ({places})", list(numbered))  # noqa: S608
