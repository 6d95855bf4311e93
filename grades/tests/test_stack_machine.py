"""The machines of `make stack`: several runs on one computer, and what a killed run leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

from stack import machine

# Takes a number and keeps it until the process ends.
TAKE = "import sys; from pathlib import Path; from stack import machine; machine.LOCKS = Path(sys.argv[1]); \
number, lock = machine.take_number(); print(number, flush=True); sys.stdin.read()"


@pytest.fixture
def another_process(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with process:
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def locks(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "LOCKS", tmp_path)


def test_two_machines_never_have_one_number(another_process):
    taken = int(another_process.stdout.readline())
    first, first_lock = machine.take_number()
    second, second_lock = machine.take_number()
    with first_lock, second_lock:
        assert (taken, first, second) == (1, 2, 3)


def test_the_number_of_a_killed_run_is_free_again(another_process):
    assert another_process.stdout.readline() == "1\n"
    another_process.kill()
    another_process.wait()
    number, lock = machine.take_number()
    lock.close()
    assert number == 1


def test_a_machine_beyond_the_last_number_is_refused(monkeypatch):
    monkeypatch.setattr(machine, "NUMBERS", range(1, 2))
    _number, lock = machine.take_number()
    with lock, pytest.raises(machine.Failed, match="all numbers of machines are taken"):
        machine.take_number()
