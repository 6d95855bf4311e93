"""The back office: who may do what, and that lists, filters and actions do what they say."""

import io
import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from grades.admin import lists
from grades.models import Account, Credit, Grade

from .helpers.office import (
    ACCOUNTS,
    CONFLICTS,
    CREDITS,
    GRADES,
    IMPORT,
    SHANGHAI,
    act,
    confirm,
    grant,
    log_in,
    make_credit,
    messages,
    numbers,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def roles(django_user_model, superuser, staff):
    """A client for each step of the ladder."""

    def with_permissions(name, *codenames):
        user = django_user_model.objects.create_user(name, is_staff=True)
        return log_in(grant(user, *codenames))

    views = ("view_grade", "view_account", "view_credit", "view_conflict")
    return {
        "anonymous": Client(),
        "staff": log_in(staff),
        "view": with_permissions("reader", *views),
        "change": with_permissions(
            "editor", *views, "change_grade", "change_account", "add_account", "change_conflict"
        ),
        "superuser": log_in(superuser),
    }


@pytest.fixture
def client(superuser):
    return log_in(superuser)


@pytest.fixture
def editor(django_user_model):
    user = django_user_model.objects.create_user("editor", is_staff=True)
    return grant(user, "view_grade", "change_grade")


# --- Who may --------------------------------------------------------------------------------------

# Status by role; an anonymous caller is always sent to the login.
LADDER = [
    # method, path, staff, view, change, superuser
    ("GET", GRADES, 403, 200, 200, 200),
    ("GET", f"{GRADES}{{grade}}/change/", 403, 200, 200, 200),
    ("POST", f"{GRADES}{{grade}}/change/", 403, 403, 200, 200),
    ("GET", f"{GRADES}{{grade}}/history/", 403, 200, 200, 200),
    ("GET", f"{GRADES}add/", 403, 403, 403, 403),
    ("POST", f"{GRADES}add/", 403, 403, 403, 403),
    ("GET", f"{GRADES}{{grade}}/delete/", 403, 403, 403, 200),
    ("GET", ACCOUNTS, 403, 200, 200, 200),
    ("GET", f"{ACCOUNTS}{{account}}/change/", 403, 200, 200, 200),
    ("POST", f"{ACCOUNTS}{{account}}/change/", 403, 403, 200, 200),
    ("GET", f"{ACCOUNTS}add/", 403, 403, 200, 200),
    ("GET", f"{ACCOUNTS}{{account}}/delete/", 403, 403, 403, 200),
    ("GET", IMPORT, 403, 403, 200, 200),
    ("POST", IMPORT, 403, 403, 200, 200),
    ("GET", f"{IMPORT}template.xlsx", 403, 403, 200, 200),
    ("GET", CREDITS, 403, 200, 200, 200),
    ("GET", f"{CREDITS}{{credit}}/change/", 403, 200, 200, 200),
    ("POST", f"{CREDITS}{{credit}}/change/", 403, 403, 403, 403),
    ("GET", f"{CREDITS}add/", 403, 403, 403, 403),
    ("POST", f"{CREDITS}add/", 403, 403, 403, 403),
    ("POST", f"{CREDITS}{{credit}}/delete/", 403, 403, 403, 403),
    ("GET", CONFLICTS, 403, 200, 200, 200),
    ("GET", f"{CONFLICTS}{{conflict}}/change/", 403, 200, 200, 200),
    ("POST", f"{CONFLICTS}{{conflict}}/change/", 403, 403, 403, 403),
    ("GET", f"{CONFLICTS}{{conflict}}/history/", 403, 200, 200, 200),
    ("GET", f"{CONFLICTS}add/", 403, 403, 403, 403),
    ("POST", f"{CONFLICTS}add/", 403, 403, 403, 403),
    ("GET", f"{CONFLICTS}{{conflict}}/delete/", 403, 403, 403, 200),
    ("GET", f"{CONFLICTS}{{conflict}}/keep/", 403, 403, 405, 405),
    ("POST", f"{CONFLICTS}{{conflict}}/keep/", 403, 403, 302, 302),
    ("POST", f"{CONFLICTS}0/keep/", 403, 403, 404, 404),
]


def test_the_permission_ladder(roles, make_grade, make_account, make_conflict, superuser):
    account = make_account()
    pks = {"grade": make_grade().pk, "account": account.pk, "credit": make_credit(account, superuser).pk}
    pks["conflict"] = make_conflict().pk
    for method, path, *expected in LADDER:
        path = path.format(**pks)
        statuses = [client.generic(method, path).status_code for client in roles.values()]
        assert (method, path, statuses) == (method, path, [302, *expected])
        assert roles["anonymous"].generic(method, path)["Location"] == f"/admin/login/?next={path}"


@pytest.mark.parametrize(
    ("role", "on_ratings", "on_accounts"),
    [
        ("view", ["export_xlsx", "export_csv"], []),
        ("change", ["mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv"], []),
        (
            "superuser",
            ["mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv", "delete_selected"],
            ["delete_selected"],
        ),
    ],
)
def test_each_role_is_offered_its_actions_and_can_run_no_other(
    roles, make_grade, make_account, role, on_ratings, on_accounts
):
    grade, account = make_grade(), make_account()
    for url, pk, offered in ((GRADES, grade.pk, on_ratings), (ACCOUNTS, account.pk, on_accounts)):
        form = roles[role].get(url).context["action_form"]
        choices = [name for name, _label in form.fields["action"].choices if name] if form else []
        assert choices == offered
        for action in {"mark_followed_up", "mark_closed", "reopen", "delete_selected"} - set(offered):
            now = timezone.now().isoformat()
            for across in (False, True):
                act(roles[role], action, [pk], across, url=url, confirmed="yes", until=now, note="x")
    grade.refresh_from_db()
    assert (grade.review_state, grade.review_note, grade.reviewer) == ("new", "", None)
    assert Account.objects.filter(pk=account.pk).exists()
    assert not LogEntry.objects.exists()


def test_staff_without_permission_cannot_run_an_action(roles, make_grade):
    for role, status in (("anonymous", 302), ("staff", 403)):
        response = act(roles[role], "export_csv", [make_grade().pk])
        assert (response.status_code, response.get("Content-Disposition")) == (status, None)


@pytest.mark.parametrize("view", ["change", "delete"])
def test_a_delete_permission_does_not_let_anyone_but_a_superuser_delete_ratings(editor, make_grade, view):
    editor.user_permissions.add(Permission.objects.get(codename="delete_grade"))
    grade = make_grade()
    assert log_in(editor).post(f"{GRADES}{grade.pk}/delete/", {"post": "yes"}).status_code == 403
    act(log_in(editor), "delete_selected", [grade.pk], confirmed="yes", until=timezone.now().isoformat())
    assert Grade.objects.count() == 1


# --- The list of ratings --------------------------------------------------------------------------


def test_the_list_is_newest_first_with_remarks_cut_and_the_state_as_a_word(client, make_grade):
    now = timezone.now()
    make_grade(acc_nbr="old", insert_time=now - timedelta(days=1), txt1="", review_state="closed", reviewed_at=now)
    make_grade(acc_nbr="new", insert_time=now, txt1="很" * 30, txt2="慢" * 30)
    response = client.get(GRADES)
    assert numbers(response) == ["new", "old"]
    cells = re.findall(r'<t[dh] class="field-(remarks_start|review)[^>]*>(.*?)</t[dh]>', response.text)
    assert cells == [
        ("remarks_start", "很" * 30 + " / " + "慢" * 6 + "…"),
        ("review", '<span class="review review-new"><span aria-hidden="true">○</span> New</span>'),
        ("remarks_start", "-"),
        ("review", '<span class="review review-closed"><span aria-hidden="true">●</span> Closed</span>'),
    ]


def test_the_order_cannot_be_changed_to_one_without_an_index(client, make_grade):
    for number in range(60):
        make_grade(acc_nbr=f"{number:02}")
    newest = [f"{number:02}" for number in reversed(range(10, 60))]
    assert numbers(client.get(f"{GRADES}?o=1")) == newest
    assert numbers(client.get(f"{GRADES}?o=-1")) == newest


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_costs_the_same_for_any_number_of_rows(client, superuser, make_grade, django_assert_num_queries, rows):
    for _row in range(rows):
        make_grade(reviewer=superuser)
    # session, user, bounded count, which rows, the rows
    with django_assert_num_queries(5):
        client.get(GRADES)
    # the same: filters and search add none
    with django_assert_num_queries(5):
        client.get(f"{GRADES}?review=new&lowest=3&remarks=yes&from=2020-01-01&q=138")


def test_the_list_counts_no_further_than_its_limit(client, make_grade, monkeypatch):
    monkeypatch.setattr(lists, "COUNT_LIMIT", 100)
    for number in range(130):
        make_grade(acc_nbr=f"{number:03}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(GRADES)
    (count,) = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert "LIMIT 101" in count
    assert "100+ ratings" in response.text
    assert "Select all that match: 100+" in response.text
    assert "130" not in re.sub(r"<td.*?</td>|<th.*?</th>|<input.*?>", "", response.text)


@pytest.mark.parametrize(
    ("page", "first", "rows"),
    [
        ("1", "129", 50),
        ("2", "079", 50),
        ("99", "079", 50),
        ("0", "129", 50),
        ("x", "129", 50),
        pytest.param("9" * 5000, "129", 50, id="huge"),
    ],
)
def test_a_page_that_does_not_exist_is_the_nearest_that_does(client, make_grade, monkeypatch, page, first, rows):
    monkeypatch.setattr(lists, "COUNT_LIMIT", 100)
    for number in range(130):
        make_grade(acc_nbr=f"{number:03}")
    response = client.get(GRADES, {"p": page})
    assert response.status_code == 200
    assert (numbers(response)[0], len(numbers(response))) == (first, rows)


# --- Filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("review=new", ["1", "2"]),
        ("review=followed_up", ["3"]),
        ("review=closed", ["4"]),
        ("lowest=1", ["1"]),
        ("lowest=2", ["1", "2"]),
        ("lowest=3", ["1", "2", "3"]),
        ("lowest=4", ["1", "2", "3", "4"]),
        ("remarks=yes", ["2", "4"]),
        ("remarks=no", ["1", "3"]),
        ("remarks=yes&review=new&lowest=2", ["2"]),
    ],
)
def test_a_filter_shows_what_it_says(client, make_grade, query, found):
    now = timezone.now()
    make_grade(acc_nbr="4", grade1=5, grade2=5, grade3=4, txt1="", txt3="好", review_state="closed", reviewed_at=now)
    make_grade(acc_nbr="3", grade1=5, grade2=3, grade3=5, txt1="", review_state="followed_up", reviewed_at=now)
    make_grade(acc_nbr="2", grade1=2, grade2=5, grade3=5, txt1="好")
    make_grade(acc_nbr="1", grade1=5, grade2=5, grade3=1, txt1="")
    assert numbers(client.get(f"{GRADES}?{query}")) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("from=2026-11-02", ["last", "late", "early"]),
        ("to=2026-11-02", ["late", "early", "before"]),
        ("from=2026-11-02&to=2026-11-02", ["late", "early"]),
        ("from=&to=", ["last", "late", "early", "before"]),
        ("from=2026-11-03&to=2026-11-02", []),
    ],
)
def test_the_dates_are_days_at_the_site_and_both_ends_are_included(client, make_grade, query, found):
    make_grade(acc_nbr="before", insert_time=datetime(2026, 11, 1, 23, 59, 59, 999999, SHANGHAI))
    make_grade(acc_nbr="early", insert_time=datetime(2026, 11, 2, 0, 0, tzinfo=SHANGHAI))
    make_grade(acc_nbr="late", insert_time=datetime(2026, 11, 2, 23, 59, 59, 999999, SHANGHAI))
    make_grade(acc_nbr="last", insert_time=datetime(2026, 11, 3, 0, 0, tzinfo=SHANGHAI))
    assert numbers(client.get(f"{GRADES}?{query}")) == found


