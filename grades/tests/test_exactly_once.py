"""Each rating once: the short way is the plain way, and what happens at the edges and when the database fails."""

import os
import random
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import time_machine
from django.conf import settings as site_settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from grades import retries
from grades.models import AlreadyRated, Conflict, Grade, Repeat, SubmissionConflict, ratings
from grades.models.merging import MergedInsert
from grades.retries import StoreUnavailable, is_transient, retry_transient
from grades.serializers import (
    BodyError,
    SubmissionError,
    SubmissionSerializer,
    decode_body,
    decode_form,
    decode_form_value,
    read_submission,
)

from .conftest import POOL, running
from .test_score import ARTICLE, CONTENT, FORM, corpus, raw_form, stored
from .test_server import request

SERVERS = ["gunicorn", "granian"]
SUCCESS, FAILURE = '"数据提交成功"', '"数据提交失败"'


# --- The short way gives what the plain way gives -------------------------------------------------


def plainly(fields):
    """What a serializer of its own for each request makes of decoded fields, or the first fault."""
    serializer = SubmissionSerializer(data=fields)
    if serializer.is_valid():
        return dict(serializer.validated_data)
    field, reasons = next(iter(serializer.errors.items()))
    return f"{field}: {reasons[0]}"


def shortly(fields):
    try:
        return read_submission(fields)
    except SubmissionError as error:
        return str(error)


@pytest.mark.parametrize("case", corpus("score_requests.jsonl"))
def test_on_every_line_of_the_corpus_the_short_validation_gives_what_the_serializer_gives(case):
    media_type = case["content_type"].partition(";")[0].lower()
    try:
        fields = decode_body(media_type, case["body"].encode())
    except (KeyError, BodyError):
        assert case["error"] in ("body", "content-type")
        return
    result = shortly(fields)
    assert result == plainly(fields)
    if case["row"]:
        assert {name: result[name] for name in CONTENT} == case["row"]
        assert [type(result[name]) for name in CONTENT] == [str, int, int, int, str, str, str]
    else:
        assert case["error"] in (result.partition(":")[0], "submission_id")


@pytest.mark.django_db
@pytest.mark.parametrize("case", [case for case in corpus("score_requests.jsonl") if case.values[0]["row"]])
def test_on_every_line_of_the_corpus_the_one_statement_stores_what_the_orm_stores(case):
    fields = read_submission(decode_body(case["content_type"].partition(";")[0].lower(), case["body"].encode()))
    Grade.submit(**fields)
    row = Grade.objects.values().get()
    Grade.objects.all().delete()
    Grade.objects.create(insert_time=row["insert_time"], content_key=row["content_key"], **fields)
    assert Grade.objects.values().get() | {"id": row["id"]} == row


