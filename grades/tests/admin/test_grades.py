"""admin/grades.py: the list of ratings, and the page of a rating."""

import re
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from grades.models import Grade, save_review

from ..helpers.office import GRADES, numbers

pytestmark = pytest.mark.django_db


def test_the_list_shows_cut_remarks_with_their_questions_newest_first(superuser_client, make_grade):
    now = timezone.now()
    make_grade(acc_nbr="old", insert_time=now - timedelta(days=1), txt1="", review_state="closed", reviewed_at=now)
    make_grade(acc_nbr="new", insert_time=now, txt1="很" * 50, txt2="慢" * 30)
    response = superuser_client.get(GRADES)
    assert numbers(response) == ["new", "old"]
    cells = re.findall(r'<t[dh] class="field-(remarks_start|review)[^>]*>(.*?)\s*</t[dh]>', response.text)
    assert cells == [
        (
            "remarks_start",
            '<ul class="changes">'
            f'<li><span class="quiet">服务态度如何？</span> {"很" * 39}…</li>'
            f'<li><span class="quiet">专业水平如何？</span> {"慢" * 30}</li></ul>',
        ),
        ("review", '<span class="review review-new"><span aria-hidden="true">○</span> New</span>'),
        ("remarks_start", "-"),
        ("review", '<span class="review review-closed"><span aria-hidden="true">✓</span> Closed</span>'),
    ]


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_needs_seven_queries_for_any_number_of_rows(
    superuser_client, superuser, make_grade, django_assert_num_queries, rows
):
    for _row in range(rows):
        make_grade(reviewer=superuser)
    # session, user, saved filters, no areas, bounded count, which rows, the rows
    with django_assert_num_queries(7):
        superuser_client.get(GRADES)
    # and whether too many rows match the search
    with django_assert_num_queries(8):
        superuser_client.get(f"{GRADES}?review=new&lowest=3&remarks=yes&from=2020-01-01&q=138")
    # and, where a query can be united from parts, the lowest grades of each state, for the count and for the keys
    with django_assert_num_queries(7 + 6 * connection.features.supports_slicing_ordering_in_compound):
        superuser_client.get(f"{GRADES}?review=new&lowest=3&remarks=yes&from=2020-01-01")


# --- The page of a rating -------------------------------------------------------------------------


def test_the_page_of_a_rating_shows_whole_remarks(superuser_client, make_grade):
    grade = make_grade(txt1="很" * 500, txt2="<b>one</b>\ntwo")
    text = superuser_client.get(f"{GRADES}{grade.pk}/change/").text
    assert "很" * 500 in text
    assert "&lt;b&gt;one&lt;/b&gt;<br>two" in text
    assert text.split("<title>")[1].split("</title>")[0] == f"#{grade.pk} | Change rating | Scoring site"


def test_the_page_of_a_rating_needs_eleven_queries(superuser_client, superuser, make_grade, django_assert_num_queries):
    grade = make_grade(reviewer=superuser)
    save_review(grade.pk, 0, superuser, "closed", superuser, "done")
    ContentType.objects.get_for_model(Grade)  # kept in memory once it has been asked for
    # session, user; the rating, whether it was kept from a conflict, its assignment, its assignee, its repeats, its
    # conflicts, its notes, the staff who may be assigned, its reviewer
    with django_assert_num_queries(11):
        superuser_client.get(f"{GRADES}{grade.pk}/change/")
