"""database/routers.py: which queries go to the readers."""

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from grades.database.routers import READERS, from_readers
from grades.database.snapshots import snapshot
from grades.database.streaming import streaming_alias
from grades.exports import ratings_table
from grades.models import Account, DailyScore, Grade

from ..helpers.office import GRADES, act, confirm
from ..helpers.submissions import FORM, SUCCESS, raw_form

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def readers(settings, transactional_db):
    """A second connection to the database, as the readers; yields its statements."""
    settings.DATABASE_READ_URL = {"ENGINE": connection.settings_dict["ENGINE"]}
    settings.DATABASE_ROUTERS = ["grades.database.routers.ReadersRouter"]
    second = connections["default"].copy(alias=READERS)
    connections[READERS] = second
    with CaptureQueriesContext(second) as statements:
        yield statements
    del connections[READERS]
    second.close()


def read_rows(statements):
    """The statements without those that begin and end a transaction or set up the connection."""
    return [query["sql"] for query in statements if query["sql"].startswith("SELECT")]


def test_reads_within_go_to_the_readers_and_others_do_not(readers, make_grade):
    make_grade()
    assert Grade.objects.count() == 1
    assert read_rows(readers) == []
    with from_readers():
        assert Grade.objects.count() == 1
    assert len(read_rows(readers)) == 1
    assert Grade.objects.count() == 1
    assert len(read_rows(readers)) == 1


def test_locks_and_changes_stay_on_the_writer(readers, make_grade):
    make_grade()
    with from_readers(), CaptureQueriesContext(connection) as written:
        with transaction.atomic():
            assert Grade.objects.select_for_update().count() == 1
            assert Grade.objects.count() == 1
        Grade.objects.update(review_note="x")
        DailyScore.objects.create(day="2026-11-01")
    assert readers.captured_queries == []
    assert len(written) > 4


def test_a_row_from_the_readers_is_changed_on_the_writer(readers, make_grade, superuser):
    make_grade(reviewer=superuser)
    with from_readers():
        grade = Grade.objects.get()
    readers.connection.queries_log.clear()
    assert grade.reviewer == superuser
    grade.reviewer, grade.review_note = superuser, "changed"
    grade.save()
    assert Grade.objects.get().review_note == "changed"
    assert readers.captured_queries == []


def test_a_snapshot_is_of_the_readers(readers, make_grade):
    make_grade()
    with snapshot():
        assert Grade.objects.count() == 1
        in_transaction = connections[READERS].in_atomic_block
    assert len(read_rows(readers)) == 1
    assert in_transaction == (connection.vendor == "mysql")


def test_an_export_streams_from_the_readers(readers, make_grade):
    make_grade()
    connections[READERS].settings_dict["mark"] = "of the readers"
    with streaming_alias() as alias:
        assert connections[alias].settings_dict["mark"] == "of the readers"
        assert len(list(ratings_table(Grade.objects.all()).rows(alias))) == 1


@pytest.mark.parametrize("name", ["overview", "coverage", "admin:grades_grade_changelist"])
def test_staff_pages_read_from_the_readers_and_change_nothing_there(
    readers, superuser_client, make_account, make_grade, name
):
    make_account(), make_grade()
    response = superuser_client.get(reverse(name))
    assert response.status_code == 200
    statements = [query["sql"] for query in readers if not query["sql"].startswith(("SET ", "BEGIN", "COMMIT"))]
    assert statements
    assert {statement.split()[0] for statement in statements} == {"SELECT"}
    assert not any("FOR UPDATE" in statement for statement in statements)


def test_a_list_shows_a_change_at_once(readers, superuser_client, make_grade):
    grade = make_grade()
    page = act(superuser_client, "delete_selected", [grade.pk])
    confirm(superuser_client, page)
    assert superuser_client.get(GRADES).context["cl"].result_list == []
    assert read_rows(readers)


def test_an_action_works_on_rows_of_the_writer(readers, superuser_client, make_grade):
    grade = make_grade()
    readers.connection.queries_log.clear()
    act(superuser_client, "delete_selected", [grade.pk])
    assert readers.captured_queries == []


def test_the_mini_program_never_uses_the_readers(readers, client):
    reply = client.post("/score", raw_form(), content_type=FORM)
    assert (reply.status_code, reply.content.decode()) == (200, SUCCESS)
    assert client.get("/graderesult").status_code == 400
    assert Account.objects.count() == 0
    assert readers.captured_queries == []
