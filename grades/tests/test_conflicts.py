"""What comes more than once: repeats that are counted, conflicts that staff see, compare, keep or dismiss."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from grades.admin import lists
from grades.models import Conflict, Grade, Repeat
from grades.templatetags import sent_again

from .test_admin import CONFLICTS, GRADES, act, confirm, log_in, numbers, said
from .test_score import ARTICLE, assert_accepted, assert_refused, post, raw_form, stored
from .test_wechat import rate, session_of

pytestmark = pytest.mark.django_db

CONFLICT = "submission_id: already used for other content"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def recorded():
    """Every conflict: its content, whose it is, which rating it met, and what it was kept as."""
    names = (*Conflict.CONTENT, "openid", "grade", "kept_as")
    return list(Conflict.objects.order_by("pk").values(*names))


@pytest.fixture
def boss(superuser):
    return log_in(superuser)


@pytest.fixture
def with_rights(django_user_model):
    def with_rights(*codenames):
        user = django_user_model.objects.create_user("-".join(codenames), is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return log_in(user)

    return with_rights


def parallel(count, function):
    """What `count` calls at once return."""

    def call(_):
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


# --- What comes in ----------------------------------------------------------------------------


def test_a_conflict_is_recorded_with_everything_that_came_and_the_rating_that_it_met(client):
    submission_id = f'"{uuid.uuid4()}"'
    assert_accepted(post(client, raw_form(submission_id=submission_id)))
    other = {"acc_nbr": "13900139000", "grade1": 1, "grade2": 2, "grade3": 1, "txt1": "😡", "txt2": "a", "txt3": "b\nc"}
    with time_machine.travel(NOW, tick=False):
        assert_refused(
            post(
                client,
                raw_form(submission_id=submission_id, **{name: json.dumps(value) for name, value in other.items()}),
            ),
            409,
            CONFLICT,
        )
    assert stored() == [ARTICLE]
    assert recorded() == [{**other, "openid": None, "grade": Grade.objects.get().pk, "kept_as": None}]
    assert Conflict.objects.get().received_at == NOW
    assert not Repeat.objects.exists()


def test_the_same_conflict_is_one_record_and_another_content_another(client):
    submission_id = f'"{uuid.uuid4()}"'
    post(client, raw_form(submission_id=submission_id))
    for grade in ("1", "1", "2", "1", "2"):
        assert_refused(post(client, raw_form(submission_id=submission_id, grade1=grade)), 409, CONFLICT)
    assert [conflict["grade1"] for conflict in recorded()] == [1, 2]
    assert stored() == [ARTICLE]


def test_the_same_content_with_two_ids_is_a_conflict_with_each(client):
    ids = [f'"{uuid.uuid4()}"' for _ in range(2)]
    for submission_id in ids:
        post(client, raw_form(submission_id=submission_id))
        assert_refused(post(client, raw_form(submission_id=submission_id, grade1="1")), 409, CONFLICT)
    assert [conflict["grade"] for conflict in recorded()] == list(
        Grade.objects.order_by("pk").values_list("pk", flat=True)
    )


def test_an_id_that_comes_from_another_person_is_a_conflict_of_that_person(client, wechat):
    submission_id = f'"{uuid.uuid4()}"'
    one, other = session_of(client, "code-ann"), session_of(client, "code-bob")
    assert_accepted(rate(client, one, submission_id=submission_id))
    for _ in range(2):
        assert_refused(rate(client, other, submission_id=submission_id), 409, CONFLICT)
    grade, conflict = Grade.objects.get(), Conflict.objects.get()
    assert recorded() == [{**ARTICLE, "openid": "o-bob", "grade": grade.pk, "kept_as": None}]
    assert grade.openid == "o-ann"
    assert (conflict.differences, conflict.is_by_another_person) == ([], True)


@pytest.mark.parametrize("with_id", [True, False])
def test_a_repeat_is_counted_by_id_and_by_content_with_its_time(client, with_id):
    body = raw_form(**({"submission_id": f'"{uuid.uuid4()}"'} if with_id else {}))
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            assert_accepted(post(client, body))
            clock.shift(3)
    times = list(Repeat.objects.order_by("pk").values_list("grade", "repeated_at"))
    grade = Grade.objects.get()
    assert times == [(grade.pk, NOW + timedelta(seconds=3)), (grade.pk, NOW + timedelta(seconds=6))]
    assert not Conflict.objects.exists()


def test_equal_ratings_outside_the_window_are_rows_of_their_own_and_no_repeats(client):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            assert_accepted(post(client, raw_form()))
            clock.shift(10)
    assert stored() == [ARTICLE] * 3
    assert not Repeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_parallel_repeats_and_conflicts_are_all_counted_and_recorded_once():
    submission_id = f'"{uuid.uuid4()}"'
    bodies = [raw_form(submission_id=submission_id), raw_form(submission_id=submission_id, grade1="1")]
    post(Client(), bodies[0])
    assert parallel(8, lambda: [post(Client(), body).status_code for body in bodies]) == [[200, 409]] * 8
    assert (Grade.objects.count(), Repeat.objects.count(), Conflict.objects.count()) == (1, 8, 1)


# --- The list ---------------------------------------------------------------------------------


def cells(response, column):
    found = re.findall(rf'<t[dh] class="field-{column}[^>]*>(.*?)</t[dh]>', response.text, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for cell in found]


def test_the_list_is_newest_first_and_shows_what_is_different(boss, make_grade, make_conflict):
    grade = make_grade(openid="a", txt2="<b>")
    now = timezone.now()
    make_conflict(grade, received_at=now, insert_time=now - timedelta(hours=2), txt2="", grade3=3)
    make_conflict(grade, insert_time=now - timedelta(hours=1), acc_nbr="139", grade1=1, txt1="很" * 30)
    make_conflict(grade, insert_time=now, openid="b", grade3=3)
    response = boss.get(CONFLICTS)
    assert numbers(response) == ["13800138000", "139", "13800138000"]
    assert cells(response, "changes") == [
        "WeChat login: one person → another person",
        f"account number: 13800138000 → 139 grade 1: 5 → 1 grade 3: 3 → 1 remark 1: 服务态度很好 → {'很' * 15}…",
        "remark 2: &lt;b&gt; → –",
    ]
    assert cells(response, "rating") == [f"#{grade.pk}"] * 3
    assert cells(response, "state") == ["○ Open"] * 3


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_costs_the_same_for_any_number_of_rows(boss, make_conflict, django_assert_num_queries, rows):
    for row in range(rows):
        conflict = make_conflict()
        if row % 2:
            conflict.keep()
    # session, user, bounded count, which rows, the rows, their ratings
    with django_assert_num_queries(6):
        boss.get(CONFLICTS)
    with django_assert_num_queries(6):
        boss.get(f"{CONFLICTS}?state=open&q=138")


def test_the_list_counts_no_further_than_its_limit(boss, make_grade, make_conflict, monkeypatch):
    monkeypatch.setattr(lists, "COUNT_LIMIT", 5)
    grade = make_grade()
    for number in range(7):
        make_conflict(grade, txt1=str(number))
    with CaptureQueriesContext(connection) as queries:
        response = boss.get(CONFLICTS)
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
def test_a_filter_or_a_search_shows_what_it_says(boss, make_conflict, query, found):
    make_conflict(acc_nbr="137").keep()
    one = make_conflict(acc_nbr="138")
    make_conflict(acc_nbr="139")
    assert numbers(boss.get(f"{CONFLICTS}?{query.format(rating=one.grade_id)}")) == found


@pytest.mark.parametrize("query", ["state=x", "rating=x", "rating=-1", "rating=", f"rating={'9' * 5000}", "rating=１"])
def test_a_filter_that_makes_no_sense_is_removed_and_lets_no_action_loose_on_everything(boss, make_conflict, query):
    conflict = make_conflict()
    until = timezone.now().isoformat()
    for response in (
        boss.get(f"{CONFLICTS}?{query}"),
        act(boss, "delete_selected", [conflict.pk], True, f"?{query}", CONFLICTS, confirmed="yes", until=until),
    ):
        assert (response.status_code, response["Location"]) == (302, f"{CONFLICTS}?e=1")
    assert Conflict.objects.count() == 1


@pytest.mark.parametrize("lookup", ["openid=a", "grade__openid=a", "txt1__contains=x", "kept_as__isnull=True"])
def test_no_column_can_be_filtered_by_that_has_no_filter_on_the_page(boss, lookup):
    assert boss.get(f"{CONFLICTS}?{lookup}").status_code == 400


# --- The page of one --------------------------------------------------------------------------


def comparison(response):
    """The rows of the page's table: the field, what is stored, what came; and the names of those that differ."""
    table = response.text.split('id="comparison"')[1].split("</table>")[0]
    rows = re.findall(r'<tr class="field-(\w+)( differs)?">(.*?)</tr>', table, re.DOTALL)
    values = {name: re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for name, _differs, row in rows}
    return values, [name for name, differs, _row in rows if differs]


