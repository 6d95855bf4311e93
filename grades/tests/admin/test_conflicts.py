"""The list of conflicts: staff compare, keep or delete them."""

import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from grades.models import Conflict, Grade, Repeat

from ..helpers.office import CONFLICTS, GRADES, SHANGHAI, act, confirm, log_in, messages, numbers
from ..helpers.submissions import parallel

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=SHANGHAI)


# --- The list -------------------------------------------------------------------------------------


def cells(response, column):
    found = re.findall(rf'<t[dh] class="field-{column}[^>]*>(.*?)</t[dh]>', response.text, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for cell in found]


def test_the_list_is_newest_first_and_shows_the_differences(superuser_client, make_grade, make_conflict):
    grade = make_grade(openid="a", txt2="<b>")
    now = timezone.now()
    make_conflict(grade, now - timedelta(hours=2), txt2="", grade3=3)
    make_conflict(grade, now - timedelta(hours=1), acc_nbr="139", grade1=1, txt1="很" * 30)
    make_conflict(grade, now, openid="b", grade3=3)
    response = superuser_client.get(CONFLICTS)
    assert numbers(response) == ["13800138000", "139", "13800138000"]
    assert cells(response, "changes") == [
        "WeChat login: one person → another person",
        "account number: 13800138000 → 139 服务态度: 5 → 1 "
        f"响应速度: 3 → 1 服务态度如何？: 服务态度很好 → {'很' * 15}…",
        "专业水平如何？: &lt;b&gt; → –",
    ]
    assert cells(response, "rating") == [f"#{grade.pk}"] * 3
    assert cells(response, "state") == ["○ Open"] * 3


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_costs_the_same_for_any_number_of_rows(
    superuser_client, make_conflict, django_assert_num_queries, rows
):
    for row in range(rows):
        conflict = make_conflict()
        if row % 2:
            conflict.keep()
    # session, user, saved filters, bounded count, which rows, the rows, their ratings
    with django_assert_num_queries(7):
        superuser_client.get(CONFLICTS)
    # and whether too many rows match the search
    with django_assert_num_queries(8):
        superuser_client.get(f"{CONFLICTS}?state=open&q=138")


def test_the_list_counts_up_to_its_limit(superuser_client, make_grade, make_conflict, lower_count_limit):
    lower_count_limit(5)
    grade = make_grade()
    for number in range(7):
        make_conflict(grade, txt1=str(number))
    with CaptureQueriesContext(connection) as queries:
        response = superuser_client.get(CONFLICTS)
    (count,) = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert "LIMIT 6" in count
    assert "5+ conflicting submissions" in response.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=open", ["139", "138"]),
        ("state=kept", ["137"]),
        ("rating={rating}", ["138"]),
        ("rating={rating}&state=kept", []),
        ("rating=999999999999999999", []),
        ("q=13", ["139", "138", "137"]),
        ("q=139", ["139"]),
        ('q="13"', []),
    ],
)
def test_filters_and_search_select_the_right_conflicts(superuser_client, make_conflict, query, found):
    make_conflict(acc_nbr="137").keep()
    one = make_conflict(acc_nbr="138")
    make_conflict(acc_nbr="139")
    assert numbers(superuser_client.get(f"{CONFLICTS}?{query.format(rating=one.grade_id)}")) == found


@pytest.mark.parametrize("query", ["state=x", "rating=x", "rating=-1", "rating=", f"rating={'9' * 5000}", "rating=１"])
def test_an_invalid_filter_is_removed_and_no_action_runs(superuser_client, make_conflict, query):
    conflict = make_conflict()
    until = timezone.now().isoformat()
    for response in (
        superuser_client.get(f"{CONFLICTS}?{query}"),
        act(
            superuser_client,
            "delete_selected",
            [conflict.pk],
            True,
            f"?{query}",
            CONFLICTS,
            confirmed="yes",
            until=until,
        ),
    ):
        assert (response.status_code, response["Location"]) == (302, f"{CONFLICTS}?e=1")
    assert Conflict.objects.count() == 1


@pytest.mark.parametrize("lookup", ["openid=a", "grade__openid=a", "txt1__contains=x", "kept_as__isnull=True"])
def test_a_column_without_a_filter_on_the_page_cannot_be_filtered(superuser_client, lookup):
    assert superuser_client.get(f"{CONFLICTS}?{lookup}").status_code == 400


# --- The page of one conflict ---------------------------------------------------------------------


def comparison(response):
    """The page's table: both values of each field, and the names of the fields that differ."""
    table = response.text.split('id="comparison"')[1].split("</table>")[0]
    rows = re.findall(r'<tr class="field-(\w+)( differs)?">(.*?)</tr>', table, re.DOTALL)
    values = {name: re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for name, _differs, row in rows}
    return values, [name for name, differs, _row in rows if differs]


