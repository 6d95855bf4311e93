"""The original program's ratings, taken over: each exactly once, however often it is interrupted."""

import csv
import io
import stat
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from grades.models import Grade

pytestmark = pytest.mark.django_db

COLUMNS = ["acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3", "insert_time"]
ROW = ["13800138000", 5, 4, 3, "服务态度很好", "", "👍", "2026-11-01 08:30:00"]
STORED = ("13800138000", 5, 4, 3, "服务态度很好", "", "👍", datetime(2026, 11, 1, 0, 30, tzinfo=UTC))


def stored():
    return list(Grade.objects.order_by("insert_time", "acc_nbr", "id").values_list(*COLUMNS))


def take_over(source, *options):
    """The command's last line."""
    output = io.StringIO()
    call_command("import_legacy_grades", "--from", str(source), *options, stdout=output)
    return output.getvalue()


def refusal(source, *options):
    with pytest.raises(CommandError) as caught:
        take_over(source, *options)
    return str(caught.value)


@pytest.fixture(autouse=True)
def var_dir(settings, tmp_path):
    """Where rejects go; the folder is not there yet."""
    settings.VAR_DIR = tmp_path / "var"
    return settings.VAR_DIR


@pytest.fixture
def csv_path(tmp_path):
    """A function that writes rows into a CSV file and returns its path."""

    def write(*rows, columns=COLUMNS, encoding="utf-8"):
        path = tmp_path / "grade.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows([columns, *rows])
        return path

    return write


def numbered(count):
    """Rows of different accounts, three at a time in the same second."""
    return [[f"138{number:05}", *ROW[1:7], f"2026-11-01 08:{number // 3:02}:00"] for number in range(count)]


# --- What is taken over ---------------------------------------------------------------------------


def test_a_row_is_stored_with_its_time_and_an_id_and_no_content_key(csv_path):
    assert take_over(csv_path(ROW)) == "read 1, added 1, already there 0, rejected 0\n"
    assert stored() == [STORED]
    grade = Grade.objects.get()
    assert (grade.submission_id.version, grade.content_key, grade.openid, grade.review_state) == (5, None, None, "new")
    assert (grade.lowest_grade, grade.has_remarks) == (3, True)


def test_running_it_again_adds_nothing(csv_path):
    path = csv_path(*numbered(7), *numbered(7))
    assert take_over(path) == "read 14, added 14, already there 0, rejected 0\n"
    before = list(Grade.objects.order_by("id").values())
    assert take_over(path, "--batch", "3") == "read 14, added 0, already there 14, rejected 0\n"
    assert take_over(path, "--timezone", "UTC") == "read 14, added 0, already there 14, rejected 0\n"
    assert list(Grade.objects.order_by("id").values()) == before


def test_the_id_of_a_row_is_the_same_in_every_release(csv_path):
    # Other ids would add every row again to a site that took some of them over with an older release.
    take_over(csv_path(ROW, ROW))
    assert sorted(str(grade.submission_id) for grade in Grade.objects.all()) == [
        "55899bf1-20ed-5121-ad0c-16cfcbbe4e8e",
        "760b81a4-5e74-5f38-b12e-218856f2e8cf",
    ]


@pytest.mark.parametrize("order", ["ascending", "descending", "mixed"])
def test_equal_rows_are_each_stored_once_whatever_their_order_in_the_file(csv_path, order):
    rows = sorted(numbered(9) * 3, key=lambda row: row[-1], reverse=order == "descending")
    if order == "mixed":
        rows = rows[::2] + rows[1::2]
    path = csv_path(*rows)
    assert take_over(path, "--batch", "4") == "read 27, added 27, already there 0, rejected 0\n"
    assert take_over(path, "--batch", "5") == "read 27, added 0, already there 27, rejected 0\n"
    assert [row[0] for row in stored()] == [row[0] for row in numbered(9) for _time in range(3)]