def test_the_page_shows_both_contents_side_by_side_and_marks_what_differs(boss, make_grade, make_conflict):
    grade = make_grade(txt1="<i>好</i>", txt2="a\nb", grade2=0)
    conflict = make_conflict(grade, grade1=0, txt1="差" * 500)
    response = boss.get(f"{CONFLICTS}{conflict.pk}/change/")
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


def test_no_page_shows_an_openid(boss, make_grade, make_conflict):
    conflict = make_conflict(make_grade(openid="openid-of-one"), openid="openid-of-another")
    conflict.keep()
    paths = (CONFLICTS, f"{CONFLICTS}{conflict.pk}/change/", f"{CONFLICTS}{conflict.pk}/delete/")
    for path in (*paths, f"{GRADES}{conflict.grade_id}/change/", f"{GRADES}{conflict.kept_as_id}/change/"):
        assert "openid" not in boss.get(path).text
    assert comparison(boss.get(paths[1]))[0]["person"] == ["one person", "another person"]


def test_the_page_costs_the_same_for_any_number_of_conflicts(
    boss, make_grade, make_conflict, django_assert_num_queries
):
    grade = make_grade()
    for number in range(5):
        conflict = make_conflict(grade, txt1=str(number))
    ContentType.objects.get_for_model(Conflict)  # kept in memory once it has been asked for
    # session, user, conflict, its rating
    with django_assert_num_queries(4):
        boss.get(f"{CONFLICTS}{conflict.pk}/change/")


