"""admin/actions.py and the actions on ratings: review, deletion and export in bulk."""

import io
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from grades.models import Account, Grade

from ..helpers.office import ACCOUNTS, CONFLICTS, GRADES, act, confirm, log_in, make_credit, messages

pytestmark = pytest.mark.django_db


# --- Review ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "state"), [("mark_followed_up", "followed_up"), ("mark_closed", "closed"), ("reopen", "new")]
)
def test_a_selection_is_reviewed_with_a_note_and_logged_once(editor, superuser, make_grade, action, state):
    first, second, _other = make_grade(), make_grade(), make_grade()
    Grade.objects.review("followed_up", superuser, "before")
    client = log_in(editor)
    page = act(client, action, [first.pk, second.pk])
    assert "This changes 2 ratings." in page.text
    assert Grade.objects.filter(review_note="before").count() == 3

    response = confirm(client, page, note="已回电")

    assert (response.status_code, response["Location"]) == (302, GRADES)
    assert messages(response) == [f"2 ratings are now: {Grade.ReviewState(state).label}."]
    rows = Grade.objects.order_by("pk").values_list("review_state", "review_note", "reviewer__username")
    assert list(rows) == [(state, "已回电", "editor"), (state, "已回电", "editor"), ("followed_up", "before", "boss")]
    assert all(timezone.now() - grade.reviewed_at < timedelta(minutes=1) for grade in Grade.objects.all())
    entry = LogEntry.objects.get()
    assert (entry.user, entry.action_flag, entry.object_id, entry.object_repr) == (editor, CHANGE, None, "2 ratings")
    chosen = f"{Grade.ReviewState(state).label}: #{first.pk}, #{second.pk}"
    assert entry.get_change_message() == chosen


def test_a_bulk_review_without_a_note_keeps_existing_notes(editor, make_grade):
    noted, bare = make_grade(review_note="客户要求回电"), make_grade()
    client = log_in(editor)
    confirm(client, act(client, "mark_closed", [noted.pk, bare.pk]), note="")
    rows = Grade.objects.order_by("pk").values_list("review_state", "review_note", "reviewer__username")
    assert list(rows) == [("closed", "客户要求回电", "editor"), ("closed", "", "editor")]


def test_a_bulk_review_covers_all_matches_beyond_the_counted_ones(superuser_client, make_grade, lower_count_limit):
    lower_count_limit(100)
    for number in range(130):
        make_grade(acc_nbr=f"138{number}", grade1=1)
    make_grade(acc_nbr="139", grade1=1)
    make_grade(acc_nbr="138", grade1=5, grade2=5, grade3=5)
    shown = list(Grade.objects.newest_first().values_list("pk", flat=True)[:50])
    page = act(superuser_client, "mark_closed", shown, True, "?lowest=2&q=138")
    assert "This changes 100+ ratings." in page.text
    assert page.text.count('type="hidden"') < 60  # the page carries the filter, not the rows

    with CaptureQueriesContext(connection) as queries:
        response = confirm(superuser_client, page, note="")

    assert messages(response) == ["130 ratings are now: Closed."]
    assert Grade.objects.filter(review_state="closed").count() == 130
    assert Grade.objects.filter(acc_nbr__in=["138", "139"], review_state="new").count() == 2
    # the ratings, and their one day
    assert len([query for query in queries.captured_queries if query["sql"].startswith("UPDATE")]) == 2
    entry = LogEntry.objects.get()
    assert entry.object_repr == "130 ratings"
    # what was searched for is an account number and stays out of the log
    assert entry.get_change_message() == "Closed: all rows that matched “lowest=2&searched=yes”"


def test_a_bulk_review_skips_ratings_newer_than_the_confirmation_page(superuser_client, make_grade):
    grade = make_grade()
    page = act(superuser_client, "mark_closed", [grade.pk], True, "?review=new")
    late = make_grade()
    response = confirm(superuser_client, page)
    assert messages(response) == ["1 rating is now: Closed."]
    late.refresh_from_db()
    assert late.review_state == "new"