def test_a_form_is_decoded_as_the_standard_library_does():
    chance = random.Random(4)
    pieces = ["a", "0", "=", "&", "+", "%", "%4", "%zz", "%41", "%22", "%e5%BE%88", "%E5%A5", "%BD", "很", "\n", ";"]
    refused = 0
    for _ in range(20_000):
        body = "".join(chance.choices(pieces, k=chance.randrange(12)))
        try:
            pairs = parse_qsl(body, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            refused += 1
            with pytest.raises(UnicodeDecodeError):
                decode_form(body.encode())
            continue
        if len(dict(pairs)) < len(pairs):
            with pytest.raises(BodyError, match="given twice"):
                decode_form(body.encode())
        else:
            assert decode_form(body.encode()) == {name: decode_form_value(value) for name, value in pairs}, body
    assert 1000 < refused < 19_000


# --- Repeats and conflicts ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_rating_bears_the_moment_at_which_it_came():
    with time_machine.travel("2026-11-22T08:00:00.123456+00:00", tick=False):
        Grade.submit(**ARTICLE)
        assert Grade.objects.get().insert_time == timezone.now()


@pytest.mark.django_db
def test_who_comes_too_late_to_take_over_from_an_expired_rating_is_a_repeat_of_who_did():
    Grade.submit(**ARTICLE)
    Grade.objects.update(insert_time=timezone.now() - timedelta(seconds=11))
    expired = Grade.objects.get()
    assert Grade.submit(**ARTICLE) is True
    holder = Grade.objects.latest("id")
    row = {
        **ARTICLE,
        "openid": None,
        "insert_time": timezone.now(),
        "submission_id": None,
        "content_key": holder.content_key.hex,
        "dispatch_key": None,
    }
    assert Grade._take_over(expired, row) is False
    assert (stored(), Repeat.objects.get().grade) == ([ARTICLE] * 2, holder)


@pytest.mark.django_db
@pytest.mark.parametrize("submission_id", [None, uuid.uuid4()])
def test_a_repeat_adds_no_rating_and_is_counted(submission_id):
    answers = [Grade.submit(submission_id=submission_id, **ARTICLE) for _ in range(3)]
    assert answers == [True, False, False]
    assert stored() == [ARTICLE]
    assert list(Repeat.objects.values_list("grade", flat=True)) == [Grade.objects.get().pk] * 2


@pytest.mark.django_db
def test_a_conflict_is_recorded_once_with_all_that_came_and_the_stored_rating_stays():
    submission_id, other = uuid.uuid4(), ARTICLE | {"grade1": 1, "txt3": "不对👎"}
    Grade.submit(submission_id=submission_id, **ARTICLE)
    for _ in range(2):
        with pytest.raises(SubmissionConflict):
            Grade.submit(submission_id=submission_id, openid="o-ann", **other)
    conflict = Conflict.objects.get()
    assert {name: getattr(conflict, name) for name in CONTENT} == other
    assert (conflict.openid, conflict.grade, conflict.kept_as) == ("o-ann", Grade.objects.get(), None)
    assert abs(conflict.received_at - timezone.now()) < timedelta(minutes=1)
    assert (stored(), Repeat.objects.count()) == ([ARTICLE], 0)


@pytest.fixture
def deleted_in_between(monkeypatch):
    """The rating that a submission meets is deleted right after it was found."""
    find = Grade._with_key_of

    def find_and_delete(row):
        stored = find(row)
        Grade.objects.filter(pk=stored and stored.pk).delete()
        return stored

    monkeypatch.setattr(Grade, "_with_key_of", find_and_delete)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("submission_id", [None, uuid.uuid4()])
@pytest.mark.parametrize("change", [{}, {"txt3": "不对"}])
def test_what_would_be_a_repeat_or_conflict_of_a_rating_that_is_deleted_at_that_moment_is_stored(
    deleted_in_between, submission_id, change
):
    Grade.submit(submission_id=submission_id, **ARTICLE)
    assert Grade.submit(submission_id=submission_id, **ARTICLE | change) is True
    assert stored()[-1] == ARTICLE | change
    assert (Repeat.objects.count(), Conflict.objects.count()) == (0, 0)


# --- An attempt whose answer is lost --------------------------------------------------------------


@pytest.fixture
def answer_lost(monkeypatch):
    """The first INSERT is committed, but the connection breaks before the server's word of it arrives."""
    insert, losses = Grade._insert_rows, [OperationalError(2013, "Lost connection to server during query")]

    def insert_and_lose(rows):
        insert(rows)
        if losses:
            raise losses.pop()

    monkeypatch.setattr(ratings.merged_insert, "insert_rows", insert_and_lose)
    return losses


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("window", [10, 0])
@pytest.mark.parametrize("submission_id", [None, uuid.uuid4()])
def test_a_row_whose_commit_was_not_heard_of_is_known_again_and_no_repeat(answer_lost, submission_id, window, settings):
    settings.DEDUPE_WINDOW = window
    assert Grade.submit(submission_id=submission_id, **ARTICLE) is True
    assert (stored(), Repeat.objects.count(), answer_lost) == ([ARTICLE], 0, [])


@pytest.mark.django_db(transaction=True)
def test_the_one_rating_of_a_dispatch_whose_commit_was_not_heard_of_is_no_second_rating(
    answer_lost, make_account, settings
):
    settings.ONE_RATING_PER_DISPATCH = True
    make_account()
    assert Grade.submit(openid="o-ann", **ARTICLE) is True
    with pytest.raises(AlreadyRated):
        Grade.submit(openid="o-ann", **ARTICLE | {"grade1": 1})
    assert (stored(), answer_lost) == ([ARTICLE], [])


@pytest.mark.django_db
def test_after_the_window_a_second_rating_of_a_dispatch_is_refused_and_the_first_keeps_its_key(make_account, settings):
    settings.ONE_RATING_PER_DISPATCH = True
    make_account()
    Grade.submit(openid="o-ann", **ARTICLE)
    Grade.objects.update(insert_time=timezone.now() - timedelta(seconds=11))
    before = Grade.objects.values().get()
    with pytest.raises(AlreadyRated):
        Grade.submit(openid="o-ann", **ARTICLE)
    assert Grade.objects.values().get() == before


# --- Trying again ---------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """Time passes in naps only; returns them."""
    naps, now = [], [1000.0]

    def sleep(seconds):
        naps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(retries.time, "sleep", sleep)
    monkeypatch.setattr(retries.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(retries, "_unavailable_until", {})
    return naps


@pytest.mark.parametrize("code", [1047, 1053, 1180, 1205, 1213, 1927, 2002, 2003, 2006, 2013, 2055])
@pytest.mark.django_db(transaction=True)
def test_every_transient_error_is_tried_again_on_a_fresh_connection(clock, code):
    errors = [OperationalError(code, "…"), InterfaceError(0, "")]
    used = []

    def work():
        connection.ensure_connection()
        used.append(connection.connection)
        if errors:
            raise errors.pop()
        return "done"

    assert retry_transient(work, using="default") == "done"
    assert len({id(one) for one in used}) == len(used) == 3
    assert len(clock) == 2


@pytest.mark.parametrize(
    "error", [OperationalError(1366, "Incorrect value"), OperationalError(1292, "…"), IntegrityError(1062, "…")]
)
@pytest.mark.django_db(transaction=True)
def test_an_error_that_stays_is_not_tried_again(clock, error):
    calls = []

    def work():
        calls.append(1)
        raise error

    with pytest.raises(type(error)) as caught:
        retry_transient(work, using="default")
    assert (caught.value, len(calls), clock) == (error, 1, [])
    assert not is_transient(error)


@pytest.mark.django_db
def test_within_a_transaction_of_the_caller_nothing_is_tried_again(clock):
    def work():
        raise OperationalError(1213, "Deadlock found")

    with pytest.raises(OperationalError):
        retry_transient(work, using="default")
    assert clock == []


@pytest.mark.django_db(transaction=True)
def test_after_two_seconds_of_failures_it_gives_up_and_for_one_more_second_nobody_waits(clock):
    calls = []

    def work():
        calls.append(1)
        raise OperationalError(2002, "Can't connect")

    with pytest.raises(StoreUnavailable) as caught:
        retry_transient(work, using="default")
    assert caught.value.__cause__.args[0] == 2002
    assert 1 < sum(clock) <= 2
    assert 5 < len(calls) < 20

    del calls[:], clock[:]
    with pytest.raises(StoreUnavailable):
        retry_transient(work, using="default")
    assert (calls, clock) == ([], [])

    retries.time.sleep(1)
    assert retry_transient(lambda: "done", using="default") == "done"


# --- Merged inserts -------------------------------------------------------------------------------


def insert_at_once(merged, rows):
    """What `merged.insert` raised for each row, with all of them there while the first statement is under way."""

    def insert(row):
        try:
            merged.insert(row)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(rows)) as pool:
        first = pool.submit(insert, rows[0])
        assert merged.begun.wait(5)
        others = [pool.submit(insert, row) for row in rows[1:]]
        while len(merged.waiting) < len(others):
            time.sleep(0.001)
        merged.go.set()
        return [task.result(5) for task in (first, *others)]


def make_merged(statement):
    def slowly(rows):
        merged.statements.append(list(rows))
        merged.begun.set()
        assert merged.go.wait(5)
        statement(rows)

    merged = MergedInsert(slowly)
    merged.statements, merged.begun, merged.go = [], threading.Event(), threading.Event()
    return merged


def test_rows_that_arrive_during_a_statement_go_into_the_next_together():
    merged = make_merged(lambda rows: None)
    assert insert_at_once(merged, list("abcdef")) == [None] * 6
    assert [sorted(rows) for rows in merged.statements] == [["a"], list("bcdef")]
    merged.insert("g")
    assert merged.statements[-1] == ["g"]


def test_a_row_at_fault_spoils_only_its_own_insert():
    def statement(rows):
        if "d" in rows:
            raise IntegrityError(1062, "Duplicate entry")

    merged = make_merged(statement)
    results = insert_at_once(merged, list("abcdef"))
    assert [type(result) for result in results] == [type(None)] * 3 + [IntegrityError] + [type(None)] * 2
    assert sorted(rows[0] for rows in merged.statements[2:]) == list("bcdef")

    with pytest.raises(IntegrityError):
        merged.insert("d")
    assert merged.statements[7:] == [["d"]], "alone, it is at fault itself"


@pytest.mark.parametrize("error", [OperationalError(2013, "Lost connection"), MemoryError(), StoreUnavailable()])
def test_of_a_statement_that_fails_altogether_no_row_is_taken_for_stored(error):
    def statement(rows):
        if len(rows) > 1:
            raise error

    merged = make_merged(statement)
    assert insert_at_once(merged, list("abc")) == [None, error, error]
    assert len(merged.statements) == 2
    merged.insert("d")  # and the next one goes on
    assert merged.statements[-1] == ["d"]


def test_who_waits_for_a_statement_that_fails_for_a_passing_reason_is_told_and_need_not_wait_for_the_next():
    def statement(rows):
        raise error

    error = OperationalError(2013, "Lost connection")
    merged = make_merged(statement)
    assert insert_at_once(merged, list("abc")) == [error] * 3
    assert merged.statements == [["a"]]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_repeats_among_them_each_is_stored_once():
    contents = [ARTICLE | {"txt2": f"{number}👍"} for number in range(40)]
    copies = [(uuid.uuid4() if number < 20 else None, content) for number, content in enumerate(contents)] * 4
    random.Random(4).shuffle(copies)

    def submit(copy):
        try:
            return Grade.submit(submission_id=copy[0], **copy[1])
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(submit, copies))
    assert sorted(row["txt2"] for row in stored()) == sorted(content["txt2"] for content in contents)
    assert (answers.count(True), answers.count(False)) == (40, 120)
    assert Repeat.objects.count() == 120