def test_only_those_who_may_keep_see_the_button_and_only_while_it_is_open(with_rights, make_conflict):
    conflict = make_conflict()
    page, button = f"{CONFLICTS}{conflict.pk}/change/", f'formaction="{CONFLICTS}{conflict.pk}/keep/"'
    viewer, editor = with_rights("view_conflict"), with_rights("change_conflict")
    assert [button in client.get(page).text for client in (viewer, editor)] == [False, True]
    # without the right to see ratings there is no link to one that would be refused
    assert f"{GRADES}{conflict.grade_id}/" not in viewer.get(page).text
    conflict.keep()
    assert [button in client.get(page).text for client in (viewer, editor)] == [False, False]
    assert f"#{conflict.kept_as_id}" in editor.get(page).text


# --- Keep -------------------------------------------------------------------------------------


def test_a_kept_conflict_is_a_rating_of_its_own_with_the_time_at_which_it_came(with_rights, make_grade, make_conflict):
    grade = make_grade(openid="a", submission_id=uuid.uuid4())
    conflict = make_conflict(grade, openid="b", grade1=1, txt1="不好", insert_time=NOW)
    before = Grade.objects.filter(pk=grade.pk).values().get()
    response = with_rights("change_conflict").post(f"{CONFLICTS}{conflict.pk}/keep/")
    assert (response.status_code, response["Location"]) == (302, f"{CONFLICTS}{conflict.pk}/change/")
    kept = Grade.objects.exclude(pk=grade.pk).get()
    assert said(response) == [f"Kept as a rating of its own, #{kept.pk}."]
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


