"""Ratings of the original program: each is imported exactly once, whatever the source and its order."""

import csv
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from grades.imports import ImportFailed
from grades.imports.legacy import LegacyResult, Rejects, import_ratings, open_source
from grades.models import Grade

from ..helpers.legacy import AGAIN, COLUMNS, ROW, STORED, numbered, stored, write_csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def csv_path(tmp_path):
    """A function that writes rows into a CSV file and returns its path."""
    return lambda *rows, **options: write_csv(tmp_path / "grade.csv", *rows, **options)


@pytest.fixture
def run_import(tmp_path):
    """A function that imports a source, a path or (URL, table), and returns the result."""

    def run(location, table="grade", *, zone="Asia/Shanghai", rejects=tmp_path / "rejects.csv", **options):
        with open_source(str(location), table) as source, Rejects(rejects, source.columns) as refused:
            *_earlier, result = import_ratings(source, ZoneInfo(zone), refused, **options)
        return result

    return run


# --- Files ----------------------------------------------------------------------------------------


def test_a_rating_gets_its_time_and_an_id_but_no_content_key(csv_path, run_import):
    assert run_import(csv_path(ROW)) == LegacyResult(read=1, added=1)
    assert stored() == [STORED]
    grade = Grade.objects.get()
    assert (grade.submission_id.version, grade.content_key, grade.openid, grade.review_state) == (5, None, None, "new")
    assert (grade.lowest_grade, grade.has_remarks) == (3, True)


def test_the_id_of_a_row_is_the_same_in_every_release(csv_path, run_import):
    # Other ids would add every row again to a site that imported some of them with an older release.
    run_import(csv_path(ROW, ROW))
    assert sorted(str(grade.submission_id) for grade in Grade.objects.all()) == [
        "55899bf1-20ed-5121-ad0c-16cfcbbe4e8e",
        "760b81a4-5e74-5f38-b12e-218856f2e8cf",
    ]


@pytest.mark.parametrize("order", ["ascending", "descending", "mixed"])
def test_equal_rows_are_each_stored_once_in_any_order(csv_path, run_import, order):
    rows = sorted(numbered(9) * 3, key=lambda row: row[-1], reverse=order == "descending")
    if order == "mixed":
        rows = rows[::2] + rows[1::2]
    path = csv_path(*rows)
    assert run_import(path, batch_size=4) == LegacyResult(read=27, added=27)
    again = run_import(path, batch_size=5)
    assert again == LegacyResult(read=27, added=0)
    assert again.already_stored == 27
    assert [row[0] for row in stored()] == [row[0] for row in numbered(9) for _time in range(3)]


def test_more_equal_rows_in_a_later_file_are_added(csv_path, run_import):
    run_import(csv_path(ROW, ROW))
    result = run_import(csv_path(ROW, ROW, ROW))
    assert result == LegacyResult(read=3, added=1)
    assert result.already_stored == 2
    assert stored() == [STORED] * 3


@pytest.mark.parametrize(
    "row",
    [
        ["13800138001", *ROW[1:]],
        [*ROW[:3], 4, *ROW[4:]],
        [*ROW[:4], "", "服务态度很好", "👍", ROW[-1]],
        [*ROW[:7], "2026-11-01 08:30:00.000001"],
    ],
)
def test_rows_that_differ_in_one_value_are_different_ratings(csv_path, run_import, row):
    assert run_import(csv_path(ROW, row)) == LegacyResult(read=2, added=2)


@pytest.mark.parametrize(
    ("time", "zone", "expected"),
    [
        ("2026-11-01 00:00:00", "Asia/Shanghai", datetime(2026, 10, 31, 16, tzinfo=UTC)),
        ("2026-11-01 00:00:00", "UTC", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-07-01 00:00:00", "Europe/Berlin", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-12-01 00:00:00", "Europe/Berlin", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("2026/1/2T3:04:05.6", "UTC", datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)),
        ("2026-01-02 03:04:05.000007", "UTC", datetime(2026, 1, 2, 3, 4, 5, 7, tzinfo=UTC)),
    ],
)
def test_times_are_in_the_given_time_zone(csv_path, run_import, time, zone, expected):
    run_import(csv_path([*ROW[:7], time]), zone=zone)
    assert stored() == [(*STORED[:7], expected)]