def test_a_note_that_is_too_long_is_refused(superuser_client, make_grade):
    grade = make_grade()
    page = confirm(superuser_client, act(superuser_client, "mark_closed", [grade.pk]), note="x" * 1001)
    assert "Ensure this value has at most 1000 characters" in page.text
    assert Grade.objects.get().review_state == "new"
    confirm(superuser_client, page, note="short")
    assert Grade.objects.get().review_note == "short"


def test_an_action_without_a_selection_does_nothing(superuser_client, make_grade):
    make_grade()
    response = act(superuser_client, "mark_closed", confirmed="yes", until=timezone.now().isoformat())
    assert response.status_code == 302
    assert Grade.objects.get().review_state == "new"


# --- Deletion -------------------------------------------------------------------------------------


def test_a_superuser_deletes_all_matches_with_one_log_entry(superuser_client, make_grade, superuser):
    for number in range(60):
        make_grade(acc_nbr=f"138{number}")
    kept = make_grade(acc_nbr="139")
    page = act(superuser_client, "delete_selected", [kept.pk], True, "?q=138")
    assert "This deletes 60 ratings. It cannot be undone." in page.text
    response = confirm(superuser_client, page)
    assert messages(response) == ["60 deleted."]
    assert list(Grade.objects.all()) == [kept]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr, entry.change_message) == (
        DELETION,
        "60 ratings",
        "Deleted: all rows that matched “searched=yes”",
    )


def test_a_dispatch_with_a_credit_is_not_deleted(superuser_client, make_account, superuser):
    account, other = make_account(), make_account(acct_id="A2")
    make_credit(account, superuser)
    response = confirm(superuser_client, act(superuser_client, "delete_selected", [account.pk, other.pk], url=ACCOUNTS))
    assert messages(response) == ["Nothing was deleted: some of these rows have credits."]
    assert Account.objects.count() == 2
    assert not LogEntry.objects.exists()


# --- Export ---------------------------------------------------------------------------------------


def read_xlsx(response):
    assert response.status_code == 200
    assert re.fullmatch(r'attachment; filename="grades-\d{8}-\d{4}\.xlsx"', response["Content-Disposition"])
    rows = list(load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.values)
    return [row[0] for row in rows[1:]]


def read_csv(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    return [line.split(",")[0] for line in lines[1:]]


@pytest.mark.parametrize(("action", "read"), [("export_xlsx", read_xlsx), ("export_csv", read_csv)])
def test_the_selection_or_all_matches_are_exported_newest_first(roles, make_grade, action, read):
    grades = [make_grade(acc_nbr=f"{number:03}", grade1=number % 2 + 1) for number in range(120)]
    chosen = [grades[number].pk for number in (5, 70, 30)]
    assert read(act(roles["view"], action, chosen)) == ["070", "030", "005"]
    assert read(act(roles["view"], action, chosen[:1], True)) == [f"{number:03}" for number in reversed(range(120))]
    expected = [f"{number:03}" for number in reversed(range(0, 120, 2))]
    assert read(act(roles["view"], action, chosen[:1], True, "?lowest=1&p=2")) == expected


@pytest.mark.parametrize("chosen", ["x", "", "-1", "1,2", "٣", "\x00", "9" * 30])
@pytest.mark.parametrize("address", [GRADES, ACCOUNTS, CONFLICTS, "/admin/auth/user/", "/admin/auth/group/"])
def test_an_action_on_a_malformed_key_is_a_bad_request(superuser_client, make_grade, address, chosen):
    grade = make_grade()
    form = {"action": "delete_selected", "_selected_action": [grade.pk, chosen], "index": "0"}
    assert superuser_client.post(address, form).status_code == 400
    assert Grade.objects.count() == 1