def test_from_a_filtered_list_one_comes_back_to_it(boss, make_conflict):
    conflict = make_conflict()
    filtered = "?_changelist_filters=state%3Dopen"
    page = f"{CONFLICTS}{conflict.pk}/change/{filtered}"
    assert f'formaction="{CONFLICTS}{conflict.pk}/keep/{filtered}"' in boss.get(page).text
    assert boss.post(f"{CONFLICTS}{conflict.pk}/keep/{filtered}")["Location"] == page
    response = boss.post(f"{CONFLICTS}{conflict.pk}/delete/{filtered}", {"post": "yes"})
    assert response["Location"] == f"{CONFLICTS}?state=open"


def test_pressed_again_it_stores_and_logs_nothing_more(boss, make_conflict):
    conflict = make_conflict()
    boss.post(f"{CONFLICTS}{conflict.pk}/keep/")
    response = boss.post(f"{CONFLICTS}{conflict.pk}/keep/")
    assert said(response)[-1] == "Nothing was changed: it was kept or deleted before."
    assert (Grade.objects.count(), LogEntry.objects.count()) == (2, 1)


def test_one_that_was_deleted_meanwhile_is_not_kept(make_conflict):
    conflict = make_conflict()
    Conflict.objects.all().delete()
    assert conflict.keep() is False
    assert Grade.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_hand", [True, False])
def test_kept_by_eight_at_once_it_is_one_rating(superuser, make_conflict, by_hand):
    conflict = make_conflict()
    clients = [log_in(superuser) for _ in range(8)]

    def keep():
        if not by_hand:
            return Conflict.objects.get(pk=conflict.pk).keep()
        return clients.pop().post(f"{CONFLICTS}{conflict.pk}/keep/").status_code

    results = parallel(8, keep)
    assert sorted(results) == ([302] * 8 if by_hand else [False] * 7 + [True])
    kept = Grade.objects.exclude(pk=conflict.grade_id).get()
    conflict.refresh_from_db()
    assert conflict.kept_as == kept
    assert LogEntry.objects.count() == by_hand


def test_keeping_has_no_rule_about_repeats_or_one_rating_per_dispatch(make_grade, make_conflict, settings):
    settings.ONE_RATING_PER_DISPATCH = True
    grade = make_grade(openid="a")
    for number in range(2):
        conflict = make_conflict(grade, txt1=str(number))
        assert conflict.keep() is True
    assert Grade.objects.count() == 3


def test_the_open_ones_that_match_are_kept_after_a_question_with_one_log_entry(with_rights, make_conflict):
    editor = with_rights("change_conflict")
    conflicts = [make_conflict(acc_nbr=f"138{number}") for number in range(4)]
    other = make_conflict(acc_nbr="139")
    conflicts[0].keep()
    page = act(editor, "keep_selected", [other.pk], True, "?q=138", CONFLICTS)
    assert "This changes 3 conflicting submissions." in page.text
    assert Grade.objects.count() == 6
    late = make_conflict(acc_nbr="1389")
    response = confirm(editor, page)
    assert said(response) == ["3 are now ratings of their own."]
    assert set(Conflict.objects.open()) == {other, late}
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.get_change_message()) == (
        "3 conflicting submissions",
        "Kept as ratings of their own: all that matched “searched=yes”",
    )


def test_who_may_only_look_is_offered_no_action_and_can_run_none(with_rights, make_conflict):
    conflict = make_conflict()
    viewer = with_rights("view_conflict")
    assert viewer.get(CONFLICTS).context["action_form"] is None
    for action in ("keep_selected", "delete_selected"):
        for across in (False, True):
            until = timezone.now().isoformat()
            act(viewer, action, [conflict.pk], across, url=CONFLICTS, confirmed="yes", until=until)
    assert viewer.post(f"{CONFLICTS}{conflict.pk}/delete/", {"post": "yes"}).status_code == 403
    assert recorded()[0]["kept_as"] is None
    assert (Grade.objects.count(), LogEntry.objects.count()) == (1, 0)


# --- Delete -----------------------------------------------------------------------------------