def test_remarks_may_be_null_empty_or_absent(csv_path, run_import):
    times = [f"2026-11-01 08:30:0{second}" for second in range(3)]
    run_import(csv_path([*ROW[:4], r"\N", "NULL", "", times[0]]))
    run_import(csv_path([*ROW[:4], times[1]], columns=[*COLUMNS[:4], "insert_time"]))
    run_import(csv_path(["9", times[2], *ROW[:5], "x"], columns=["id", "INSERT_TIME", *COLUMNS[:5], "ip"]))
    assert [row[4:7] for row in stored()] == [("", "", ""), ("", "", ""), ("服务态度很好", "", "")]


def test_a_file_in_gb18030_is_read(csv_path, run_import):
    run_import(csv_path(ROW, encoding="gb18030"))
    assert stored() == [STORED]


def test_rejects_that_cannot_be_written_fail_the_import_with_their_path(csv_path, run_import, tmp_path):
    (tmp_path / "rejects").mkdir()
    with pytest.raises(ImportFailed) as caught:
        run_import(csv_path([ROW[0], 6, *ROW[2:]]), rejects=tmp_path / "rejects")
    assert str(caught.value) == f"{tmp_path}/rejects: Is a directory"


# --- Tables of a MySQL server ---------------------------------------------------------------------

mysql = pytest.mark.skipif(connection.vendor != "mysql", reason="reads a table of a MySQL or MariaDB server")


@pytest.fixture
def legacy_table(db):
    """A function that makes a table like the original program's; returns (URL, table name).

    It has its own connection, because the import reads the table over another connection than the test's.
    """
    import MySQLdb

    place = connection.settings_dict
    server = MySQLdb.connect(
        host=place["HOST"], port=int(place["PORT"]), user=place["USER"], password=place["PASSWORD"],
        database=place["NAME"], charset="utf8mb4", autocommit=True,
    )  # fmt: skip
    url = f"mysql://{place['USER']}:{quote(place['PASSWORD'])}@{place['HOST']}:{place['PORT']}/{place['NAME']}"

    def make(*rows, columns=None):
        columns = {
            "acc_nbr": "bigint", "grade1": "int", "grade2": "int", "grade3": "int",
            "txt1": "varchar(500)", "txt2": "text", "txt3": "varchar(200)", "insert_time": "datetime",
            **(columns or {}),
        }  # fmt: skip
        definition = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        cursor.execute(f"CREATE TABLE grade_legacy ({definition}) DEFAULT CHARACTER SET utf8mb3")
        cursor.executemany(f"INSERT INTO grade_legacy VALUES ({', '.join(['%s'] * len(columns))})", rows)
        return url, "grade_legacy"

    with closing(server), server.cursor() as cursor:
        cursor.execute("SET time_zone = '+08:00'")  # as on a server in China, for TIMESTAMP columns
        cursor.execute("DROP TABLE IF EXISTS grade_legacy")
        yield make
        cursor.execute("DROP TABLE IF EXISTS grade_legacy")


UTF8 = [13800138000, 5, 4, 3, "服务态度很好", "", "好", "2026-11-01 08:30:00"]
UTF8_STORED = (*STORED[:6], "好", STORED[7])


@mysql
def test_a_table_is_imported_with_integers_text_and_nulls(legacy_table, run_import):
    source = legacy_table(UTF8, [13800138000, 5, 4, 3, None, None, "", "2026-11-01 08:30:01"], UTF8)
    assert run_import(*source) == LegacyResult(read=3, added=3)
    assert stored() == [UTF8_STORED] * 2 + [
        ("13800138000", 5, 4, 3, "", "", "", datetime(2026, 11, 1, 0, 30, 1, tzinfo=UTC))
    ]
    assert run_import(*source, batch_size=1) == LegacyResult(read=3, added=0)