def test_the_form_of_the_dates_keeps_what_else_is_filtered_and_searched(client):
    text = client.get(f"{GRADES}?from=2026-11-02&review=new&q=138&p=2").text
    form = re.search(r'<form method="get" class="date-filter">.*?</form>', text, re.DOTALL)[0]
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    assert sorted(fields) == [("from", "2026-11-02"), ("q", "138"), ("review", "new"), ("to", "")]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=2026-02-30",
        "from=0001-01-01",
        "to=9999-12-31",
        "review=none",
        "lowest=5",
        "lowest=x",
        "remarks=2",
    ],
)
def test_a_filter_that_makes_no_sense_is_removed_and_lets_no_action_loose_on_everything(client, make_grade, query):
    grade = make_grade()
    for response in (
        client.get(f"{GRADES}?{query}"),
        act(client, "mark_closed", [grade.pk], True, f"?{query}", confirmed="yes", until=timezone.now().isoformat()),
        act(client, "export_csv", [grade.pk], True, f"?{query}"),
    ):
        assert (response.status_code, response["Location"]) == (302, f"{GRADES}?e=1")
    assert Grade.objects.get().review_state == "new"
    assert client.get(f"{GRADES}?e=1").status_code == 200


def test_a_bad_date_is_said_to_be_one(client):
    response = client.get(f"{GRADES}?from=yesterday", follow=True)
    assert "That is no date: the filter was removed." in response.text


