"""deploy/drill.sh: a drill passes with a good backup and fails with any other. `make backups` runs these tests."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from torture.machines import wait_until

from ..helpers.backups import DEPLOY, tiny_disk

pytestmark = pytest.mark.backups

KINDS = [[], ["--physical"]]


@contextmanager
def unlogged(machine, change, undo):
    """A change of the live database that no binary log has: what a backup that is not complete looks like."""
    machine.execute("SET sql_log_bin = 0", change)
    try:
        yield
    finally:
        machine.execute("SET sql_log_bin = 0", undo)


def damage(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("options", KINDS)
def test_a_drill_under_writes_finds_everything_equal(machine, options):
    with machine.writers():
        backup = machine.back_up(*options)
        machine.fill("700", 500)
        output = machine.succeed("drill.sh")
    rows = machine.execute("SELECT COUNT(*) FROM grade")[0][0]
    tables = len(machine.content())
    line = rf"rolled forward to mariadb-bin\.\d+:\d+: {tables} tables, (\d+) rows, all equal, in \d+ s"
    found = re.search(f"^drill: {backup.name} {line}$", output, re.MULTILINE)
    assert 8500 < int(found[1]) < rows + 1000
    result = machine.result("drill")
    assert (result["ok"], result["last_ok"]) == (True, result["at"])
    assert (result["file"], result["key"]) == (backup.name, "drill")
    assert (result["tables"], result["rows"]) == (tables, int(found[1]))


@pytest.mark.parametrize("options", KINDS)
def test_a_drill_leaves_the_temporary_tables_of_the_sites_server(machine, options):
    """They are in /tmp, and a starting server deletes all that it finds in its own folder for them."""
    tables = [Path(tempfile.gettempdir(), f"#sql-temptable-{os.getpid():x}-1-1.{suffix}") for suffix in ("MAI", "MAD")]
    machine.back_up(*options)
    try:
        for table in tables:
            table.touch()
            shutil.chown(table, "mysql")
        machine.succeed("drill.sh")
        assert [table.exists() for table in tables] == [True, True]
    finally:
        for table in tables:
            table.unlink(missing_ok=True)


def test_a_migration_after_the_backup_is_rolled_forward(machine):
    machine.back_up()
    tables = len(machine.content())
    machine.execute("CREATE TABLE extra (id INT PRIMARY KEY, name VARCHAR(9))", "INSERT INTO extra VALUES (1, '新')")
    try:
        assert f": {tables + 1} tables, " in machine.succeed("drill.sh")
    finally:
        machine.execute("DROP TABLE extra")


def test_the_owner_drills_with_the_private_half(machine):
    machine.back_up()
    (machine.folder / "keys" / "drill.key").unlink()
    assert "all equal" in machine.succeed("drill.sh", "--identity", machine.identity)
    assert machine.result("drill")["key"] == "identity"
    assert "all equal" in machine.succeed("drill.sh", "--identity", "-", stdin=machine.identity.read_text())


def test_a_drill_after_a_boot_takes_a_backup_first(machine):
    first = machine.back_up()
    (machine.folder / "keys" / "drill.key").unlink()
    hook = machine.folder / "etc" / "backup-hook"  # a drill does not wait for it
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o700)
    time.sleep(1.1)
    assert "all equal" in machine.succeed("drill.sh")
    assert machine.result("drill")["file"] == machine.files("dump")[-1] != first.name


def test_a_drill_of_a_named_backup_without_a_key_says_what_to_do(machine):
    backup = machine.back_up()
    (machine.folder / "keys" / "drill.key").unlink()
    message = machine.refuse("drill.sh", "--file", backup.name)
    assert "the key of the newest backup went with the last boot. Give the private half" in message
    assert machine.result("drill")["ok"] is False
    assert machine.files("dump") == [backup.name]


def test_the_key_of_the_drill_opens_only_the_newest_backup(machine):
    first = machine.back_up()
    machine.back_up("--physical")
    message = machine.refuse("drill.sh", "--file", first.name)
    assert f"this key does not open {first.name}" in message
    assert "all equal" in machine.succeed("drill.sh", "--file", first.name, "--identity", machine.identity)


@pytest.mark.parametrize("options", KINDS)
def test_a_row_that_the_backup_lacks_fails_the_drill(machine, options):
    machine.back_up(*options)
    missing = """INSERT INTO grade (id, acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)
        VALUES (250002, '700000002', 1, 1, 1, '', '', '', NOW(6))"""
    with unlogged(machine, missing, "DELETE FROM grade WHERE id = 250002"):
        message = machine.refuse("drill.sh")
    assert "grade, ids 200000 to 299999: 1001 rows live, 1000 restored" in message
    assert "the restored data differs: 1 chunks" in message
    result = machine.result("drill")
    assert result["ok"] is False
    assert "grade, ids 200000 to 299999" in result["error"]


def test_a_row_too_many_fails_the_drill(machine):
    new = machine.rate("700000003")
    machine.back_up()
    with unlogged(machine, f"DELETE FROM grade WHERE id = {new}", "SELECT 1"):
        assert "the restored data differs: 1 chunks" in machine.refuse("drill.sh")


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ("txt2 = 'another text'", "txt2 = ''"),
        ("grade1 = grade1 + 1", "grade1 = grade1 - 1"),
        ("openid = ''", "openid = NULL"),
        ("insert_time = insert_time + INTERVAL 1 MICROSECOND", "insert_time = insert_time - INTERVAL 1 MICROSECOND"),
    ],
)
def test_one_changed_value_fails_the_drill(machine, change, undo):
    machine.back_up()
    row = "WHERE id = 300001"
    with unlogged(machine, f"UPDATE grade SET {change} {row}", f"UPDATE grade SET {undo} {row}"):
        assert "grade, ids 300000 to 399999: 1000 rows live, 1000 restored" in machine.refuse("drill.sh")


def test_an_index_that_the_backup_lacks_fails_the_drill(machine):
    machine.back_up()
    with unlogged(machine, "CREATE INDEX extra ON grade (txt1)", "DROP INDEX extra ON grade"):
        assert "the definitions of the tables differ" in machine.refuse("drill.sh")


@pytest.mark.parametrize("options", KINDS)
def test_a_damaged_backup_fails_the_drill(machine, options):
    backup = machine.back_up(*options)
    damage(backup)
    message = machine.refuse("drill.sh")
    assert re.search(rf"{backup.name} cannot be (restored|unpacked): it is damaged", message)
    assert machine.result("drill")["ok"] is False


@pytest.mark.parametrize("options", KINDS)
def test_a_backup_cut_short_fails_the_drill(machine, options):
    backup = machine.back_up(*options)
    content = backup.read_bytes()
    backup.write_bytes(content[: len(content) // 2])
    assert "it is damaged" in machine.refuse("drill.sh")


def test_a_binary_log_that_is_missing_fails_the_drill(machine):
    machine.back_up()
    machine.succeed("backup.sh", "--logs")
    machine.rate("700000004")
    lost = machine.files("binlog")[-1]
    machine.succeed("backup.sh", "--logs")
    machine.database.query(f"PURGE BINARY LOGS TO '{machine.database.query('SHOW MASTER STATUS')[0][0]}'")
    (machine.backups / lost).unlink()
    message = machine.refuse("drill.sh")
    assert "are not complete" in message


def test_a_damaged_binary_log_fails_the_drill(machine):
    machine.back_up()
    machine.rate("700000005")
    machine.succeed("backup.sh", "--logs")
    damage(machine.backups / machine.files("binlog")[-1])
    assert "cannot be unpacked: it is damaged" in machine.refuse("drill.sh")


@pytest.mark.parametrize("options", KINDS)
def test_a_drill_begins_only_if_a_second_copy_fits_on_the_disk(machine, options):
    machine.back_up(*options)
    scratch = machine.folder / "scratch"
    with tiny_disk(scratch):
        message = machine.refuse("drill.sh")
        assert re.search(rf"{scratch}/scoring-scratch\.\w+ has \d MB free\. This needs \d+ MB there", message)
        assert "for the live database: free some space" in message
    assert machine.result("drill")["ok"] is False
    assert "all equal" in machine.succeed("drill.sh")


def test_a_drill_without_a_backup_says_so(machine):
    assert "has no backup: scoring backup" in machine.refuse("drill.sh")


def test_a_drill_that_is_killed_leaves_no_server_and_no_key_behind(machine):
    machine.back_up()
    scratch = machine.folder / "scratch"
    process = subprocess.Popen([DEPLOY / "drill.sh"], stdout=subprocess.DEVNULL, env=machine.environment)
    try:
        wait_until(lambda: list(scratch.glob("*/socket")), 30, "a scratch server")
    finally:
        process.send_signal(signal.SIGKILL)  # the script alone: its children go on
        process.wait()
    servers = ["pgrep", "--full", f"^mariadbd.*{scratch}/"]
    wait_until(lambda: subprocess.run(servers, stdout=subprocess.DEVNULL, check=False).returncode == 1, 20, "it ends")
    assert "all equal" in machine.succeed("drill.sh")
    assert list(scratch.iterdir()) == []
