"""Functions of deploy/install.sh and deploy/lib.sh: files, marks, settings, signals, the lock."""

import fcntl
import os
import re
import signal
import subprocess
import time

import pytest
from django.conf import settings

DEPLOY = settings.BASE_DIR / "deploy"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "env").touch()
    return tmp_path


def functions(*names):
    """The text of functions of install.sh, which does its work when it is sourced."""
    text = (DEPLOY / "install.sh").read_text()
    return "\n".join(re.search(rf"(?ms)^{name}\(\) {{( [^\n]* |\n.*?^)}}$", text)[0] for name in names)


def script(home, text, *names):
    """(arguments of Popen) for a script with lib.sh and these functions of install.sh."""
    places = {name: str(home) for name in ("HOME_DIR", "LOG_DIR", "CONF_DIR", "DATA_DIR", "RUN_DIR")}
    environment = {"PATH": os.environ["PATH"], "LOCK": str(home / "lock"), "TMPDIR": str(home)} | places
    head = f'set -euo pipefail\n. "{DEPLOY}/lib.sh"\nowner=$(id -un)\n{functions(*names)}\n'
    return {"args": ["bash", "-c", head + text], "text": True, "env": environment}


def run(home, text, *names):
    """The status, the output and the messages of a script."""
    done = subprocess.run(**script(home, text, *names), capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


# --- Files and what must follow a change -------------------------------------------------------------


def test_a_new_file_is_written_and_its_reload_is_due(home):
    text = 'echo x | write "$CONF_DIR/conf" 640 "$owner" nginx; is_due nginx'
    assert run(home, text, "write") == (0, f"wrote {home}/conf\n", "")
    assert (home / "conf").read_text() == "x\n"
    assert (home / "conf").stat().st_mode & 0o777 == 0o640


def test_an_unchanged_file_is_not_written_and_nothing_is_due(home):
    (home / "conf").write_text("x\n")
    text = 'echo x | write "$CONF_DIR/conf" 640 "$owner" nginx; ! is_due nginx'
    assert run(home, text, "write") == (0, "", "")
    assert sorted(path.name for path in home.iterdir()) == ["conf", "env"]


def test_a_run_that_ends_at_the_change_leaves_the_reload_to_the_next(home):
    text = 'mv() { exit 9; }; echo x | write "$CONF_DIR/conf" 640 "$owner" nginx'
    assert run(home, text, "write")[0] == 9
    assert run(home, "is_due nginx; settled nginx; ! is_due nginx") == (0, "", "")


@pytest.mark.parametrize("name", ["conf", "folder/conf"])
def test_a_file_that_cannot_be_written_stops_the_run_and_stays(home, name):
    (home / "conf").write_text("old\n")
    # As on a full disk: a part is written.
    text = f"""install() {{ echo par >"${{@: -1}}"; return 1; }}
        echo part | write "$CONF_DIR/{name}" 640 "$owner" nginx
        echo went on"""
    status, output, messages = run(home, text, "write")
    assert (status, output) == (1, "")
    assert f"cannot write {home}/{name}" in messages
    assert (home / "conf").read_text() == "old\n"
    assert not (home / f"{name}.new").exists()


def test_an_empty_rendering_stops_the_run(home):
    status, output, messages = run(home, 'true | write "$CONF_DIR/conf" 644 "$owner"; echo went on', "write")
    assert (status, output) == (1, "")
    assert f"{home}/conf would be empty" in messages


# A part of the configuration, and the word that follows the change of its files.
PARTS = [
    ("configure_mariadb", "restart mariadb"),
    ("configure_haproxy", "reload-or-restart haproxy"),
    ("configure_redis", "restart redis-server"),
    ("configure_node", "node takes the new settings at its next start"),
]
STUBS = """
    MARIADB_CONF=$HOME_DIR/mariadb.cnf GALERA_CONF=$HOME_DIR/galera.cnf HAPROXY_CONF=$HOME_DIR/haproxy.cfg
    REDIS_CONF=$HOME_DIR/redis.conf REDIS_UNIT_CONF=$HOME_DIR/redis-unit.conf
    NODES=10.0.0.11,10.0.0.12,10.0.0.13 REDIS=10.0.0.21
    install() { cp "${@: -2:1}" "${@: -1}"; } # without owners
    own_node() { echo 10.0.0.12; }
    node() { echo "$*"; }
    redis_password() { echo 0a; }
    systemctl() { [ "$1" = --quiet ] || echo "$*"; } # everything is active
    quietly() { shift; [ "$1" != systemctl ] || "$@"; }
"""


@pytest.mark.parametrize(("part", "act"), PARTS)
def test_what_follows_a_change_is_done_once_also_after_a_run_that_was_killed(home, part, act):
    names = ("write", "render", "rounded", part)
    killed = "quietly() { kill -KILL $$; }; node() { [ $1 != config ] || kill -KILL $$; }; systemctl() { :; }\n"
    assert run(home, f"{STUBS}{killed}{part}", *names)[0] == -9
    status, output, messages = run(home, f"{STUBS}{part}", *names)
    assert (status, act in output, messages) == (0, True, "")
    assert run(home, f"{STUBS}{part}", *names) == (0, "", "")


def test_no_call_of_write_hides_its_failure():
    """In a condition, or before ||, bash goes on after a failure inside a function."""
    calls = re.findall(r"^.*\bwrite \"\$.*$", (DEPLOY / "install.sh").read_text(), re.MULTILINE)
    assert len(calls) > 15
    assert [call for call in calls if re.search(r"\bif\b|write .*(\|\||&&)", call)] == []


# --- Settings ----------------------------------------------------------------------------------------


def test_a_setting_is_added_after_a_last_line_that_does_not_end(home):
    (home / "env").write_text("DEDUPE_WINDOW=10")
    text = "add_setting HTTPS 1; add_setting DEDUPE_WINDOW 20"
    assert run(home, text, "append", "has_setting", "add_setting") == (0, f"set HTTPS in {home}/env\n", "")
    assert (home / "env").read_text() == "DEDUPE_WINDOW=10\nHTTPS=1\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=50", "50"),
        ('NAME="50"', "50"),
        ("NAME='a#b'  # comment", "a#b"),
        ("NAME=50  # MB", "50"),
        ("NAME=a#b", "a#b"),
        ("export NAME = 50 ", "50"),
        ("NAME=1\nNAME=50", "50"),
        ("NAME=  # none", ""),
        ("#NAME=50", ""),
        ("NAME_2=50", ""),
    ],
)
def test_a_setting_is_read_as_the_site_reads_it(home, line, value):
    (home / "env").write_text(f"{line}\n")
    assert run(home, 'echo "[$(setting NAME)]"') == (0, f"[{value}]\n", "")