def test_noise_is_deleted_with_the_right_to_delete_and_leaves_the_ratings(with_rights, make_conflict):
    cleaner = with_rights("view_conflict", "delete_conflict")
    one, two, kept = make_conflict(), make_conflict(), make_conflict()
    kept.keep()
    response = cleaner.post(f"{CONFLICTS}{one.pk}/delete/", {"post": "yes"})
    assert (response.status_code, response["Location"]) == (302, CONFLICTS)
    response = confirm(cleaner, act(cleaner, "delete_selected", [two.pk, kept.pk], url=CONFLICTS))
    assert said(response)[-1] == "2 deleted."
    assert (Conflict.objects.count(), Grade.objects.count()) == (0, 4)
    entries = LogEntry.objects.order_by("pk").values_list("action_flag", "object_repr")
    assert list(entries) == [(DELETION, f"#{one.pk}"), (DELETION, "2 conflicting submissions")]


def children(grade):
    return (grade.repeats.count(), grade.conflicts.count())


def test_a_rating_that_is_deleted_takes_its_repeats_and_conflicts_along_and_no_others(boss, make_grade, make_conflict):
    grade, other = make_grade(), make_grade()
    for rating in (grade, other):
        Repeat.objects.bulk_create(Repeat(grade=rating) for _ in range(3))
        make_conflict(rating).keep()
        make_conflict(rating, txt1="x")
    page = boss.get(f"{GRADES}{grade.pk}/delete/").text
    assert re.findall(r"<li>(.*?)</li>", page.split("<h2>Summary</h2>")[1]) == [
        "Ratings: 1",
        "Repeats: 3",
        "Conflicting submissions: 2",
        f"#{grade.pk}",
    ]
    response = boss.post(f"{GRADES}{grade.pk}/delete/", {"post": "yes"})
    assert (response.status_code, response["Location"]) == (302, GRADES)
    assert children(other) == (3, 2)
    assert (Repeat.objects.count(), Conflict.objects.count(), Grade.objects.count()) == (3, 2, 3)


def test_a_kept_rating_that_is_deleted_takes_its_conflict_along_so_that_the_content_is_gone(boss, make_conflict):
    conflict = make_conflict()
    conflict.keep()
    assert "Conflicting submissions: 1" in boss.get(f"{GRADES}{conflict.kept_as_id}/delete/").text
    boss.post(f"{GRADES}{conflict.kept_as_id}/delete/", {"post": "yes"})
    assert list(Grade.objects.all()) == [conflict.grade]
    assert not Conflict.objects.exists()


def test_many_ratings_are_deleted_with_all_that_hangs_on_them(boss, make_grade, make_conflict):
    kept = make_grade(acc_nbr="139")
    Repeat.objects.create(grade=kept)
    for number in range(5):
        grade = make_grade(acc_nbr="138", txt1=str(number))
        Repeat.objects.bulk_create(Repeat(grade=grade) for _ in range(number))
        make_conflict(grade)
    page = act(boss, "delete_selected", [kept.pk], True, "?q=138")
    assert "This deletes 5 ratings. They cannot be brought back." in page.text
    assert "Their repeats and conflicting submissions go with them." in page.text
    assert said(confirm(boss, page)) == ["5 deleted."]
    assert (Grade.objects.get(), Repeat.objects.get().grade, Conflict.objects.count()) == (kept, kept, 0)


@pytest.mark.parametrize("rows", [3, 60])
def test_deleting_many_costs_the_same_for_any_number_of_rows_in_a_batch(make_grade, make_conflict, rows):
    for number in range(rows):
        Repeat.objects.create(grade=make_grade(txt1=str(number)))
    with CaptureQueriesContext(connection) as queries:
        assert Grade.objects.all().delete() == (2 * rows, {"grades.Repeat": rows, "grades.Grade": rows})
    # begin; which rows, and no more; their lock; the rows; repeats, conflicts of both kinds, ratings; commit
    assert len([query for query in queries.captured_queries if "SAVEPOINT" not in query["sql"]]) <= 8


def test_more_ratings_than_a_batch_are_deleted(make_grade):
    Grade.objects.bulk_create(
        Grade(acc_nbr=str(number % 7), grade1=1, grade2=1, grade3=1, insert_time=NOW) for number in range(4100)
    )
    assert Grade.objects.exclude(acc_nbr="0").delete()[1] == {"grades.Grade": 3514}
    assert set(Grade.objects.values_list("acc_nbr", flat=True)) == {"0"}
    assert Grade.objects.all().delete()[0] == 586
    assert Grade.objects.all().delete() == (0, {})