def test_more_equal_rows_in_a_later_file_are_added(csv_path):
    take_over(csv_path(ROW, ROW))
    assert take_over(csv_path(ROW, ROW, ROW)) == "read 3, added 1, already there 2, rejected 0\n"
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
def test_rows_that_differ_in_anything_are_different_ratings(csv_path, row):
    assert take_over(csv_path(ROW, row)) == "read 2, added 2, already there 0, rejected 0\n"


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
def test_times_are_those_of_the_time_zone_that_is_given(csv_path, time, zone, expected):
    take_over(csv_path([*ROW[:7], time]), "--timezone", zone)
    assert stored() == [(*STORED[:7], expected)]


def test_the_time_zone_is_the_sites_unless_another_is_given(csv_path, settings):
    assert settings.TIME_ZONE == "Asia/Shanghai"
    take_over(csv_path(ROW))
    assert stored() == [STORED]


def test_remarks_may_be_null_empty_or_absent(csv_path):
    times = [f"2026-11-01 08:30:0{second}" for second in range(3)]
    take_over(csv_path([*ROW[:4], r"\N", "NULL", "", times[0]]))
    take_over(csv_path([*ROW[:4], times[1]], columns=[*COLUMNS[:4], "insert_time"]))
    take_over(csv_path(["9", times[2], *ROW[:5], "x"], columns=["id", "INSERT_TIME", *COLUMNS[:5], "ip"]))
    assert [row[4:7] for row in stored()] == [("", "", ""), ("", "", ""), ("服务态度很好", "", "")]


def test_a_file_in_gb18030_is_read(csv_path):
    take_over(csv_path(ROW, encoding="gb18030"))
    assert stored() == [STORED]


def test_a_dry_run_counts_and_stores_nothing(csv_path):
    take_over(csv_path(*numbered(2)))
    path = csv_path(*numbered(5), [*ROW[:7], "?"])
    summary = "read 6, to be added 3, already there 2, rejected 1"
    assert take_over(path, "--dry-run").startswith(summary)
    assert len(stored()) == 2


# --- What is refused ------------------------------------------------------------------------------


def test_refused_rows_go_into_a_private_file_with_their_reason_and_the_others_are_stored(csv_path, var_dir):
    bad = [
        (["", *ROW[1:]], "acc_nbr: must have 1 to 32 characters"),
        ([ROW[0], 6, *ROW[2:]], "grade1: out of range"),
        ([*ROW[:2], "4.7", *ROW[3:]], "grade2: must be a whole number"),
        ([*ROW[:3], "NULL", *ROW[4:]], "grade3: required"),
        ([*ROW[:4], "长" * 501, *ROW[5:]], "txt1: longer than 500 characters"),
        ([*ROW[:7], ""], "insert_time: must be like 2026-11-01 08:30:00"),
        ([*ROW[:7], r"\N"], "insert_time: required"),
        ([*ROW[:7], "2026-02-30 08:30:00"], "insert_time: must be like 2026-11-01 08:30:00"),
        ([*ROW[:7], "0001-01-01 00:00:00"], "insert_time: out of range"),
        (ROW[:3], "grade3: required"),
    ]
    summary = take_over(csv_path(ROW, *(row for row, _reason in bad)), "--batch", "4")
    (path,) = var_dir.iterdir()
    assert summary == f"read 11, added 1, already there 0, rejected 10 (see {path})\n"
    assert stored() == [STORED]

    assert path.name.startswith("legacy-rejects-20")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == [*COLUMNS, "row", "reason"]
    assert rows == [
        [
            *("" if str(cell) in {"NULL", r"\N"} else str(cell) for cell in row),
            *[""] * (8 - len(row)),
            str(number),
            reason,
        ]
        for number, (row, reason) in enumerate(bad, 3)
    ]


def test_a_corrected_file_of_rejects_can_be_imported(csv_path, tmp_path):
    rejects = tmp_path / "rejects.csv"
    rejects.write_text("from before")
    rejects.chmod(0o644)
    take_over(csv_path([ROW[0], 6, *ROW[2:]]), "--rejects", str(rejects))
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    rejects.write_text(rejects.read_text("utf-8-sig").replace(",6,", ",5,"), "utf-8-sig")
    assert take_over(rejects) == "read 1, added 1, already there 0, rejected 0\n"
    assert stored() == [STORED]