@pytest.mark.parametrize(
    "lookup", ["txt1__icontains=x", "acc_nbr__contains=8", "grade1=5", "reviewer__username=boss", "id__gt=0"]
)
def test_no_column_can_be_filtered_by_that_has_no_filter_on_the_page(client, lookup):
    assert client.get(f"{GRADES}?{lookup}").status_code == 400


# --- Search ---------------------------------------------------------------------------------------

STORED = ["1380", "13800138000", "13800138001", "a_b", "aXb", "A_b", "139"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1380", ["13800138001", "13800138000", "1380"]),
        ("  13800138001 ", ["13800138001"]),
        ('"1380"', ["1380"]),
        ("“1380”", ["1380"]),
        ('"13800"', []),
        ("a_b", ["a_b"]),
        ("a", ["aXb", "a_b"]),
        ("%", []),
        ("800138000", []),
        ('"', []),
        ('""', list(reversed(STORED))),
        ("中", []),
        ("\ud7ff", []),
        ("\U0010ffff", []),
        ("1" * 600, []),
    ],
)
def test_the_search_is_for_the_beginning_or_in_quotes_for_the_whole_and_to_the_letter(client, make_grade, text, found):
    for number in STORED:
        make_grade(acc_nbr=number)
    assert numbers(client.get(GRADES, {"q": text})) == found


