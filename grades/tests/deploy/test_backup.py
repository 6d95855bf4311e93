"""deploy/backup.sh: what it writes, keeps and refuses. `make backups` runs these tests."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from torture.machines import wait_until

from ..helpers.backups import DEPLOY, public_half, tiny_disk

pytestmark = pytest.mark.backups

TIME = r"\d{8}T\d{6}Z"


def write_hook(machine, *lines):
    hook = machine.folder / "etc" / "backup-hook"
    hook.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    hook.chmod(0o700)
    return hook


@pytest.mark.parametrize(("options", "kind", "ending"), [([], "dump", "sql"), (["--physical"], "physical", "mbs")])
def test_a_backup_is_one_encrypted_file_the_settings_and_the_logs(machine, options, kind, ending):
    output = machine.succeed("backup.sh", *options)
    (backup,) = machine.files(kind)
    logs = machine.files("binlog")
    assert re.fullmatch(rf"{kind}-{TIME}\.{ending}\.zst\.age", backup)
    assert output.startswith(f"{backup}: ")
    assert all(re.fullmatch(rf"binlog-{TIME}-mariadb-bin\.\d+\.zst\.age", log) for log in logs)
    settings = f"settings-{backup.split('-')[1].split('.')[0]}.tar.zst.age"
    assert machine.files() == sorted([*logs, backup, settings])
    assert logs != []
    file = machine.backups / backup
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert machine.backups.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("options", [[], ["--physical"]])
def test_the_settings_can_be_put_back_from_a_backup(machine, tmp_path, options):
    etc = machine.folder / "etc"
    (etc / "env").write_text("SECRET_KEY=the-key-of-the-receipts\n")
    (etc / "env").chmod(0o600)
    write_hook(machine, "exit 0")
    machine.back_up(*options)
    (settings,) = machine.files("settings")
    # The command of docs/operations.md.
    command = 'age --decrypt -i "$1" "$2" | zstd -dq | tar -x -C "$3"'
    subprocess.run(
        ["bash", "-ec", command, "-", machine.identity, machine.backups / settings, tmp_path], check=True, timeout=20
    )
    for path in etc.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        assert (tmp_path / path.name).stat().st_mode == path.stat().st_mode


def test_settings_are_kept_as_long_as_their_backup(machine):
    for day in ("20260105", "20260120"):
        (machine.backups / f"dump-{day}T183000Z.sql.zst.age").write_text("an older backup")
        (machine.backups / f"settings-{day}T183000Z.tar.zst.age").write_text("its settings")
    new = machine.back_up("--daily", "2", "--weekly", "1")
    times = ["20260120T183000Z", new.name.split("-")[1].split(".")[0]]
    assert machine.files("settings") == [f"settings-{time}.tar.zst.age" for time in times]


def test_the_result_is_stored_for_doctor(machine):
    backup = machine.back_up()
    result = machine.result("backup")
    at = result.pop("at")
    assert abs(time.time() - time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    assert result.pop("seconds") < 60
    assert result == {"ok": True, "last_ok": at, "kind": "dump", "file": backup.name, "bytes": backup.stat().st_size}
    assert (machine.folder / "data/state/last_backup.json").stat().st_mode & 0o777 == 0o644


def test_a_failure_keeps_the_time_of_the_last_success(machine):
    machine.back_up()
    succeeded = machine.result("backup")["at"]
    (machine.folder / "etc" / "backup.pub").unlink()
    machine.refuse("backup.sh")
    result = machine.result("backup")
    assert (result["ok"], result["last_ok"]) == (False, succeeded)
    assert "backup.pub is missing. Make a key on another machine" in result["error"]


def test_logs_alone_are_copied_once_each(machine):
    machine.back_up()
    machine.rate("700000001")
    before = machine.files()
    machine.succeed("backup.sh", "--logs")
    machine.succeed("backup.sh", "--logs")
    new = [name for name in machine.files() if name not in before]
    assert len(new) == 2  # each run closes one log
    assert all(name.startswith("binlog-") for name in new)
    assert machine.result("logs")["ok"] is True


def test_logs_from_before_the_oldest_daily_backup_are_dropped(machine):
    machine.succeed("backup.sh", "--logs")
    old = machine.files("binlog")
    time.sleep(1.1)  # the names have seconds
    machine.succeed("backup.sh", "--logs")
    time.sleep(1.1)
    machine.back_up()
    kept = machine.files("binlog")
    assert set(old).isdisjoint(kept)
    machine.succeed("backup.sh", "--logs")
    assert set(old).isdisjoint(machine.files("binlog"))  # the server still has them


def test_rotation_keeps_days_and_weeks(machine):
    days = ["20260105", "20260106", "20260112", "20260118", "20260119", "20260120", "20260121", "20260122"]
    names = [f"dump-{day}T183000Z.sql.zst.age" for day in days]
    names += ["dump-20260122T090000Z.sql.zst.age"]
    for name in names:
        (machine.backups / name).write_text("an older backup")
    new = machine.back_up("--daily", "3", "--weekly", "4").name
    assert machine.files("dump") == [
        "dump-20260106T183000Z.sql.zst.age",  # the newest of its week, as the next
        "dump-20260118T183000Z.sql.zst.age",
        "dump-20260121T183000Z.sql.zst.age",
        "dump-20260122T183000Z.sql.zst.age",
        new,
    ]


def test_one_physical_backup_does_not_keep_the_logs_for_ever(machine):
    """One by hand in June, and a dump every night since."""
    lone = machine.backups / "physical-20260601T183000Z.mbs.zst.age"
    lone.write_text("a backup by hand")
    for day in range(1, 31):
        (machine.backups / f"dump-202606{day:02}T020000Z.sql.zst.age").write_text("a nightly dump")
        (machine.backups / f"binlog-202606{day:02}T010000Z-mariadb-bin.0001{day:02}.zst.age").write_text("a log")
    machine.back_up()
    assert machine.files("physical") == []
    assert machine.files("binlog")[0] == "binlog-20260625T010000Z-mariadb-bin.000125.zst.age"


def test_both_kinds_of_every_night_are_kept_for_as_many_days(machine):
    for day in range(10, 20):
        for kind, ending in (("dump", "sql"), ("physical", "mbs")):
            (machine.backups / f"{kind}-202601{day}T02000{len(kind) % 2}Z.{ending}.zst.age").write_text("nightly")
    machine.back_up("--daily", "4", "--weekly", "1")
    for kind in ("dump", "physical"):
        days = [name.split("-")[1][:8] for name in machine.files(kind)]
        assert days[:3] == ["20260117", "20260118", "20260119"]


def test_all_backups_of_the_newest_day_are_kept(machine):
    first = machine.back_up()
    time.sleep(1.1)
    second = machine.back_up("--daily", "1", "--weekly", "1")
    assert machine.files("dump") == [first.name, second.name]


def test_the_hook_gets_each_new_file_once(machine):
    write_hook(machine, f'cp "$1" {machine.folder}/data/')
    machine.back_up()
    machine.succeed("backup.sh", "--logs")
    copies = {path.name: path.read_bytes() for path in (machine.folder / "data").glob("*.age")}
    assert copies == {name: (machine.backups / name).read_bytes() for name in machine.files()}
    write_hook(machine, f'echo "$1" >>{machine.folder}/data/again')
    machine.succeed("backup.sh", "--logs")
    again = (machine.folder / "data/again").read_text().splitlines()
    assert again == [str(machine.backups / machine.files("binlog")[-1])]


def test_a_file_that_the_hook_refused_is_offered_again(machine):
    write_hook(machine, "exit 3")
    message = machine.refuse("backup.sh")
    assert re.search(
        r"backup-hook failed with status 3 for \S+\.age\. The file is in \S+ and is offered again", message
    )
    assert machine.result("backup")["ok"] is False
    write_hook(machine, f'cp "$1" {machine.folder}/data/')
    machine.succeed("backup.sh", "--logs")
    assert {path.name for path in (machine.folder / "data").glob("*.age")} == set(machine.files())


def test_a_refused_file_does_not_keep_the_others_from_the_hook(machine):
    write_hook(machine, f'case $1 in *dump*) exit 3 ;; esac; cp "$1" {machine.folder}/data/')
    machine.refuse("backup.sh")
    assert {path.name for path in (machine.folder / "data").glob("*.age")} == {
        *machine.files("binlog"),
        *machine.files("settings"),
    }


def test_dumps_come_to_the_hook_before_logs(machine):
    write_hook(machine, f'echo "$1" >>{machine.folder}/data/order')
    machine.back_up("--physical", "--no-hook")
    machine.back_up()
    kinds = [Path(line).name.split("-")[0] for line in (machine.folder / "data/order").read_text().splitlines()]
    assert list(dict.fromkeys(kinds)) == ["dump", "physical", "settings", "binlog"]


def test_a_hanging_hook_does_not_keep_the_next_backup_waiting(machine):
    write_hook(machine, f"touch {machine.folder}/data/hangs", "exec sleep 60")
    with subprocess.Popen([DEPLOY / "backup.sh"], env=machine.environment, start_new_session=True) as hanging:
        try:
            wait_until(lambda: (machine.folder / "data/hangs").exists(), 30, "the hook runs")
            time.sleep(1.1)
            output = machine.succeed("backup.sh", LOCK_SECONDS="1")
            assert "backup-hook still runs for an earlier backup" in output
            assert len(machine.files("dump")) == 2
            assert machine.result("backup")["ok"] is True
        finally:
            os.killpg(hanging.pid, signal.SIGKILL)


def test_a_hook_is_killed_when_its_time_is_up_and_gets_no_further_file(machine):
    write_hook(machine, f'echo "$1" >>{machine.folder}/data/calls', "exec sleep 60")
    message = machine.refuse("backup.sh", HOOK_SECONDS="1")
    assert f"backup-hook failed with status 124 for {machine.files('dump')[0]}" in message
    assert len((machine.folder / "data/calls").read_text().splitlines()) == 1


def test_a_backup_that_ends_leaves_the_files_of_another_one(machine):
    with machine.backup_in_progress():
        machine.refuse("backup.sh", "--logs", LOCK_SECONDS="1")
        assert len(list(machine.backups.glob(".partial-dump-*"))) == 1
        assert machine.result("logs")["ok"] is False
        assert "another backup has been running for 1 s" in machine.result("logs")["error"]


def test_a_hook_without_the_right_to_run_is_named(machine):
    write_hook(machine, "exit 0").chmod(0o600)
    assert "backup-hook cannot be executed: chmod 700 " in machine.refuse("backup.sh")


def test_a_full_disk_keeps_the_older_backups(machine):
    with tiny_disk(machine.backups):
        first = machine.back_up("--daily", "1")
        content = first.read_bytes()
        (machine.backups / "something else").write_bytes(os.urandom(shutil.disk_usage(machine.backups).free - 40_000))
        message = machine.refuse("backup.sh")
        assert f"the disk of {machine.backups} is full. Free space there" in message
        assert machine.files("dump") == [first.name]
        assert first.read_bytes() == content
        assert list(machine.backups.glob(".partial-*")) == []
        assert machine.result("backup")["ok"] is False


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_backup_has_no_final_name(machine, stop):
    first = machine.back_up()
    with machine.backup_in_progress() as process:
        os.killpg(process.pid, stop)
        process.wait(20)
        assert machine.files("dump") == [first.name]
    machine.succeed("backup.sh", "--logs")
    assert list(machine.backups.glob(".partial-*")) == []
    # The older backup is the newest one, with its key of the drill.
    assert f"drill: {first.name} rolled forward" in machine.succeed("drill.sh")


def test_a_server_that_dies_during_the_backup_is_named(machine):
    first = machine.back_up()
    with machine.backup_in_progress() as process:
        machine.database.kill()
        message = process.communicate(timeout=20)[1]
        machine.database.start()
    assert process.returncode == 1
    assert "MariaDB went away during the backup; older backups are kept" in message
    assert machine.files("dump") == [first.name]
    for _ in range(100):
        if machine.database.is_ready():
            break
        time.sleep(0.1)


def test_two_backups_do_not_run_at_once(machine):
    with machine.backup_in_progress():
        message = machine.refuse("backup.sh", LOCK_SECONDS="1")
        assert "another backup has been running for 1 s" in message
    assert machine.files("dump") == []


def test_a_server_that_is_away_is_named(machine):
    message = machine.refuse("backup.sh", DB_SOCKET=str(machine.folder / "nowhere"))
    assert "MariaDB does not answer on " in message
    assert "systemctl start mariadb" in message
    assert machine.files() == []


def test_a_private_key_on_the_server_is_refused(machine):
    (machine.folder / "etc" / "backup.pub").write_text(machine.identity.read_text())
    assert "has a private key, which must not be on this machine" in machine.refuse("backup.sh")
    assert machine.files() == []


def test_a_file_that_is_no_key_is_refused(machine):
    (machine.folder / "etc" / "backup.pub").write_text("age1nonsense\n")
    assert "has no public key of age" in machine.refuse("backup.sh")
    assert machine.files() == []


def test_a_log_of_statements_is_refused(machine):
    machine.database.query("SET GLOBAL binlog_format = MIXED")
    try:
        assert "set log_bin and binlog_format=ROW" in machine.refuse("backup.sh")
    finally:
        machine.database.query("SET GLOBAL binlog_format = ROW")


def test_two_recipients_each_open_a_backup(machine):
    second = machine.folder / "second.key"
    machine.make_key(second)
    with (machine.folder / "etc" / "backup.pub").open("a") as file:
        file.write(public_half(second))
    backup = machine.back_up()
    for identity in (machine.identity, second):
        subprocess.run(["age", "-d", "-i", str(identity), "-o", "/dev/null", str(backup)], check=True)


@pytest.mark.parametrize(
    "options", [["--daily", "0"], ["--daily", "many"], ["--weekly"], ["--daily", "-1"], ["--nonsense"], ["dump"]]
)
def test_a_wrong_option_changes_nothing(machine, options):
    done = machine.run("backup.sh", *options)
    assert done.returncode in (1, 2)
    assert done.stderr != ""
    assert machine.files() == []


def test_help_shows_every_option():
    for script in ("backup.sh", "restore.sh", "drill.sh"):
        text = (DEPLOY / script).read_text()
        shown = subprocess.run([DEPLOY / script, "--help"], capture_output=True, text=True, check=True).stdout
        for option in re.findall(r"^ +(--[a-z]+)\)", text, re.MULTILINE):
            assert option in shown