# --- Over HTTP, by several servers ----------------------------------------------------------------


@contextmanager
def two_servers(tmp_path, name, **settings):
    with (
        running(tmp_path / "1.log", POOL, SCORE_SERVER=name, **settings) as one,
        running(tmp_path / "2.log", POOL, SCORE_SERVER=name, **settings) as other,
    ):
        yield [one.address, other.address]


def send(address, body):
    return request(address, "POST", "/score", body, {"Content-Type": FORM})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SERVERS)
def test_sixty_four_copies_to_two_servers_are_one_row_and_one_more_after_the_windows_edge(tmp_path, name):
    window = 3
    with two_servers(tmp_path, name, DEDUPE_WINDOW=str(window)) as addresses, ThreadPoolExecutor(64) as pool:
        with_id = raw_form(submission_id=f'"{uuid.uuid4()}"', txt2='"with id"')
        replies = list(pool.map(lambda number: send(addresses[number % 2], with_id), range(64)))
        replies += pool.map(lambda number: send(addresses[number % 2], raw_form()), range(64))
        assert Grade.objects.count() == 2
        first = Grade.objects.get(submission_id=None).insert_time

        def send_about_the_edge(number):
            edge = window - (timezone.now() - first).total_seconds()
            time.sleep(max(0, edge + (number - 32) / 320))  # from 0.1 s before to 0.1 s after
            return send(addresses[number % 2], raw_form())

        replies += pool.map(send_about_the_edge, range(64))
    assert {(status, text) for status, _, text in replies} == {(200, SUCCESS)}
    times = list(Grade.objects.filter(submission_id=None).order_by("insert_time").values_list("insert_time", flat=True))
    assert len(times) == 2
    assert times[1] - times[0] >= timedelta(seconds=window)
    assert Grade.objects.count() == 3