def test_there_is_no_file_of_rejects_without_any(csv_path, var_dir):
    take_over(csv_path(ROW))
    assert not var_dir.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--timezone", "Shanghai"], "--timezone: Shanghai is not known; write it like Asia/Shanghai."),
        (["--timezone", "../etc"], "--timezone: ../etc is not known; write it like Asia/Shanghai."),
        (["--batch", "0"], "--batch must be from 1 to 10000."),
        (["--rejects", "/nowhere/x.csv"], "--rejects: /nowhere is no folder."),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(csv_path, options, message):
    assert refusal(csv_path(ROW), *options) == message
    assert stored() == []


def test_a_source_that_cannot_be_read_is_refused(csv_path, tmp_path):
    assert refusal(tmp_path / "none.csv") == f"{tmp_path}/none.csv: No such file or directory"
    assert refusal(tmp_path / "grade.xlsx") == (
        f"{tmp_path}/grade.xlsx: only .csv files can be read, or mysql://user:password@host:port/name."
    )
    for url in ("postgres://u:p@h/n", "mysql://u:p@h", "mysql://u:secret@h:port/n"):
        assert refusal(url) == "--from must be like mysql://user:password@host:port/name."
    path = csv_path(ROW)
    assert refusal(path, "--rejects", str(path)) == "--rejects names the file that is to be read."
    assert refusal(csv_path(ROW[1:6], columns=COLUMNS[1:6])) == f"{path} has no column acc_nbr, insert_time."
    path.write_bytes(b"")
    assert refusal(path) == f"{path}: The file is empty."


@pytest.mark.parametrize("table", ["grade`; DROP TABLE grade; --", "a b", "", "x" * 65, "shop.grade"])
def test_a_table_name_is_nothing_but_a_name(table):
    assert refusal("mysql://u:p@127.0.0.1:1/n", "--table", table) == (
        "--table must be the name of a table: letters, digits, _ and $."
    )


# --- Interrupted ----------------------------------------------------------------------------------

AGAIN = "Run the same command again: what is stored already stays as it is, and the rest is added."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (KeyboardInterrupt, f"Interrupted after 8 rows. {AGAIN}"),
        (
            OperationalError(2013, "Lost connection"),
            f"The site's database failed after 8 rows: OperationalError (2013,). {AGAIN}",
        ),
    ],
)
@pytest.mark.parametrize("after_writing", [False, True])
def test_interrupted_in_the_middle_and_run_again_it_ends_with_exactly_the_rows(
    csv_path, monkeypatch, failure, message, after_writing
):
    rows = sorted(numbered(12) * 2, key=lambda row: row[-1])
    path = csv_path(*rows)
    bulk_create, calls = Grade.objects.bulk_create, []

    def fail_in_the_third_batch(grades):
        calls.append(grades)
        if len(calls) < 3 or after_writing:
            bulk_create(grades)
        if len(calls) == 3:
            raise failure

    with monkeypatch.context() as patch:
        patch.setattr(Grade.objects, "bulk_create", fail_in_the_third_batch)
        assert refusal(path, "--batch", "4") == message
    assert len(stored()) == 8  # whole batches: the third was rolled back
    assert take_over(path, "--batch", "5") == "read 24, added 16, already there 8, rejected 0\n"
    assert [row[0] for row in stored()] == sorted(row[0] for row in rows)


# --- From MySQL -----------------------------------------------------------------------------------

mysql = pytest.mark.skipif(connection.vendor != "mysql", reason="reads a table of a MySQL or MariaDB server")