# --- A rating's own page ----------------------------------------------------------------------


def field(response, name):
    found = re.search(rf'field-{name}">.*?<div class="readonly">(.*?)</div>', response.text, re.DOTALL)
    return found and found[1]


def test_a_rating_shows_its_repeats_and_its_conflicts(boss, make_grade, make_conflict):
    grade = make_grade()
    page = f"{GRADES}{grade.pk}/change/"
    assert [field(boss.get(page), name) for name in ("sent_again", "in_conflict", "from_conflict")] == [
        "none",
        "none",
        None,
    ]
    for minutes in (5, 90, 40):
        Repeat.objects.create(grade=grade, repeated_at=NOW + timedelta(minutes=minutes))
    conflict = make_conflict(grade)
    make_conflict(grade, txt1="x").keep()
    response = boss.get(page)
    assert field(response, "sent_again") == "3, the last on Nov. 22, 2026, 1:30 p.m."
    assert field(response, "in_conflict") == f'<a href="{CONFLICTS}?rating={grade.pk}">2, of which open: 1</a>'
    conflict.keep()
    kept_from = field(boss.get(f"{GRADES}{conflict.kept_as_id}/change/"), "from_conflict")
    assert kept_from == f'conflicting submission <a href="{CONFLICTS}{conflict.pk}/change/">#{conflict.pk}</a>'


def test_who_may_not_see_conflicts_is_not_told_of_them_by_a_rating(with_rights, make_conflict):
    conflict = make_conflict()
    response = with_rights("view_grade").get(f"{GRADES}{conflict.grade_id}/change/")
    assert (field(response, "sent_again"), field(response, "in_conflict")) == ("none", None)
    assert CONFLICTS not in response.text


# --- The back office's first page -------------------------------------------------------------


def figures(client, path="/admin/"):
    text = client.get(path).text
    if 'class="figures"' not in text:
        return []
    items = re.findall(r"<li>(.*?)</li>", text.split('class="figures"')[1].split("</ul>")[0])
    return [re.sub(r"<[^>]+>", "", item) for item in items]


@pytest.fixture
def some_traffic(make_grade, make_conflict):
    """A rating and a repeat per age, and of two conflicts one open."""
    now = timezone.now()
    for age in (timedelta(hours=23), timedelta(hours=25), timedelta(days=29), timedelta(days=31)):
        grade = make_grade(insert_time=now - age)
        Repeat.objects.create(grade=grade, repeated_at=now - age + timedelta(seconds=9))
    make_grade()
    make_conflict(grade)
    make_conflict(grade, txt1="x").keep()


def test_repeats_and_their_share_and_open_conflicts_are_on_the_first_page(boss, some_traffic):
    assert figures(boss) == [
        "Repeats in the last 24 hours: 1 (25.0 % of submissions)",
        "Repeats in the last 30 days: 3 (37.5 % of submissions)",
        "Open conflicts: 1",
    ]
    assert f'<a href="{CONFLICTS}?state=open">Open conflicts:</a>' in boss.get("/admin/").text


def test_everyone_is_told_what_they_may_see(with_rights, staff, some_traffic):
    assert figures(log_in(staff)) == []
    assert [line.split(":")[0] for line in figures(with_rights("view_conflict"))] == ["Open conflicts"]
    assert [line.split(" ")[0] for line in figures(with_rights("view_grade"))] == ["Repeats", "Repeats"]
    assert figures(Client()) == []


def test_the_first_page_counts_no_further_than_its_limit(boss, some_traffic, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(sent_again, "SHARE_LIMIT", 2)
    monkeypatch.setattr(lists, "COUNT_LIMIT", 1)
    ContentType.objects.get_for_model(Conflict)
    # session, user, repeats and ratings of a day, of a month, open conflicts, the user's own actions
    with django_assert_num_queries(8) as queries:
        lines = figures(boss)
    assert lines[:2] == [
        "Repeats in the last 24 hours: 1 (less than 25.1 % of submissions)",
        "Repeats in the last 30 days: 2+",
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
def test_a_share_is_exact_or_said_to_be_a_bound(repeats, ratings, label):
    assert sent_again.share_label(repeats, ratings) == label