def test_the_page_compares_both_contents_and_marks_the_differences(superuser_client, make_grade, make_conflict):
    grade = make_grade(txt1="<i>好</i>", txt2="a\nb", grade2=0)
    conflict = make_conflict(grade, grade1=0, txt1="差" * 500)
    response = superuser_client.get(f"{CONFLICTS}{conflict.pk}/change/")
    values, differing = comparison(response)
    assert values == {
        "acc_nbr": ["13800138000", "13800138000"],
        "grade1": ["5", "0"],
        "grade2": ["0", "0"],
        "grade3": ["3", "1"],
        "txt1": ["&lt;i&gt;好&lt;/i&gt;", "差" * 500],
        "txt2": ["a\nb", "a\nb"],
        "txt3": ["–", "–"],
    }
    assert differing == ["grade1", "grade3", "txt1"]
    assert response.text.count("Different:") == 3  # in words, too
    assert f'<a href="{GRADES}{grade.pk}/change/">#{grade.pk}</a>' in response.text


def test_no_page_shows_an_openid(superuser_client, make_grade, make_conflict):
    conflict = make_conflict(make_grade(openid="openid-of-one"), openid="openid-of-another")
    conflict.keep()
    paths = (CONFLICTS, f"{CONFLICTS}{conflict.pk}/change/", f"{CONFLICTS}{conflict.pk}/delete/")
    for path in (*paths, f"{GRADES}{conflict.grade_id}/change/", f"{GRADES}{conflict.kept_as_id}/change/"):
        assert "openid" not in superuser_client.get(path).text
    assert comparison(superuser_client.get(paths[1]))[0]["person"] == ["one person", "another person"]


def test_the_page_costs_the_same_for_any_number_of_conflicts(
    superuser_client, make_grade, make_conflict, django_assert_num_queries
):
    grade = make_grade()
    for number in range(5):
        conflict = make_conflict(grade, txt1=str(number))
    ContentType.objects.get_for_model(Conflict)  # kept in memory once it has been asked for
    # session, user, conflict, its rating
    with django_assert_num_queries(4):
        superuser_client.get(f"{CONFLICTS}{conflict.pk}/change/")


def test_the_keep_button_needs_the_right_and_an_open_conflict(client_with, make_conflict):
    conflict = make_conflict()
    page, button = f"{CONFLICTS}{conflict.pk}/change/", f'formaction="{CONFLICTS}{conflict.pk}/keep/"'
    viewer, editor = client_with("view_conflict"), client_with("change_conflict")
    assert [button in client.get(page).text for client in (viewer, editor)] == [False, True]
    # without the right to see ratings a link to one would be refused
    assert f"{GRADES}{conflict.grade_id}/" not in viewer.get(page).text
    conflict.keep()
    assert [button in client.get(page).text for client in (viewer, editor)] == [False, False]
    assert f"#{conflict.kept_as_id}" in editor.get(page).text


# --- Keep -----------------------------------------------------------------------------------------


def test_a_kept_conflict_becomes_a_rating_with_its_own_time(client_with, make_grade, make_conflict):
    grade = make_grade(openid="a", submission_id=uuid.uuid4())
    conflict = make_conflict(grade, openid="b", grade1=1, txt1="不好", received_at=NOW)
    before = Grade.objects.filter(pk=grade.pk).values().get()
    response = client_with("change_conflict").post(f"{CONFLICTS}{conflict.pk}/keep/")
    assert (response.status_code, response["Location"]) == (302, f"{CONFLICTS}{conflict.pk}/change/")
    kept = Grade.objects.exclude(pk=grade.pk).get()
    assert messages(response) == [f"Kept as a rating of its own, #{kept.pk}."]
    assert {name: getattr(kept, name) for name in Grade.CONTENT} == {
        "acc_nbr": "13800138000", "grade1": 1, "grade2": 4, "grade3": 1, "txt1": "不好", "txt2": "", "txt3": "",
    }  # fmt: skip
    assert (kept.openid, kept.insert_time, kept.review_state) == ("b", NOW, "new")
    assert (kept.submission_id, kept.content_key, kept.dispatch_key) == (None, None, None)
    assert Grade.objects.filter(pk=grade.pk).values().get() == before
    assert Conflict.objects.get().kept_as == kept
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.action_flag, entry.object_repr, entry.get_change_message()) == (
        "change_conflict",
        CHANGE,
        f"#{conflict.pk}",
        f"Kept as #{kept.pk}",
    )


def test_keep_and_delete_return_to_the_filtered_list(superuser_client, make_conflict):
    conflict = make_conflict()
    filtered = "?_changelist_filters=state%3Dopen"
    page = f"{CONFLICTS}{conflict.pk}/change/{filtered}"
    assert f'formaction="{CONFLICTS}{conflict.pk}/keep/{filtered}"' in superuser_client.get(page).text
    assert superuser_client.post(f"{CONFLICTS}{conflict.pk}/keep/{filtered}")["Location"] == page
    response = superuser_client.post(f"{CONFLICTS}{conflict.pk}/delete/{filtered}", {"post": "yes"})
    assert response["Location"] == f"{CONFLICTS}?state=open"