needs_a_database_to_freeze = pytest.mark.skipif(
    connection.vendor != "mysql", reason="needs MySQL or MariaDB: SQLite has no process to stop"
)


@contextmanager
def frozen_database():
    """The database server hangs: its process is stopped. Only ever one that bin/mariadb started."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@pid_file")
        pid_file = Path(cursor.fetchone()[0])
    if "scoring-mariadb." not in str(pid_file):
        pytest.skip("stops the database server, and does so only to one that bin/mariadb started")
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@needs_a_database_to_freeze
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("seconds", [3, 8])
def test_while_the_database_hangs_a_rating_is_stored_or_refused_and_nobody_waits_ten_seconds(tmp_path, name, seconds):
    """Sixty-four at once, many more than there are threads, on connections that were good before, and new ones."""
    bodies = [raw_form(submission_id=f'"{uuid.uuid4()}"') for _ in range(72)]

    def timed(body):
        begun = time.monotonic()
        status, headers, text = send(process.address, body)
        return time.monotonic() - begun, status, headers, text

    with (
        running(tmp_path / "log", POOL, SCORE_SERVER=name, SCORE_THREADS="4") as process,
        ThreadPoolExecutor(72) as pool,
    ):
        assert [reply[1] for reply in pool.map(timed, bodies[:8])] == [200] * 8
        with frozen_database():
            replies = [pool.submit(timed, body) for body in bodies[8:]]
            time.sleep(seconds)
        replies = [reply.result() for reply in replies]
        for taken, status, headers, text in replies:
            assert (status, text) in {(200, SUCCESS), (503, FAILURE)}
            assert headers["Content-Type"] == "application/json"
            assert status == 200 or (headers["Retry-After"], headers["X-Score-Error"]) == ("5", "store: unreachable")
            assert taken < 10
        acknowledged = sum(reply[1] == 200 for reply in replies) + 8
        assert acknowledged <= Grade.objects.count() <= 72
        if seconds > 4:
            assert acknowledged < 72, "so long nobody waits"
        time.sleep(1.1)
        assert {timed(body)[1] for body in bodies} == {200}
    assert Grade.objects.count() == 72


@needs_a_database_to_freeze
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_is_told_to_stop_finishes_what_it_has_begun(tmp_path, name):
    bodies = [raw_form(submission_id=f'"{uuid.uuid4()}"') for _ in range(4)]
    with running(tmp_path / "log", POOL, SCORE_SERVER=name) as process, ThreadPoolExecutor(4) as pool:
        with frozen_database():
            replies = [pool.submit(send, process.address, body) for body in bodies]
            time.sleep(0.7)
            process.terminate()
            time.sleep(0.7)
        assert {reply.result()[0] for reply in replies} == {200}
        assert process.wait(timeout=20) == 0
    assert Grade.objects.count() == 4


def test_a_rating_has_connections_of_its_own_that_give_up_in_time(monkeypatch):
    """The longest that one attempt may take, and the last moment that one may begin at, are less than ten seconds."""
    import runpy

    monkeypatch.setenv("DATABASE_URL", "mysql://user:password@127.0.0.1/scoring")
    monkeypatch.setenv("SECRET_KEY", site_settings.SECRET_KEY)
    fresh = runpy.run_path(str(site_settings.BASE_DIR / "scoring_site" / "settings.py"))
    ours, office = (fresh["DATABASES"][alias] for alias in (fresh["API_DATABASE"], "default"))
    assert retries.RETRY_SECONDS + ours["OPTIONS"]["connect_timeout"] + ours["OPTIONS"]["read_timeout"] < 10
    assert {"innodb_lock_wait_timeout=2", "sql_mode='STRICT_ALL_TABLES"} <= {
        *ours["OPTIONS"]["init_command"].replace("SET ", "").replace(",", " ").split()
    }
    assert (ours["CONN_HEALTH_CHECKS"], office["CONN_HEALTH_CHECKS"]) == (False, True)
    assert "read_timeout" not in office["OPTIONS"]