@pytest.mark.parametrize(("memory", "size"), [(1960 // 4, 512), (1979 // 4, 512), (7930 // 4, 1984), (7945 // 4, 1984)])
def test_some_megabytes_of_memory_do_not_change_the_size_of_mariadb(home, memory, size):
    assert run(home, f"rounded {memory}", "rounded") == (0, f"{size}\n", "")


# --- Ends and the lock -------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_is_no_success(home, number, status):
    text = 'stopped() { echo "status $?"; }; end_with stopped; echo ready; for _ in {1..300}; do sleep 0.1; done'
    process = subprocess.Popen(**script(home, text), stdout=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.communicate(timeout=20)[0] == f"status {status}\n"
    assert process.returncode == status


def test_only_root_can_open_the_lock(home):
    assert run(home, "one_at_a_time") == (0, "", "")
    assert (home / "lock").stat().st_mode & 0o777 == 0o600


def test_a_trial_server_does_not_keep_the_lock_of_a_script_that_was_killed(home):
    (home / "releases" / "2").mkdir(parents=True)
    text = f""". "{DEPLOY}/switch.sh"
        in_release() {{ shift; ( exec "$@" ); }}
        probe() {{ sleep 0.1; return 1; }}
        one_at_a_time
        try_copy 2 18301 sh -c 'echo $$ >$HOME_DIR/child; sleep 300'"""
    process = subprocess.Popen(**script(home, text))
    server = wait_for(home / "child")
    process.kill()
    process.wait()
    try:
        with (home / "lock").open("a") as lock:
            end = time.monotonic() + 5  # the probe of that moment ends by itself
            while not is_free(lock):
                assert time.monotonic() < end
                time.sleep(0.05)
    finally:
        os.killpg(os.getpgid(server), signal.SIGKILL)


def is_free(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for(file):
    """The number in a file that another process writes."""
    end = time.monotonic() + 20
    while not file.exists() or not file.read_text().strip():
        assert time.monotonic() < end
        time.sleep(0.05)
    return int(file.read_text())


def test_a_trial_server_ends_with_a_script_that_is_stopped(home):
    (home / "releases" / "2").mkdir(parents=True)
    text = f""". "{DEPLOY}/switch.sh"
        in_release() {{ shift; ( exec "$@" ); }}
        probe() {{ sleep 0.1; return 1; }}
        end_with stop_trial
        try_copy 2 18301 sh -c 'echo $$ >$HOME_DIR/child; sleep 300 & wait'"""
    process = subprocess.Popen(**script(home, text))
    group = os.getpgid(wait_for(home / "child"))
    process.terminate()
    assert process.wait(30) == 143
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


# --- Static files ------------------------------------------------------------------------------------


def test_a_static_file_that_was_cut_is_replaced_and_others_stay(home):
    static = home / "static"
    (static / "css").mkdir(parents=True)
    (static / "css" / "site.1.css").write_text("ha")  # of a run that was killed
    (static / "css" / "site.0.css").write_text("of the release before")
    (home / "releases" / "2").mkdir(parents=True)
    text = """in_release() { shift; "$@"; }
        manage() {
            mkdir -p "$STATIC_ROOT/css"
            echo half >"$STATIC_ROOT/css/site.1.css"
            echo {} >"$STATIC_ROOT/names.json"
        }
        collect_static 2"""
    assert run(home, text) == (0, "", "")
    names = sorted(str(path.relative_to(static)) for path in static.rglob("*"))
    assert names == ["css", "css/site.0.css", "css/site.1.css", "names.json"]
    assert (static / "css" / "site.1.css").read_text() == "half\n"
    assert (static / "css" / "site.0.css").read_text() == "of the release before"
