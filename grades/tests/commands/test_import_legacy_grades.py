"""`manage.py import_legacy_grades`: its options, its output, and an import in two runs."""

import csv
import io
import re
import stat

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from grades.models import Grade

from ..helpers.legacy import AGAIN, COLUMNS, ROW, STORED, numbered, stored, write_csv
from ..helpers.processes import interrupt_command

pytestmark = pytest.mark.django_db


def run(source, *options):
    """The standard output of the command."""
    output = io.StringIO()
    call_command("import_legacy_grades", "--from", str(source), *options, stdout=output)
    return output.getvalue()


def refusal(source, *options):
    with pytest.raises(CommandError) as caught:
        run(source, *options)
    return str(caught.value)


@pytest.fixture(autouse=True)
def var_dir(settings, tmp_path):
    """The default folder of rejects; it does not exist yet."""
    settings.VAR_DIR = tmp_path / "var"
    return settings.VAR_DIR


@pytest.fixture
def csv_path(tmp_path):
    """A function that writes rows into a CSV file and returns its path."""
    return lambda *rows, **options: write_csv(tmp_path / "grade.csv", *rows, **options)


def test_the_command_prints_the_counts(csv_path):
    assert run(csv_path(ROW)) == "read 1, added 1, already there 0, rejected 0\n"
    assert run(csv_path(ROW, ROW)) == "read 2, added 1, already there 1, rejected 0\n"


def test_a_second_run_adds_nothing(csv_path):
    path = csv_path(*numbered(7), *numbered(7))
    assert run(path) == "read 14, added 14, already there 0, rejected 0\n"
    before = list(Grade.objects.order_by("id").values())
    assert run(path, "--batch", "3") == "read 14, added 0, already there 14, rejected 0\n"
    assert run(path, "--timezone", "UTC") == "read 14, added 0, already there 14, rejected 0\n"
    assert list(Grade.objects.order_by("id").values()) == before


def test_the_default_time_zone_is_the_sites(csv_path, settings):
    assert settings.TIME_ZONE == "Asia/Shanghai"
    run(csv_path(ROW))
    assert stored() == [STORED]


def test_a_dry_run_counts_and_stores_nothing(csv_path):
    run(csv_path(*numbered(2)))
    path = csv_path(*numbered(5), [*ROW[:7], "?"])
    summary = "read 6, to be added 3, already there 2, rejected 1"
    assert run(path, "--dry-run").startswith(summary)
    assert len(stored()) == 2


# --- Refusals -------------------------------------------------------------------------------------


def test_refused_rows_go_into_a_private_file_with_their_reasons(csv_path, var_dir):
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
    summary = run(csv_path(ROW, *(row for row, _reason in bad)), "--batch", "4")
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
    run(csv_path([ROW[0], 6, *ROW[2:]]), "--rejects", str(rejects))
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    rejects.write_text(rejects.read_text("utf-8-sig").replace(",6,", ",5,"), "utf-8-sig")
    assert run(rejects) == "read 1, added 1, already there 0, rejected 0\n"
    assert stored() == [STORED]


def test_without_rejects_no_file_is_created(csv_path, var_dir):
    run(csv_path(ROW))
    assert not var_dir.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--timezone", "Shanghai"], "--timezone: Shanghai is not known; write it like Asia/Shanghai."),
        (["--timezone", "../etc"], "--timezone: ../etc is not known; write it like Asia/Shanghai."),
        (["--batch", "0"], "--batch must be from 1 to 10000."),
        (["--rejects", "/nowhere/x.csv"], "--rejects: /nowhere is not a folder."),
    ],
)
def test_an_invalid_option_is_refused(csv_path, options, message):
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
def test_a_table_name_has_only_letters_digits_and_signs(table):
    assert refusal("mysql://u:p@127.0.0.1:1/n", "--table", table) == (
        "--table must be the name of a table: letters, digits, _ and $."
    )


# --- Interrupts -----------------------------------------------------------------------------------


def failed_run(path, *options):
    """(exit status, message) of a command that does not succeed."""
    errors = io.StringIO()
    with pytest.raises((CommandError, SystemExit)) as caught:
        call_command("import_legacy_grades", "--from", str(path), *options, stderr=errors)
    if isinstance(caught.value, CommandError):
        return caught.value.returncode, str(caught.value)
    return caught.value.code, errors.getvalue().strip()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (KeyboardInterrupt, (130, f"Stopped after 8 rows, 8 of them added. {AGAIN}")),
        (
            OperationalError(2013, "Lost connection"),
            (1, f"The site's database failed after 8 rows: OperationalError (2013,). {AGAIN}"),
        ),
    ],
)
@pytest.mark.parametrize("after_writing", [False, True])
def test_a_run_after_a_failed_run_stores_exactly_the_rows(csv_path, monkeypatch, failure, outcome, after_writing):
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
        assert failed_run(path, "--batch", "4") == outcome
    assert len(stored()) == 8  # whole batches: the third was rolled back
    assert run(path, "--batch", "5") == "read 24, added 16, already there 8, rejected 0\n"
    assert [row[0] for row in stored()] == sorted(row[0] for row in rows)


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_keeps_whole_batches_and_the_next_run_adds_the_rest(csv_path):
    path = csv_path(*numbered(150), *numbered(150) * 39)
    status, output, lines = interrupt_command("import_legacy_grades", "--from", path, at=r"[1-9]\d%")
    assert (status, output, len(lines)) == (130, "", 1)
    rows, added = map(int, re.fullmatch(rf"Stopped after (\d+) rows, (\d+) of them added\. {AGAIN}", lines[0]).groups())
    assert 0 < rows == added < 6_000
    assert len(stored()) - added in {0, 1000}  # the interrupt may come between a commit and its count
    summary = f"read 6000, added {6_000 - len(stored())}, already there {len(stored())}, rejected 0\n"
    assert run(path) == summary
    assert len(stored()) == 6_000


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_in_a_dry_run_says_that_nothing_was_imported(csv_path):
    path = csv_path(*numbered(150) * 80)
    outcome = interrupt_command("import_legacy_grades", "--from", path, "--dry-run", at=r"[1-9]\d*%")
    assert outcome == (130, "", ["Stopped. Nothing was imported."])
    assert stored() == []
