"""For random filters: the count and the pages of a list, its export, a figure that links to it and plain SQL agree."""

import csv
import io
import random
import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone

from grades import jobs
from grades.admin import exports
from grades.models import Account, Assignment, Conflict, Credit, Grade, Repeat, day_of
from grades.submissions.store import submit

from ..helpers.office import ACCOUNTS, CONFLICTS, CREDITS, GRADES, review
from ..helpers.sql import DUPLICATES, select

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("jobs_folder")]

AREAS, PRODUCTS, DAYS = ["城东", "城西", "城南", ""], ["畅享 129 套餐", "千兆宽带"], 40
NUMBERS = [f"1380013{last}" for last in range(8000, 8012)] + ["07558000", "ADSL-01"]
WAYS = ["{}", "+86{}", "{}"]  # to write a number
DIRECT_ROWS = 40  # larger exports are made by a job


def write_number(drawn, number):
    return drawn.choice(WAYS).format(number) if number.startswith("1") else number


@pytest.fixture
def office(request, superuser, staff, make_conflict):
    """Random dispatches, ratings, reviews, credits, duplicates and conflicts of some weeks; returns the generator."""
    drawn, now = random.Random(request.param), timezone.now()
    for number in range(70):
        Account.objects.create(
            acc_nbr=write_number(drawn, drawn.choice(NUMBERS[:-2])),
            acct_id=f"A{number}",
            area=drawn.choice(AREAS),
            product=drawn.choice(PRODUCTS),
            pay_type="prepaid",
            monthly_fee=1,
            dispatched_on=day_of(now) - timedelta(days=drawn.randrange(DAYS)),
        )
    Grade.objects.bulk_create(
        Grade(
            acc_nbr=write_number(drawn, drawn.choice(NUMBERS)),
            insert_time=now - timedelta(minutes=drawn.randrange(DAYS * 24 * 60)),
            **{f"grade{number}": drawn.choice([1, 2, 3, 4, 5, 5, 5]) for number in (1, 2, 3)},
            **{f"txt{number}": drawn.choice(["", "", "师傅很准时", "经常掉线 100%"]) for number in (1, 2, 3)},
        )
        for _rating in range(180)
    )
    for _rating in range(6):  # as a customer sends it: nothing else is counted in the same transaction
        submit(acc_nbr=drawn.choice(NUMBERS), grade1=1, grade2=5, grade3=5, txt1=str(_rating), txt2="", txt3="")
    some = lambda rows, share: [row for row in rows if drawn.random() < share]  # noqa: E731
    ratings = list(Grade.objects.order_by("pk"))
    for state in ("followed_up", "closed"):
        review(Grade.objects.filter(pk__in=[rating.pk for rating in some(ratings, 0.25)]), state)
    Assignment.objects.bulk_create(Assignment(grade=rating, assignee=superuser) for rating in some(ratings, 0.2))
    for rating in some(ratings, 0.15):
        Repeat.objects.create(grade=rating, repeated_at=min(now, rating.insert_time + timedelta(minutes=3)))
    for rating in some(ratings, 0.1):
        make_conflict(rating, rating.insert_time, grade1=5 - rating.grade1)
    for conflict in some(Conflict.objects.order_by("pk"), 0.3):
        conflict.keep()
    for account in some(Account.objects.order_by("pk"), 0.4):
        credit, _created = account.confirm_credit(drawn.choice([superuser, staff]))
        moment = now - timedelta(days=drawn.randrange(DAYS))
        Credit.objects.filter(pk=credit.pk).update(confirmed_at=moment)
        if drawn.random() < 0.4:
            credit.withdraw(superuser, "x")
            if drawn.random() < 0.5:
                account.confirm_credit(staff)
    return drawn