@mysql
def test_a_table_and_a_file_of_it_give_the_same_ids(legacy_table, csv_path, run_import):
    run_import(*legacy_table(UTF8, UTF8))
    assert run_import(csv_path(UTF8, UTF8)) == LegacyResult(read=2, added=0)


@mysql
@pytest.mark.parametrize(
    "columns",
    [
        {"acc_nbr": "varchar(20)", "grade1": "decimal(10,2)", "grade2": "double", "grade3": "varchar(4)"},
        {"acc_nbr": "decimal(20,0)", "txt1": "blob", "txt3": "mediumtext"},
        {"acc_nbr": "char(32)", "insert_time": "datetime(6)", "id": "int"},
        {"acc_nbr": "bigint unsigned zerofill", "insert_time": "varchar(32)"},
    ],
)
def test_columns_may_have_any_type_that_holds_the_values(legacy_table, run_import, columns):
    row = UTF8 + [7] * ("id" in columns)
    run_import(*legacy_table(row, columns=columns))
    (grade,) = stored()
    assert (grade[0].lstrip("0"), *grade[1:]) == UTF8_STORED


@mysql
@pytest.mark.parametrize("kind", ["datetime", "timestamp", "varchar(32)"])
def test_equal_rows_of_a_table_are_each_stored_once_across_batches(legacy_table, run_import, kind):
    rows = [[row[0], 5, 4, 3, "", "", "", row[-1]] for row in numbered(9) * 3]
    source = legacy_table(*rows, columns={"insert_time": kind})
    assert run_import(*source, batch_size=4) == LegacyResult(read=27, added=27)
    assert run_import(*source, batch_size=7) == LegacyResult(read=27, added=0)


@mysql
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_a_timestamp_column_ignores_the_given_time_zone(legacy_table, run_import, zone):
    source = legacy_table(UTF8, columns={"insert_time": "timestamp"})
    run_import(*source, zone=zone)
    assert stored() == [UTF8_STORED]


@mysql
def test_refused_rows_of_a_table_are_listed_with_all_its_columns(legacy_table, run_import, tmp_path):
    row = [1, 9, 4, 3, "a\nb", None, "好", "2026-11-01 08:30:00", b"\xff"]
    source = legacy_table(row, [2, 5, 4, 3, "", "", "", None, b""], columns={"extra": "blob"})
    rejects = tmp_path / "rejects.csv"
    assert run_import(*source, rejects=rejects) == LegacyResult(read=2, added=0, rejected=2)
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            [*COLUMNS, "extra", "row", "reason"],
            ["2", "5", "4", "3", "", "", "", "", "", "1", "insert_time: required"],
            ["1", "9", "4", "3", "a\nb", "", "好", "2026-11-01 08:30:00", "\ufffd", "2", "grade1: out of range"],
        ]


def refusal(run_import, *source):
    with pytest.raises(ImportFailed) as caught:
        run_import(*source)
    return str(caught.value)


@mysql
def test_the_sites_own_table_is_refused(legacy_table, run_import):
    url, _table = legacy_table()
    message = "`grade` is a table of this site, not of the original program: name another one."
    assert refusal(run_import, url) == message


@mysql
def test_errors_of_the_source_are_reported_without_the_password(legacy_table, run_import):
    url, _table = legacy_table()
    assert refusal(run_import, url, "nothing") == (
        f"The source database says: Table '{connection.settings_dict['NAME']}.nothing' doesn't exist. {AGAIN}"
    )
    message = refusal(run_import, url.replace("@", "x@"))
    assert message.startswith("--from: Access denied for user")
    assert connection.settings_dict["PASSWORD"] not in message
    assert refusal(run_import, url + "?color=red") == "--from: 'color' is an invalid keyword argument for connect()"
    assert refusal(run_import, "mysql://u:p@127.0.0.1:1/n").startswith("--from: Can't connect to server")
