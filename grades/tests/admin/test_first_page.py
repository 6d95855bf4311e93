"""The figures on the first page of the back office."""

import re
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from grades.models import Conflict, Repeat
from grades.templatetags import duplicates

from ..helpers.office import CONFLICTS, log_in

pytestmark = pytest.mark.django_db


def figures(client):
    text = client.get("/admin/").text
    if 'class="figures"' not in text:
        return []
    items = re.findall(r"<li>(.*?)</li>", text.split('class="figures"')[1].split("</ul>")[0])
    return [re.sub(r"<[^>]+>", "", item) for item in items]


@pytest.fixture
def some_traffic(make_grade, make_conflict):
    """A rating and a duplicate of each age; two conflicts, one of them open."""
    now = timezone.now()
    for age in (timedelta(hours=23), timedelta(hours=25), timedelta(days=29), timedelta(days=31)):
        grade = make_grade(insert_time=now - age)
        Repeat.objects.create(grade=grade, repeated_at=now - age + timedelta(seconds=9))
    make_grade()
    make_conflict(grade)
    make_conflict(grade, txt1="x").keep()


def test_it_shows_duplicates_with_their_share_and_open_conflicts(superuser_client, some_traffic):
    assert figures(superuser_client) == [
        "Duplicates in the last 24 hours: 1 (25.0 % of submissions)",
        "Duplicates in the last 30 days: 3 (37.5 % of submissions)",
        "Open conflicts: 1",
    ]
    assert f'<a href="{CONFLICTS}?state=open">Open conflicts:</a>' in superuser_client.get("/admin/").text


def test_each_figure_needs_its_permission(client_with, staff, some_traffic):
    assert figures(log_in(staff)) == []
    assert [line.split(":")[0] for line in figures(client_with("view_conflict"))] == ["Open conflicts"]
    assert [line.split(" ")[0] for line in figures(client_with("view_grade"))] == ["Duplicates", "Duplicates"]
    assert figures(Client()) == []


def test_the_figures_are_counted_up_to_a_limit(
    superuser_client, some_traffic, monkeypatch, lower_count_limit, django_assert_num_queries
):
    monkeypatch.setattr(duplicates, "SHARE_LIMIT", 2)
    lower_count_limit(1)
    ContentType.objects.get_for_model(Conflict)
    # session, user, three for the first steps, duplicates and ratings of a day, of a month, open conflicts, the user's
    # own actions
    with django_assert_num_queries(11) as queries:
        lines = figures(superuser_client)
    assert lines[:2] == [
        "Duplicates in the last 24 hours: 1 (less than 25.1 % of submissions)",
        "Duplicates in the last 30 days: 2+",
    ]
    counts = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert [re.search(r"LIMIT (\d+)", sql)[1] for sql in counts] == ["3", "3", "3", "3", "2"]


@pytest.mark.parametrize(
    ("repeats", "ratings", "label"),
    [
        (0, 0, ""),
        (0, 100_001, ""),
        (12, 375, "3.1 %"),
        (1, 5_000, "less than 0.1 %"),
        (3_000, 100_001, "less than 3.0 %"),
        (1, 100_001, "less than 0.1 %"),
        (100_001, 3_000, "more than 97.0 %"),
        (100_001, 100_001, ""),
    ],
)
def test_a_share_is_exact_or_a_bound(repeats, ratings, label):
    assert duplicates.share_label(repeats, ratings) == label