def test_the_search_says_how_it_works(client):
    help_text = "The beginning of an account number; in quotes, the whole: &quot;13800138000&quot;"
    assert help_text in client.get(GRADES).text


# --- One rating -----------------------------------------------------------------------------------


def test_the_page_of_a_rating_shows_its_remarks_whole(client, make_grade):
    grade = make_grade(txt1="很" * 500, txt2="<b>one</b>\ntwo")
    text = client.get(f"{GRADES}{grade.pk}/change/").text
    assert "很" * 500 in text
    assert "&lt;b&gt;one&lt;/b&gt;<br>two" in text
    assert text.split("<title>")[1].split("</title>")[0] == f"#{grade.pk} | Change rating | Scoring site"


def test_saving_a_review_records_who_and_when_and_nothing_else_can_be_changed(editor, superuser, make_grade):
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


def test_saving_without_a_change_leaves_the_reviewer(client, editor, make_grade):
    grade = make_grade()
    Grade.objects.filter(pk=grade.pk).review("closed", editor, "done")
    reviewed_at = Grade.objects.get().reviewed_at
    client.post(f"{GRADES}{grade.pk}/change/", {"review_state": "closed", "review_note": "done"})
    grade.refresh_from_db()
    assert (grade.reviewer, grade.reviewed_at) == (editor, reviewed_at)


