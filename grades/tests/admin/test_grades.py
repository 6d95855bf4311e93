"""admin/grades.py: the list of ratings, and the page of a rating with its review."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from grades.models import Grade

from ..helpers.office import GRADES, log_in, numbers

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
def test_the_list_needs_six_queries_for_any_number_of_rows(
    superuser_client, superuser, make_grade, django_assert_num_queries, rows
):
    for _row in range(rows):
        make_grade(reviewer=superuser)
    # session, user, saved filters, bounded count, which rows, the rows
    with django_assert_num_queries(6):
        superuser_client.get(GRADES)
    # and whether too many rows match the search
    with django_assert_num_queries(7):
        superuser_client.get(f"{GRADES}?review=new&lowest=3&remarks=yes&from=2020-01-01&q=138")
    # and, where a query can be united from parts, the lowest grades of each state, for the count and for the keys
    with django_assert_num_queries(6 + 6 * connection.features.supports_slicing_ordering_in_compound):
        superuser_client.get(f"{GRADES}?review=new&lowest=3&remarks=yes&from=2020-01-01")


# --- The page of a rating -------------------------------------------------------------------------


def test_the_page_of_a_rating_shows_whole_remarks(superuser_client, make_grade):
    grade = make_grade(txt1="很" * 500, txt2="<b>one</b>\ntwo")
    text = superuser_client.get(f"{GRADES}{grade.pk}/change/").text
    assert "很" * 500 in text
    assert "&lt;b&gt;one&lt;/b&gt;<br>two" in text
    assert text.split("<title>")[1].split("</title>")[0] == f"#{grade.pk} | Change rating | Scoring site"


def test_saving_a_review_changes_only_the_review_and_records_the_reviewer(editor, superuser, make_grade):
    grade = make_grade(insert_time=timezone.now() - timedelta(days=1))
    before = {name: getattr(grade, name) for name in (*Grade.CONTENT, "insert_time", "submission_id")}
    response = log_in(editor).post(
        f"{GRADES}{grade.pk}/change/",
        {
            "review_state": "followed_up",
            "review_note": "已回电\n再联系",
            **dict.fromkeys(before, "1"),
            "reviewer": superuser.pk,
            "reviewed_at_0": "2020-01-01",
            "reviewed_at_1": "00:00",
        },
    )
    assert (response.status_code, response["Location"]) == (302, GRADES)
    grade.refresh_from_db()
    assert {name: getattr(grade, name) for name in before} == before
    assert (grade.review_state, grade.review_note.splitlines(), grade.reviewer) == (
        "followed_up",
        ["已回电", "再联系"],
        editor,
    )
    assert timezone.now() - grade.reviewed_at < timedelta(minutes=1)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.action_flag, entry.object_repr, entry.object_id) == (
        editor,
        CHANGE,
        f"#{grade.pk}",
        str(grade.pk),
    )
    assert entry.get_change_message() == "Changed Review and Review note."


def test_saving_without_a_change_keeps_the_reviewer(superuser_client, editor, make_grade):
    grade = make_grade()
    Grade.objects.filter(pk=grade.pk).review("closed", editor, "done")
    reviewed_at = Grade.objects.get().reviewed_at
    superuser_client.post(f"{GRADES}{grade.pk}/change/", {"review_state": "closed", "review_note": "done"})
    grade.refresh_from_db()
    assert (grade.reviewer, grade.reviewed_at) == (editor, reviewed_at)


def test_a_review_can_be_set_back_to_new(superuser_client, superuser, editor, make_grade):
    grade = make_grade()
    Grade.objects.filter(pk=grade.pk).review("closed", editor, "done")
    superuser_client.post(f"{GRADES}{grade.pk}/change/", {"review_state": "new", "review_note": "done"})
    grade.refresh_from_db()
    assert (grade.review_state, grade.review_note, grade.reviewer) == ("new", "done", superuser)


@pytest.mark.parametrize(
    "data", [{"review_state": "gone", "review_note": ""}, {"review_state": "closed", "review_note": "x" * 1001}]
)
def test_an_invalid_review_is_refused(superuser_client, make_grade, data):
    grade = make_grade()
    response = superuser_client.post(f"{GRADES}{grade.pk}/change/", data)
    assert (response.status_code, len(response.context["errors"])) == (200, 1)
    assert Grade.objects.get().review_state == "new"


def test_the_page_of_a_rating_needs_seven_queries(superuser_client, superuser, make_grade, django_assert_num_queries):
    grade = make_grade(reviewer=superuser)
    ContentType.objects.get_for_model(Grade)  # kept in memory once it has been asked for
    # session, user, rating, its reviewer, whether it was kept from a conflict, its repeats, its conflicts
    with django_assert_num_queries(7):
        superuser_client.get(f"{GRADES}{grade.pk}/change/")