def draw_query(drawn, path):
    """A random combination of the filters that a list offers."""
    some = {}
    choices = {
        GRADES: {
            "review": ["new", "followed_up", "closed", "reviewed"],
            "lowest": ["1", "2", "4"],
            "remarks": ["yes", "no"],
            "assignee": ["me"],
            "grade2": ["1", "5"],
            "words": ["掉线", "100%"],
        },
        ACCOUNTS: {"area": AREAS, "product": PRODUCTS, "rated": ["no", "yes", "low", "more"], "credited": ["yes"]},
        CREDITS: {"clerk": list(map(str, Credit.objects.values_list("confirmed_by", flat=True).distinct()))}
        | {"withdrawn": ["yes", "no"]},
        CONFLICTS: {"state": ["open", "kept"]},
        DUPLICATES: {},
    }[path]
    for name, values in choices.items():
        if drawn.random() < 0.3:
            some[name] = drawn.choice(values)
    if path == GRADES and drawn.random() < 0.5:
        some |= drawn.choice([{"area": drawn.choice(AREAS)}, {"product": drawn.choice(PRODUCTS)}, {"listed": "no"}])
    if path != DUPLICATES and drawn.random() < 0.2:
        some["q"] = drawn.choice([f'"{drawn.choice(NUMBERS)}"', "1380013800", "1380013", "*8003", "0755"])
    if path == CREDITS and some.get("q", "").startswith("*"):
        del some["q"]
    if path != CONFLICTS and drawn.random() < 0.4:
        today = day_of(timezone.now())
        first = today - timedelta(days=drawn.randrange(DAYS))
        last = first + timedelta(days=drawn.randrange(14))
        period = {"period": drawn.choice(["today", "7days", "last-week", "month"])}
        some |= drawn.choice([period, {"from": str(first)}, {"to": str(last)}, {"from": str(first), "to": str(last)}])
    return {name: value for name, value in some.items() if value != "" or name in ("area", "product")}


def pages(client, path, query):
    """(count, keys from page to page) of a list."""
    count, keys = None, []
    address = {**query}
    while address is not None:
        response = client.get(path, address)
        assert response.status_code == 200, (query, response.get("Location"))
        changelist = response.context["cl"]
        count = changelist.result_count if count is None else count
        keys += [row.pk for row in changelist.result_list]
        link = {rel: target for rel, _text, target in changelist.pages()}["next"]
        address = dict(parse_qsl(link.removeprefix("?"), keep_blank_values=True)) if link else None
    return count, keys


def exported(client, path, query):
    """The first column of the exported rows; None if there was nothing to export."""
    response = client.post(f"{path}export/", {"format": "csv"}, query_params=query)
    if response.status_code == 302 and "/jobs/" in response["Location"]:
        assert jobs.run_next()
        response = client.get(f"{response['Location']}/file")
    if response.status_code == 302:
        return None
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return [row[0].lstrip("'") for row in csv.reader(io.StringIO(text, newline=""))][1:]


def check(client, path, query):
    """Assert that list, export and SQL agree; returns the count."""
    rows = select(path, query, day_of(timezone.now()))
    count, keys = pages(client, path, query)
    assert (count, keys) == (len(rows), [key for key, _first in rows]), (path, query)
    texts = exported(client, path, query)
    assert len(texts or []) == len(rows), (path, query)
    if path != DUPLICATES:
        assert (texts or []) == [first for _key, first in rows], (path, query)
    return count


@pytest.mark.parametrize("office", range(3), indirect=True)
def test_list_pages_export_and_sql_agree_for_random_filters(superuser_client, office, monkeypatch):
    monkeypatch.setattr(exports, "DIRECT_ROWS", DIRECT_ROWS)
    lists = [GRADES] * 8 + [ACCOUNTS] * 5 + [CREDITS] * 3 + [CONFLICTS, DUPLICATES]
    counts = [check(superuser_client, path, draw_query(office, path)) for path in office.sample(lists, len(lists))]
    assert sum(count > 0 for count in counts) > len(counts) / 2


@pytest.mark.slow
@pytest.mark.parametrize("office", range(3), indirect=True)
def test_each_figure_is_the_count_of_its_list_its_export_and_sql(superuser_client, office, monkeypatch):
    monkeypatch.setattr(exports, "DIRECT_ROWS", DIRECT_ROWS)
    today = day_of(timezone.now())
    first = today - timedelta(days=office.randrange(DAYS))
    last = min(today, first + timedelta(days=office.randrange(20)))
    for page in ("/admin/", "/admin/coverage/"):
        text = superuser_client.get(page, {"from": first, "to": last}).text
        links = re.findall(r'<a[^>]* href="(/admin/grades/[a-z]+/\?[^"]+)"[^>]*>([0-9,]+)</a>', text)
        assert len(links) > 20
        figures = {unescape(link): int(value.replace(",", "")) for link, value in links}
        whole = set(office.sample(sorted(figures), 5))
        for link, value in figures.items():
            parts = urlsplit(link)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            assert len(select(parts.path, query, today)) == value, link
            assert superuser_client.get(link).context["cl"].result_count == value, link
            if link in whole:
                check(superuser_client, parts.path, query)