def test_a_review_can_be_set_back_to_new(client, superuser, editor, make_grade):
    grade = make_grade()
    Grade.objects.filter(pk=grade.pk).review("closed", editor, "done")
    client.post(f"{GRADES}{grade.pk}/change/", {"review_state": "new", "review_note": "done"})
    grade.refresh_from_db()
    assert (grade.review_state, grade.review_note, grade.reviewer) == ("new", "done", superuser)


@pytest.mark.parametrize(
    "data", [{"review_state": "gone", "review_note": ""}, {"review_state": "closed", "review_note": "x" * 1001}]
)
def test_a_review_that_does_not_fit_is_refused(client, make_grade, data):
    grade = make_grade()
    response = client.post(f"{GRADES}{grade.pk}/change/", data)
    assert (response.status_code, len(response.context["errors"])) == (200, 1)
    assert Grade.objects.get().review_state == "new"


def test_the_page_of_a_rating_costs_seven_queries(client, superuser, make_grade, django_assert_num_queries):
    grade = make_grade(reviewer=superuser)
    ContentType.objects.get_for_model(Grade)  # kept in memory once it has been asked for
    # session, user, rating, its reviewer, whether it was kept from a conflict, its repeats, its conflicts
    with django_assert_num_queries(7):
        client.get(f"{GRADES}{grade.pk}/change/")


# --- Review of many -------------------------------------------------------------------------------


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


def test_a_review_without_a_note_keeps_the_notes_that_are_there(editor, make_grade):
    noted, bare = make_grade(review_note="客户要求回电"), make_grade()
    client = log_in(editor)
    confirm(client, act(client, "mark_closed", [noted.pk, bare.pk]), note="")
    rows = Grade.objects.order_by("pk").values_list("review_state", "review_note", "reviewer__username")
    assert list(rows) == [("closed", "客户要求回电", "editor"), ("closed", "", "editor")]


def test_all_that_match_are_reviewed_over_all_pages_and_past_the_count(client, make_grade, monkeypatch):
    monkeypatch.setattr(lists, "COUNT_LIMIT", 100)
    for number in range(130):
        make_grade(acc_nbr=f"138{number}", grade1=1)
    make_grade(acc_nbr="139", grade1=1)
    make_grade(acc_nbr="138", grade1=5, grade2=5, grade3=5)
    shown = list(Grade.objects.newest_first().values_list("pk", flat=True)[:50])
    page = act(client, "mark_closed", shown, True, "?lowest=2&q=138")
    assert "This changes 100+ ratings." in page.text
    assert page.text.count('type="hidden"') < 60  # the page carries the filter, not the rows

    with CaptureQueriesContext(connection) as queries:
        response = confirm(client, page, note="")

    assert messages(response) == ["130 ratings are now: Closed."]
    assert Grade.objects.filter(review_state="closed").count() == 130
    assert Grade.objects.filter(acc_nbr__in=["138", "139"], review_state="new").count() == 2
    assert len([query for query in queries.captured_queries if query["sql"].startswith("UPDATE")]) == 1
    entry = LogEntry.objects.get()
    assert entry.object_repr == "130 ratings"
    # what was searched for is an account number and stays out of the log
    assert entry.get_change_message() == "Closed: all that matched “lowest=2&searched=yes”"


def test_a_rating_that_comes_in_while_one_writes_the_note_is_not_reviewed_unseen(client, make_grade):
    grade = make_grade()
    page = act(client, "mark_closed", [grade.pk], True, "?review=new")
    late = make_grade()
    response = confirm(client, page)
    assert messages(response) == ["1 rating is now: Closed."]
    late.refresh_from_db()
    assert late.review_state == "new"


def test_a_note_that_is_too_long_is_asked_for_again(client, make_grade):
    grade = make_grade()
    page = confirm(client, act(client, "mark_closed", [grade.pk]), note="x" * 1001)
    assert "Ensure this value has at most 1000 characters" in page.text
    assert Grade.objects.get().review_state == "new"
    confirm(client, page, note="short")
    assert Grade.objects.get().review_note == "short"


