"""imports/process.py: the reader is a process of its own, with limits, and is not trusted."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from grades.imports import COMMAND, PAGE, ImportFailed, import_accounts
from grades.imports.files import open_table
from grades.imports.process import Limits, machine_lock, read_messages, read_pass

from ..helpers.files import TWO_COLUMNS, TWO_HEADINGS, all_accounts, csv_file, numbered, workbook_of
from ..helpers.hostile import one_text_in_many_cells, raw_workbook

CRASHED = "The file cannot be read: it is damaged, or reading it takes too much memory. Save it again as .csv."
TOO_SLOW = "Reading the file takes too long: split it, or save it as .csv."
BUSY = "Another file is being imported, or the server is busy. Try again in a minute."


def read(content, limits=COMMAND, name="list.xlsx"):
    """The rows of a file, read by a process of its own."""
    with open_table(io.BytesIO(content), name, TWO_HEADINGS, limits) as table:
        return [*table.rows()]


def refusal(*arguments, **options):
    with pytest.raises(ImportFailed) as caught:
        read(*arguments, **options)
    return str(caught.value)


def readers():
    """The process ids of the readers that this process has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"grades.reader" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_the_reader_imports_no_django():
    code = (
        "import sys, grades.reader.__main__, grades.reader.csv, grades.reader.workbook; print('django' in sys.modules)"
    )
    output = subprocess.check_output([sys.executable, "-c", code], cwd=settings.BASE_DIR, text=True)
    assert output == "False\n"


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_the_reader_has_limits_and_none_of_the_sites_secrets(monkeypatch, name):
    monkeypatch.setenv("SECRET_KEY", "of the site")
    content = TWO_COLUMNS.encode() if name == "list.csv" else workbook_of(["138", "王小明"])
    with open_table(io.BytesIO(content), name, TWO_HEADINGS, Limits(seconds=61, memory=300 << 20)) as table:
        assert [*table.rows()] == [[2, ["138", "王小明"]]]
        (pid,) = readers()
        process = Path(f"/proc/{pid}")
        limits = {line[:26].strip(): line[26:].split()[0] for line in (process / "limits").read_text().splitlines()}
        assert limits["Max cpu time"] == "61"
        assert limits["Max address space"] == str(300 << 20)
        assert limits["Max core file size"] == "0"
        assert (process / "oom_score_adj").read_text() == "1000\n"
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
        assert b"SECRET_KEY" not in (process / "environ").read_bytes()
    assert readers() == []


@pytest.mark.django_db
def test_a_reader_that_is_killed_costs_one_import():
    def kill(done, total):
        for pid in readers():
            os.kill(pid, signal.SIGKILL)

    file = csv_file(*numbered(40_000))
    with pytest.raises(ImportFailed) as caught:
        import_accounts(file, "list.csv", progress=kill)
    assert str(caught.value) == CRASHED
    assert all_accounts() == []
    assert readers() == []


def test_a_reader_ends_at_its_limit_of_memory():
    # 3,000 copies of 100 KB
    assert refusal(one_text_in_many_cells(3000), Limits(seconds=20, memory=200 << 20)) == CRASHED


def test_a_reader_ends_at_its_limit_of_computing_time(tmp_path):
    path = tmp_path / "slow.xlsx"
    path.write_bytes(raw_workbook(["<a/>" * 100_000] * 80))
    with path.open("rb") as file:
        command = [sys.executable, "-m", "grades.reader", "xlsx", "[]", "1", str(COMMAND.memory), "0"]
        outcome = subprocess.run(command, stdin=file, capture_output=True, cwd=settings.BASE_DIR)
    assert (outcome.returncode, outcome.stdout) == (-signal.SIGXCPU, b"")


@pytest.mark.parametrize("command", ["kill -XCPU $$", "exec sleep 60"])
def test_a_reader_that_takes_too_long_is_ended_and_the_user_is_told_so(command):
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as process:
        with pytest.raises(ImportFailed) as caught:
            next(read_messages(process, 0.5 if "sleep" in command else 20))
        process.kill()
    assert str(caught.value) == TOO_SLOW


def test_a_page_reads_one_file_at_a_time_on_a_machine():
    with machine_lock():
        assert refusal(TWO_COLUMNS.encode(), PAGE, "list.csv") == BUSY
        assert len(read(TWO_COLUMNS.encode(), COMMAND, "list.csv")) == 1
    with open_table(io.BytesIO(TWO_COLUMNS.encode()), "list.csv", TWO_HEADINGS, PAGE):
        assert refusal(TWO_COLUMNS.encode(), PAGE, "list.csv") == BUSY
    assert len(read(TWO_COLUMNS.encode(), PAGE, "list.csv")) == 1


def test_a_page_reads_as_many_rows_as_excel_has():
    content = TWO_COLUMNS.encode() + b"1,x\n" * 18
    assert len(read(content, Limits(seconds=20, rows=20), "list.csv")) == 19
    assert refusal(content + b"1,x\n", Limits(seconds=20, rows=20), name="list.csv") == (
        "The list has more than 20 rows: split it."
    )


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"\xff",
        b"[" * 100_000,
        b"1" * 5000,
        b"[" + b"1" * (5 << 20),
        b'["refused","no such code",[]]',
        b'["refused","extent",[]]',
        b'["refused","extent",[["row","x"],["column","y"]]]',
        b'["refused",["extent"],1]',
        b'[2,[{"date":"2026-99-99"}]]',
        b'[2,[{"pickle":"x"}]]',
        b'[2,[{}]]',
        b'[2,[["138"]]]',
        b'["2",["138"]]',
        b'[true,["138"]]',
        b'[2,"138"]',
        b'{"broken":1}',
        b"null",
        b'[2,["138"]]\n[3,["138"]]\n[4,["138"]]\n["end"]',
    ],
    ids=lambda line: line[:40],
)  # fmt: skip
def test_a_line_that_no_reader_sends_ends_the_import(tmp_path, line):
    path = tmp_path / "lines"
    path.write_bytes(line + b"\n")
    with path.open("rb") as file, subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as process:
        with pytest.raises(ImportFailed) as caught:
            list(read_pass(read_messages(process, 20), 2))
        assert str(caught.value) == CRASHED