def test_keeping_again_stores_and_logs_nothing(superuser_client, make_conflict):
    conflict = make_conflict()
    superuser_client.post(f"{CONFLICTS}{conflict.pk}/keep/")
    response = superuser_client.post(f"{CONFLICTS}{conflict.pk}/keep/")
    assert messages(response)[-1] == "Nothing was changed: this conflict is kept or deleted already."
    assert (Grade.objects.count(), LogEntry.objects.count()) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_a_conflict_kept_by_eight_requests_at_once_is_one_rating(superuser, make_conflict):
    conflict = make_conflict()
    clients = [log_in(superuser) for _ in range(8)]
    statuses = parallel(8, lambda client: client.post(f"{CONFLICTS}{conflict.pk}/keep/").status_code, clients)
    assert statuses == [302] * 8
    conflict.refresh_from_db()
    assert conflict.kept_as == Grade.objects.exclude(pk=conflict.grade_id).get()
    assert LogEntry.objects.count() == 1


def test_open_conflicts_that_match_are_kept_with_one_log_entry(client_with, make_conflict):
    editor = client_with("change_conflict")
    conflicts = [make_conflict(acc_nbr=f"138{number}") for number in range(4)]
    other = make_conflict(acc_nbr="139")
    conflicts[0].keep()
    page = act(editor, "keep_selected", [other.pk], True, "?q=138", CONFLICTS)
    assert "This changes 3 conflicting submissions." in page.text
    assert Grade.objects.count() == 6
    late = make_conflict(acc_nbr="1389")
    response = confirm(editor, page)
    assert messages(response) == ["3 conflicts are now ratings of their own."]
    assert set(Conflict.objects.open()) == {other, late}
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.get_change_message()) == (
        "3 conflicting submissions",
        "Kept as ratings of their own: all rows that matched “searched=yes”",
    )


def test_a_viewer_is_offered_exports_and_can_change_nothing(client_with, make_conflict):
    conflict = make_conflict()
    viewer = client_with("view_conflict")
    offered = [name for name, _text in viewer.get(CONFLICTS).context["action_form"].fields["action"].choices]
    assert offered == ["", "export_xlsx", "export_csv"]
    for action in ("keep_selected", "delete_selected"):
        for across in (False, True):
            until = timezone.now().isoformat()
            act(viewer, action, [conflict.pk], across, url=CONFLICTS, confirmed="yes", until=until)
    assert viewer.post(f"{CONFLICTS}{conflict.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Conflict.objects.get().kept_as is None
    assert (Grade.objects.count(), LogEntry.objects.count()) == (1, 0)


# --- Delete ---------------------------------------------------------------------------------------


def test_deleting_conflicts_needs_the_right_and_leaves_the_ratings(client_with, make_conflict):
    cleaner = client_with("view_conflict", "delete_conflict")
    one, two, kept = make_conflict(), make_conflict(), make_conflict()
    kept.keep()
    response = cleaner.post(f"{CONFLICTS}{one.pk}/delete/", {"post": "yes"})
    assert (response.status_code, response["Location"]) == (302, CONFLICTS)
    response = confirm(cleaner, act(cleaner, "delete_selected", [two.pk, kept.pk], url=CONFLICTS))
    assert messages(response)[-1] == "2 deleted."
    assert (Conflict.objects.count(), Grade.objects.count()) == (0, 4)
    entries = LogEntry.objects.order_by("pk").values_list("action_flag", "object_repr")
    assert list(entries) == [(DELETION, f"#{one.pk}"), (DELETION, "2 conflicting submissions")]


# --- The page of a rating -------------------------------------------------------------------------


def field(response, name):
    found = re.search(rf'field-{name}">.*?<div class="readonly">(.*?)</div>', response.text, re.DOTALL)
    return found and found[1]


def test_a_rating_shows_its_duplicates_and_its_conflicts(superuser_client, make_grade, make_conflict):
    grade = make_grade()
    page = f"{GRADES}{grade.pk}/change/"
    assert [field(superuser_client.get(page), name) for name in ("duplicates", "in_conflict", "from_conflict")] == [
        "none",
        "none",
        None,
    ]
    for minutes in (5, 90, 40):
        Repeat.objects.create(grade=grade, repeated_at=NOW + timedelta(minutes=minutes))
    conflict = make_conflict(grade)
    make_conflict(grade, txt1="x").keep()
    response = superuser_client.get(page)
    assert field(response, "duplicates") == "3, the last on Nov. 22, 2026, 1:30 p.m."
    assert field(response, "in_conflict") == f'<a href="{CONFLICTS}?rating={grade.pk}">2, 1 of them open</a>'
    conflict.keep()
    kept_from = field(superuser_client.get(f"{GRADES}{conflict.kept_as_id}/change/"), "from_conflict")
    assert kept_from == f'conflicting submission <a href="{CONFLICTS}{conflict.pk}/change/">#{conflict.pk}</a>'


def test_a_rating_hides_its_conflicts_from_staff_without_the_right(client_with, make_conflict):
    conflict = make_conflict()
    response = client_with("view_grade").get(f"{GRADES}{conflict.grade_id}/change/")
    assert (field(response, "duplicates"), field(response, "in_conflict")) == ("none", None)
    assert CONFLICTS not in response.text