def test_an_action_without_a_selection_does_nothing(client, make_grade):
    make_grade()
    response = act(client, "mark_closed", confirmed="yes", until=timezone.now().isoformat())
    assert response.status_code == 302
    assert Grade.objects.get().review_state == "new"


# --- Deleting many --------------------------------------------------------------------------------


def test_a_superuser_deletes_all_that_match_in_one_statement_with_one_log_entry(client, make_grade, superuser):
    for number in range(60):
        make_grade(acc_nbr=f"138{number}")
    kept = make_grade(acc_nbr="139")
    page = act(client, "delete_selected", [kept.pk], True, "?q=138")
    assert "This deletes 60 ratings. They cannot be brought back." in page.text
    response = confirm(client, page)
    assert messages(response) == ["60 deleted."]
    assert list(Grade.objects.all()) == [kept]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr, entry.change_message) == (
        DELETION,
        "60 ratings",
        "Deleted: all that matched “searched=yes”",
    )


def test_a_dispatch_with_a_credit_is_not_deleted(client, make_account, superuser):
    account, other = make_account(), make_account(acct_id="A2")
    make_credit(account, superuser)
    response = confirm(client, act(client, "delete_selected", [account.pk, other.pk], url=ACCOUNTS))
    assert messages(response) == ["Nothing was deleted: there are credits for some of them."]
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
def test_the_selection_or_all_that_match_are_exported_newest_first(roles, make_grade, action, read):
    grades = [make_grade(acc_nbr=f"{number:03}", grade1=number % 2 + 1) for number in range(120)]
    chosen = [grades[number].pk for number in (5, 70, 30)]
    assert read(act(roles["view"], action, chosen)) == ["070", "030", "005"]
    assert read(act(roles["view"], action, chosen[:1], True)) == [f"{number:03}" for number in reversed(range(120))]
    expected = [f"{number:03}" for number in reversed(range(0, 120, 2))]
    assert read(act(roles["view"], action, chosen[:1], True, "?lowest=1&p=2")) == expected


# --- The dispatch list ----------------------------------------------------------------------------


def test_the_dispatch_list_is_newest_first_and_costs_the_same_for_any_number_of_rows(
    client, make_account, django_assert_num_queries
):
    make_account(acc_nbr="old", dispatched_on="2026-10-01")
    for number in range(20):
        make_account(acc_nbr=f"{number:02}", acct_id=f"B{number}")
    # session, user, bounded count, which rows, the rows
    with django_assert_num_queries(5):
        response = client.get(ACCOUNTS)
    assert numbers(response) == [*(f"{number:02}" for number in reversed(range(20))), "old"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("138", ["13800138001", "13800138000"]),
        ('"138"', []),
        ("A1", ["13800138000"]),
        ("A", []),
        ('"A1"', ["13800138000"]),
    ],
)
def test_a_dispatch_is_found_by_number_or_whole_acct_id(client, make_account, text, found):
    make_account()
    make_account(acc_nbr="13800138001", acct_id="A10")
    assert numbers(client.get(ACCOUNTS, {"q": text})) == found


BY_HAND = {
    "acc_nbr": "013800138000",
    "customer_name": "王小明",
    "area": "",
    "product": "",
    "pay_type": "postpaid",
    "state": "",
    "dispatched_on": "2026-11-02",
    "monthly_fee": "59.90",
    "acct_id": "A9",
}


def test_a_dispatch_is_added_and_changed_by_hand(roles):
    response = roles["change"].post(f"{ACCOUNTS}add/", BY_HAND)
    assert (response.status_code, response["Location"]) == (302, ACCOUNTS)
    account = Account.objects.get()
    assert (account.acc_nbr, account.monthly_fee) == ("013800138000", Decimal("59.90"))
    roles["change"].post(f"{ACCOUNTS}{account.pk}/change/", BY_HAND | {"monthly_fee": "99"})
    assert Account.objects.get().monthly_fee == 99
    entries = LogEntry.objects.order_by("pk").values_list("action_flag", "object_repr")
    assert list(entries) == [(ADDITION, f"#{account.pk}"), (CHANGE, f"#{account.pk}")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("acc_nbr", ""),
        ("acc_nbr", "138 000"),
        ("acc_nbr", "号码"),
        ("acc_nbr", "1" * 33),
        ("acct_id", " "),
        ("pay_type", "free"),
        ("dispatched_on", "2026-02-30"),
        ("monthly_fee", "-1"),
        ("monthly_fee", "1.005"),
        ("monthly_fee", "NaN"),
    ],
)
def test_a_dispatch_that_cannot_be_is_refused_at_its_field(client, column, value):
    response = client.post(f"{ACCOUNTS}add/", BY_HAND | {column: value})
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [column]
    assert not Account.objects.exists()


