"""deploy/switch.sh: a release is tried, made the live one, and left again if a program does not run with it."""

import os
import subprocess
import time

import pytest
from django.conf import settings

# A program does not run if the live release has a file of its name, with the word "broken" before it.
STUBS = """
set -euo pipefail
. "$DEPLOY/lib.sh"
. "$DEPLOY/switch.sh"
DOMAIN=score.example.test
control() { echo "$1 $2 $(current_version)" >>"$HOME_DIR/log"; }
runs() { [ ! -e "$CURRENT/broken-$1" ]; }
probe() { sleep 0.5; [ -s "$HOME_DIR/child" ]; }
in_release() { shift; ( exec "$@" ); }
"""
PROGRAMS = ["score-a", "score-b", "web-a", "web-b", "jobs"]


@pytest.fixture
def home(tmp_path):
    for version in ("1", "2", "3", "4", "stray"):
        (tmp_path / "releases" / version).mkdir(parents=True)
    for version in (2, 3, 4):
        (tmp_path / "releases" / str(version) / ".before").write_text(f"{version - 1}\n")
    (tmp_path / "current").symlink_to("releases/1")
    (tmp_path / "log").touch()
    return tmp_path


def run(home, script):
    """The status, the output and the messages of a script with the functions of switch.sh."""
    names = {name: str(home) for name in ("HOME_DIR", "LOG_DIR", "CONF_DIR", "DATA_DIR", "RUN_DIR")}
    environment = {"PATH": os.environ["PATH"], "DEPLOY": str(settings.BASE_DIR / "deploy")} | names
    done = subprocess.run(["bash", "-c", STUBS + script], capture_output=True, text=True, env=environment, timeout=60)
    return done.returncode, done.stdout, done.stderr


def log(home):
    return (home / "log").read_text().splitlines()


def live(home):
    return (home / "current").readlink().name


def test_all_programs_are_restarted_in_turn_with_the_new_release(home):
    status, output, messages = run(home, "make_live 2")
    assert (status, output, messages) == (0, "".join(f"restarted {name}\n" for name in PROGRAMS), "")
    assert log(home) == [f"restart {name} 2" for name in PROGRAMS]
    assert live(home) == "2"


@pytest.mark.parametrize("broken", PROGRAMS)
def test_programs_go_back_when_one_does_not_run(home, broken):
    (home / "releases" / "2" / f"broken-{broken}").touch()
    status, _output, messages = run(home, "make_live 2")
    assert status == 1
    assert f"{broken} did not run; release 1 is live again" in messages
    restarted = PROGRAMS[: PROGRAMS.index(broken) + 1]
    assert log(home) == [f"restart {name} 2" for name in restarted] + [f"restart {name} 1" for name in restarted[::-1]]
    assert live(home) == "1"


def test_a_release_before_that_does_not_run_either_is_named(home):
    for version in "12":
        (home / "releases" / version / "broken-score-a").touch()
    status, _output, messages = run(home, "make_live 2")
    assert status == 1
    assert "release 1 does not run either" in messages
    assert live(home) == "1"


def test_the_live_release_and_the_two_before_it_are_kept(home):
    (home / "current").unlink()
    (home / "current").symlink_to("releases/4")
    assert run(home, "remove_old_releases") == (0, "removed release 1\nremoved release stray\n", "")
    assert sorted(path.name for path in (home / "releases").iterdir()) == ["2", "3", "4"]


def test_a_trial_server_and_its_children_are_stopped(home):
    status, output, _messages = run(home, "try_copy 2 18301 sh -c 'sleep 300 & echo $! >$HOME_DIR/child; wait'")
    assert (status, output) == (0, "")
    child, end = int((home / "child").read_text()), time.monotonic() + 10
    while time.monotonic() < end and is_running(child):
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("command", ["exit 3", "echo the reason; exit 3"])
def test_a_release_that_does_not_start_is_refused_with_its_last_words(home, command):
    status, output, messages = run(home, f"try_copy 2 18301 sh -c '{command}'")
    assert (status, output) == (1, "")
    assert "release 2 does not answer on a spare port" in messages
    assert ("the reason" in messages.splitlines()) == ("the reason" in command)
    assert (live(home), log(home)) == ("1", [])


def test_a_change_that_was_interrupted_is_known_until_all_programs_run(home):
    text = "restart_in_turn() { kill -KILL $$; }; make_live 2"
    assert run(home, text)[0] == -9
    assert (live(home), run(home, "is_due programs")[0]) == ("2", 0)
    assert run(home, "make_live 2")[0] == 0
    assert run(home, "is_due programs")[0] == 1


def test_nothing_is_due_after_the_programs_went_back(home):
    (home / "releases" / "2" / "broken-web-b").touch()
    assert run(home, "make_live 2")[0] == 1
    assert run(home, "is_due programs")[0] == 1