@pytest.fixture
def legacy_table(db):
    """A function that makes a table the way the original program did; returns (URL, table name).

    Over a connection of its own: the command reads over another one than the test's.
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
        return url, "--table", "grade_legacy"

    with closing(server), server.cursor() as cursor:
        cursor.execute("SET time_zone = '+08:00'")  # as on a server in China, for TIMESTAMP columns
        cursor.execute("DROP TABLE IF EXISTS grade_legacy")
        yield make
        cursor.execute("DROP TABLE IF EXISTS grade_legacy")


UTF8 = [13800138000, 5, 4, 3, "服务态度很好", "", "好", "2026-11-01 08:30:00"]
UTF8_STORED = (*STORED[:6], "好", STORED[7])


@mysql
def test_a_table_is_taken_over_with_integers_text_and_nulls(legacy_table):
    source = legacy_table(UTF8, [13800138000, 5, 4, 3, None, None, "", "2026-11-01 08:30:01"], UTF8)
    assert take_over(*source) == "read 3, added 3, already there 0, rejected 0\n"
    assert stored() == [UTF8_STORED] * 2 + [
        ("13800138000", 5, 4, 3, "", "", "", datetime(2026, 11, 1, 0, 30, 1, tzinfo=UTC))
    ]
    assert take_over(*source, "--batch", "1") == "read 3, added 0, already there 3, rejected 0\n"


@mysql
def test_a_table_and_a_file_of_it_give_the_same_ids(legacy_table, csv_path):
    take_over(*legacy_table(UTF8, UTF8))
    assert take_over(csv_path(UTF8, UTF8)) == "read 2, added 0, already there 2, rejected 0\n"


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
def test_columns_may_be_of_any_type_that_holds_the_values(legacy_table, columns):
    row = UTF8 + [7] * ("id" in columns)
    take_over(*legacy_table(row, columns=columns))
    (grade,) = stored()
    assert (grade[0].lstrip("0"), *grade[1:]) == UTF8_STORED


@mysql
@pytest.mark.parametrize("kind", ["datetime", "timestamp", "varchar(32)"])
def test_equal_rows_of_a_table_are_each_stored_once_over_the_borders_of_batches(legacy_table, kind):
    rows = [[row[0], 5, 4, 3, "", "", "", row[-1]] for row in numbered(9) * 3]
    source = legacy_table(*rows, columns={"insert_time": kind})
    assert take_over(*source, "--batch", "4") == "read 27, added 27, already there 0, rejected 0\n"
    assert take_over(*source, "--batch", "7") == "read 27, added 0, already there 27, rejected 0\n"


@mysql
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_a_timestamp_column_is_the_moment_it_is_whatever_zone_is_given(legacy_table, zone):
    source = legacy_table(UTF8, columns={"insert_time": "timestamp"})
    take_over(*source, "--timezone", zone)
    assert stored() == [UTF8_STORED]


@mysql
def test_refused_rows_of_a_table_are_listed_with_every_column_it_has(legacy_table, tmp_path):
    row = [1, 9, 4, 3, "a\nb", None, "好", "2026-11-01 08:30:00", b"\xff"]
    source = legacy_table(row, [2, 5, 4, 3, "", "", "", None, b""], columns={"extra": "blob"})
    rejects = tmp_path / "rejects.csv"
    assert take_over(*source, "--rejects", str(rejects)) == (
        f"read 2, added 0, already there 0, rejected 2 (see {rejects})\n"
    )
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            [*COLUMNS, "extra", "row", "reason"],
            ["2", "5", "4", "3", "", "", "", "", "", "1", "insert_time: required"],
            ["1", "9", "4", "3", "a\nb", "", "好", "2026-11-01 08:30:00", "\ufffd", "2", "grade1: out of range"],
        ]


@mysql
def test_the_sites_own_table_is_refused(legacy_table):
    url, *_table = legacy_table()
    message = "`grade` is a table of this site, not of the original program: name another one."
    assert refusal(url) == message


@mysql
def test_what_the_source_says_is_passed_on_without_the_password(legacy_table):
    url, *_table = legacy_table()
    assert refusal(url, "--table", "nothing") == (
        f"The source database says: Table '{connection.settings_dict['NAME']}.nothing' doesn't exist. {AGAIN}"
    )
    message = refusal(url.replace("@", "x@"))
    assert message.startswith("--from: Access denied for user")
    assert connection.settings_dict["PASSWORD"] not in message
    assert refusal(url + "?color=red") == "--from: 'color' is an invalid keyword argument for connect()"
    assert refusal("mysql://u:p@127.0.0.1:1/n").startswith("--from: Can't connect to server")