def test_the_same_dispatch_twice_is_refused(client, make_account):
    make_account(acct_id="A9", dispatched_on="2026-11-02")
    assert client.post(f"{ACCOUNTS}add/", BY_HAND).status_code == 200
    assert Account.objects.count() == 1


# --- Import ---------------------------------------------------------------------------------------

HEADING = "acc_nbr,customer_name,area,product,pay_type,state,dispatched_on,monthly_fee,acct_id"


def upload(client, *lines, name="list.csv", **data):
    file = SimpleUploadedFile(name, "\n".join((HEADING, *lines)).encode())
    return client.post(IMPORT, {"file": file, **data})


def test_a_file_is_imported_with_one_log_entry_and_without_its_numbers_in_it(roles, make_account):
    make_account(acct_id="A1", dispatched_on="2026-11-01")
    response = upload(
        roles["change"],
        "13800138000,王小明,城东,畅享 129 套餐,postpaid,在用,2026-11-01,129.00,A1",
        "13800138001,李雷,城西,畅享 59 套餐,prepaid,在用,2026-11-01,59.00,A2",
    )
    assert (response.status_code, response["Location"]) == (302, ACCOUNTS)
    assert messages(response) == ["1 added, 1 changed, 0 already the same."]
    assert list(Account.objects.order_by("acct_id").values_list("acct_id", "monthly_fee")) == [("A1", 129), ("A2", 59)]
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.action_flag, entry.object_repr) == ("editor", CHANGE, "Import")
    assert entry.get_change_message() == "1 added, 1 changed, 0 already the same."


def test_a_check_tells_what_an_import_would_do_and_writes_nothing(client):
    line = "13800138001,李雷,城西,畅享 59 套餐,prepaid,在用,2026-11-01,59.00,A2"
    response = upload(client, line, dry_run="on")
    assert response.status_code == 200
    assert "1 added, 0 changed, 0 already the same." in response.text
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()


def test_errors_are_shown_by_row_and_column_and_nothing_is_written(client):
    good = "13800138001,李雷,城西,<b>,prepaid,在用,2026-11-01,59.00,A2"
    response = upload(client, good, "138 000,<b>,,,free,,2026-11-01,59.00,A3")
    assert response.status_code == 200
    assert "2 errors were found; nothing was written." in response.text
    rows = re.findall(r"<tr><td>(\d+)</td><td>(\w+)</td><td>.+</td></tr>", response.text)
    assert rows == [("3", "acc_nbr"), ("3", "pay_type")]
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()


def test_of_very_many_errors_the_first_hundred_are_shown(client):
    response = upload(client, *(f"bad number,,,,prepaid,,2026-11-01,59.00,A{number}" for number in range(150)))
    assert "150 errors were found; nothing was written." in response.text
    assert "The first 100 are shown." in response.text
    assert response.text.count("<td>acc_nbr</td>") == 100


def test_a_file_that_cannot_be_read_is_named_as_the_problem(client):
    response = client.post(IMPORT, {"file": SimpleUploadedFile("list.xlsx", b"not a workbook")})
    assert response.status_code == 200
    assert len(response.context["form"].errors["file"]) == 1
    assert not LogEntry.objects.exists()


def test_a_file_over_the_limit_is_refused_with_the_limit_and_the_command(client, settings):
    settings.IMPORT_MAX_MB = 1
    response = client.post(IMPORT, {"file": SimpleUploadedFile("list.csv", b"x" * (1024 * 1024 + 1))})
    message = "The file is larger than 1 MB. On the server, `manage.py import_accounts` takes any size."
    assert response.context["form"].errors == {"file": [message]}


@pytest.mark.parametrize("data", [{}, {"file": ""}, {"dry_run": "on"}])
def test_an_import_without_a_file_asks_for_one(client, data):
    response = client.post(IMPORT, data)
    assert (response.status_code, list(response.context["form"].errors)) == (200, ["file"])


def test_the_template_can_be_downloaded_filled_in_and_imported(client):
    response = client.get(f"{IMPORT}template.xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="template.xlsx"'
    workbook = load_workbook(io.BytesIO(response.content))
    sheet = workbook.active
    headings = [cell.value for cell in sheet[1]]
    assert len(headings) == 9
    sheet.delete_rows(2, sheet.max_row)
    values = ["13800138001", "李雷", "城西", "畅享 59 套餐", "预付费", "在用", "2026-11-01", 59, "A2"]
    sheet.append(values)
    filled = io.BytesIO()
    workbook.save(filled)
    response = client.post(IMPORT, {"file": SimpleUploadedFile("filled.xlsx", filled.getvalue())})
    assert messages(response) == ["1 added, 0 changed, 0 already the same."]
    assert Account.objects.get().acc_nbr == "13800138001"


def test_the_import_button_is_there_for_those_who_may(roles):
    offered = [IMPORT in roles[role].get(ACCOUNTS).text for role in ("view", "change", "superuser")]
    assert offered == [False, True, True]


# --- Credits --------------------------------------------------------------------------------------


def test_credits_are_newest_first_and_cost_the_same_for_any_number_of_rows(
    client, superuser, make_account, django_assert_num_queries
):
    for number in range(5):
        make_credit(make_account(acc_nbr=f"{number}", acct_id=f"A{number}"), superuser)
    Credit.objects.filter(account__acc_nbr="0").update(confirmed_at=timezone.now() + timedelta(seconds=1))
    # session, user, bounded count, which credits, the credits, their dispatches, their clerks
    with django_assert_num_queries(7):
        response = client.get(CREDITS)
    assert [credit.account.acc_nbr for credit in response.context["cl"].result_list] == ["0", "4", "3", "2", "1"]


# --- The look and the language --------------------------------------------------------------------


def test_no_page_needs_what_the_content_security_policy_forbids(
    client, make_grade, make_account, make_conflict, superuser
):
    account, grade, conflict = make_account(), make_grade(), make_conflict()
    credit = make_credit(account, superuser)
    paths = [
        "/admin/",
        "/admin/grades/",
        GRADES,
        f"{GRADES}{grade.pk}/change/",
        f"{GRADES}{grade.pk}/history/",
        f"{GRADES}{grade.pk}/delete/",
        ACCOUNTS,
        f"{ACCOUNTS}add/",
        IMPORT,
        CREDITS,
        f"{CREDITS}{credit.pk}/change/",
        CONFLICTS,
        f"{CONFLICTS}{conflict.pk}/change/",
        f"{CONFLICTS}{conflict.pk}/delete/",
    ]
    pages = [client.get(path) for path in paths]
    pages += [act(client, "mark_closed", [grade.pk]), act(client, "keep_selected", [conflict.pk], url=CONFLICTS)]
    pages += [Client().get("/admin/login/")]
    for page in pages:
        assert page.status_code == 200
        assert "default-src 'none'" in page["Content-Security-Policy"]
        assert not re.findall(r"<style|\sstyle=|<script(?![^>]*\ssrc=)[^>]*>|\son\w+=|javascript:", page.text)
        assert "/static/css/admin.css" in page.text


def test_the_language_is_switched_from_any_page(client, make_grade):
    make_grade()
    response = client.post("/i18n/setlang/", {"language": "zh-hans", "next": f"{GRADES}?review=new"}, follow=True)
    assert response.request["PATH_INFO"] == GRADES
    assert '<html lang="zh-hans"' in response.text
    assert re.search(r'<button name="language" value="en" lang="en">English</button>', response.text)
    assert 'name="language" value="zh-hans"' in Client(headers={"accept-language": "en"}).get("/admin/login/").text
