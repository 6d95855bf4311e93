"""deploy/restore.sh: whole backups, and recovery to the position before a DELETE. `make backups` runs these tests."""

import fcntl
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from torture.machines import ROOT, wait_until

from ..helpers.backups import LoggingDatabase, candidates

pytestmark = pytest.mark.backups

KINDS = [[], ["--physical"]]


@pytest.fixture
def identity(machine):
    return ["--identity", machine.identity]


# --- Whole backups ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS)
def test_a_backup_into_a_new_database_is_equal(machine, identity, options):
    backup = machine.back_up(*options)
    output = machine.succeed("restore.sh", backup.name, *identity, "--into", "scoring_recovered")
    assert f"restored: {len(machine.content())} tables in scoring_recovered\n" in output
    assert machine.content("scoring_recovered") == machine.content()
    assert machine.databases() == ["scoring", "scoring_recovered"]


@pytest.mark.parametrize("options", KINDS)
def test_a_backup_under_writes_and_the_logs_lose_nothing(machine, identity, options):
    with machine.writers():
        backup = machine.back_up(*options)
        time.sleep(0.3)
    machine.succeed("restore.sh", backup, *identity, "--into", "scoring_recovered", "--forward")
    assert machine.content("scoring_recovered") == machine.content()


def test_a_database_with_data_is_refused(machine, identity):
    backup = machine.back_up()
    before = machine.content()
    message = machine.refuse("restore.sh", backup, *identity)
    assert "the database scoring has data. To replace it: --replace scoring; to restore beside it: --into" in message
    message = machine.refuse("restore.sh", backup, *identity, "--replace", "yes")
    assert "--replace must be followed by the name of the database: scoring" in message
    assert machine.content() == before
    assert machine.databases() == ["scoring"]


def test_a_replaced_database_is_kept_under_another_name(machine, identity):
    backup = machine.back_up()
    before = machine.content()
    machine.rate("700000006")
    newer = machine.content()
    output = machine.succeed("restore.sh", backup, *identity, "--replace", "scoring")
    kept = re.search(r"the former tables are in the database (scoring_before_\w+);", output)[1]
    assert machine.content() == before
    assert machine.content(kept) == newer
    assert machine.databases() == ["scoring", kept]
    # The keys of the tables refer to tables of their own database.
    assert machine.database.query(
        "SELECT COUNT(*) FROM information_schema.key_column_usage WHERE table_schema LIKE 'scoring%' "
        "AND referenced_table_schema <> table_schema"
    ) == ((0,),)


def test_an_identity_on_standard_input_is_enough(machine):
    backup = machine.back_up()
    options = [backup, "--identity", "-", "--into", "scoring_recovered"]
    machine.succeed("restore.sh", *options, stdin=machine.identity.read_text())
    assert machine.content("scoring_recovered") == machine.content()


def test_a_wrong_identity_changes_nothing(machine):
    backup = machine.back_up()
    before = machine.content()
    other = machine.folder / "other.key"
    machine.make_key(other)
    message = machine.refuse("restore.sh", backup, "--identity", other, "--replace", "scoring")
    assert f"this key does not open {backup.name}" in message
    public = machine.folder / "etc" / "backup.pub"
    message = machine.refuse("restore.sh", backup, "--identity", public, "--replace", "scoring")
    assert "the identity is not a private key of age" in message
    message = machine.refuse("restore.sh", backup, "--identity", machine.folder / "nothing", "--replace", "scoring")
    assert "the private half of the key is missing" in message
    assert machine.content() == before
    assert machine.databases() == ["scoring"]


@pytest.mark.parametrize("options", KINDS)
def test_a_damaged_backup_changes_nothing(machine, identity, options):
    backup = machine.back_up(*options)
    before = machine.content()
    backup.write_bytes(backup.read_bytes()[:-20])
    assert "it is damaged" in machine.refuse("restore.sh", backup, *identity, "--replace", "scoring")
    assert machine.content() == before
    assert [name for name in machine.databases() if "before" in name] == []


@pytest.mark.parametrize("options", KINDS)
def test_a_restore_leaves_room_for_the_live_database(machine, identity, tmp_path, options):
    """`df` says that the disk has 100 MB left of 10,000."""
    backup = machine.back_up(*options)
    full = tmp_path / "df"
    full.write_text('#!/bin/sh\necho\necho "disk 10000 9900 100 99% /"\n')
    full.chmod(0o755)
    path = f"{tmp_path}:{machine.environment['PATH']}"
    message = machine.refuse("restore.sh", backup, *identity, "--into", "scoring_recovered", PATH=path)
    assert "has 100 MB free. This needs " in message
    assert "500 MB stay free for the live database" in message
    assert machine.databases() == ["scoring"]


def test_a_physical_backup_becomes_the_data_of_a_server(machine, identity):
    backup = machine.back_up("--physical")
    folder = machine.folder / "new"
    datadir = folder / "data"
    datadir.mkdir(parents=True)
    (datadir / "ibdata1").write_text("data of a former server")
    away = {"DB_SOCKET": str(folder / "socket")}
    options = ["restore.sh", backup, *identity, "--datadir", datadir]
    assert f"{datadir} has data. To replace it: --replace scoring" in machine.refuse(*options, **away)
    assert "MariaDB runs. Stop it first" in machine.refuse(*options, "--replace", "scoring")
    output = machine.succeed(*options, "--replace", "scoring", **away)
    kept = Path(re.search(r"the former files are in (\S+)", output)[1])
    assert (kept / "ibdata1").read_text() == "data of a former server"
    server = LoggingDatabase(folder, machine.environment)
    server.start()
    try:
        wait_until(server.is_ready, 30, "the restored server starts")
        assert machine.content(socket=folder / "socket") == machine.content()
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.age", "--identity", "x"], "does not exist"),
        (["--identity", "x"], "name the backup"),
        (["FILE"], "name the private half of the key"),
        (["FILE", "--identity", "x", "--into", "a;b"], "--into takes a name of letters"),
        (["FILE", "--identity", "x", "--into", "scoring_restore"], "--into takes no name that ends with _restore"),
        (["FILE", "--identity", "x", "--until", "yesterday"], "--until takes LOG:POSITION"),
        (["--deletes", "grade", "--identity", "x", "--after", "soonish"], "--after takes a time"),
        (["--deletes", "grade", "--identity", "x", "--rows", "some"], "--rows needs a whole number"),
        (["FILE", "--identity", "x", "--datadir", "/nowhere"], "--datadir is for a physical backup"),
    ],
)
def test_a_wrong_option_is_explained(machine, arguments, message):
    backup = machine.back_up()
    assert message in machine.refuse("restore.sh", *[str(backup) if word == "FILE" else word for word in arguments])
    assert machine.databases() == ["scoring"]


@pytest.fixture
def live_release(machine, tmp_path):
    """This checkout as the live release of an installation, with a user for its migrations."""
    machine.execute(
        "CREATE USER schema_owner@'127.0.0.1' IDENTIFIED BY 'p'", "GRANT ALL ON scoring.* TO schema_owner@'127.0.0.1'"
    )
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "1").symlink_to(ROOT)
    (tmp_path / "current").symlink_to("releases/1")
    as_user = tmp_path / "runuser"  # there is no user `scoring`
    as_user.write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    as_user.chmod(0o755)
    server = f"@127.0.0.1:{machine.database.port}/scoring"
    etc = machine.folder / "etc"
    (etc / "install.conf").write_text("DOMAIN=score.example.test\nROLE=single\n")
    (etc / "env").write_text(f"SECRET_KEY={'k' * 50}\nDATABASE_URL=mysql://schema_owner:p{server}\n")
    (etc / "migrate.env").write_text(f"DATABASE_URL=mysql://schema_owner:p{server}\n")
    path = f"{tmp_path}:{machine.environment['PATH']}"
    yield {
        "HOME_DIR": str(tmp_path),
        "PATH": path,
        "SCORING_LOCKED": "1",
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
    }
    machine.execute("DROP USER schema_owner@'127.0.0.1'")


def test_a_backup_from_before_a_migration_is_migrated(machine, identity, live_release):
    now = machine.content()
    machine.execute("DROP TABLE rate_counter", "DELETE FROM django_migrations WHERE name = '0019_rate_counters'")
    backup = machine.back_up()
    output = machine.succeed("restore.sh", backup, *identity, "--replace", "scoring", **live_release)
    assert "the backup is from before a migration: making the tables those of release " in output
    assert machine.content().keys() == now.keys()
    assert machine.content()["grade"] == now["grade"]


def test_two_restores_do_not_run_at_once(machine, identity):
    """Each would drop the database into which the other one loads."""
    backup = machine.back_up()
    with (machine.folder / "keys" / "restore.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        options = [backup, *identity, "--into", "scoring_recovered"]
        message = machine.refuse("restore.sh", *options, LOCK_SECONDS="1")
        assert "another restore has been running for 1 s" in message
    assert machine.databases() == ["scoring"]
    machine.succeed("restore.sh", *options)


# --- Before a DELETE ----------------------------------------------------------------------------------


def wait_for_a_new_second():
    time.sleep(1.02 - time.time() % 1)


@pytest.mark.parametrize("options", KINDS)
def test_recovery_before_a_delete_keeps_the_ratings_of_its_second(machine, identity, options):
    backup = machine.back_up(*options)
    machine.fill("801", 300)
    machine.succeed("backup.sh", "--logs")  # several logs lie between
    machine.fill("802", 20)
    machine.database.query("FLUSH BINARY LOGS")
    machine.execute("DELETE FROM grade WHERE acc_nbr = '801000001'")  # what the office does every day
    wait_for_a_new_second()
    machine.fill("803", 10)
    before = machine.content()
    machine.execute("DELETE FROM grade WHERE acc_nbr LIKE '80%'")
    machine.fill("804", 5)  # in the same second, and after
    machine.succeed("backup.sh", "--logs")
    machine.fill("805", 5)

    output = machine.succeed("restore.sh", "--deletes", "grade", *identity)
    lost = len(before["grade"]) - len(machine.content()["grade"]) + 10
    assert [rows for _position, rows in candidates(output)][-2:] == [1, lost]
    output = machine.succeed("restore.sh", "--deletes", "grade", "--rows", 100, *identity)
    ((position, rows),) = candidates(output)[-1:]
    assert rows == lost

    machine.succeed("restore.sh", backup, *identity, "--until", position, "--into", "scoring_recovered")
    assert machine.content("scoring_recovered") == before
    assert len(machine.numbers("803", "scoring_recovered")) == 10
    assert machine.numbers("804", "scoring_recovered") == []


def documented_recovery(machine):
    """The two commands of docs/operations.md that bring rows back, for the server of the tests."""
    pattern = re.compile(
        r"^ *(mariadb-dump .* scoring_recovered grade) \| (mariadb [^\n]* scoring)$", re.MULTILINE | re.DOTALL
    )
    pages = [(ROOT / "docs" / name).read_text() for name in ("operations.md", "operations.zh-hans.md")]
    english, chinese = (pattern.search(page).groups() for page in pages)
    assert english == chinese
    scripts = [shlex.split(script.replace("\\\n", " ")) for script in english]
    return [[script[0], "--no-defaults", f"--socket={machine.socket}", *script[1:]] for script in scripts]


def test_bringing_rows_back_locks_no_table(machine, identity):
    backup = machine.back_up()
    machine.succeed("restore.sh", backup, *identity, "--into", "scoring_recovered")
    dump, _load = documented_recovery(machine)
    statements = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    assert "LOCK TABLES" not in statements
    assert "ALTER TABLE" not in statements
    assert re.search("^INSERT +IGNORE +INTO `grade`", statements, re.MULTILINE)


def test_deleted_rows_are_brought_back_beside_newer_ones(machine, identity):
    backup = machine.back_up()
    before = machine.execute("SELECT * FROM grade ORDER BY id")
    machine.execute("DELETE FROM grade WHERE id % 300 = 1")
    new = machine.rate("806000001")
    output = machine.succeed("restore.sh", "--deletes", "grade", "--rows", 1000, *identity)
    position = candidates(output)[-1][0]
    machine.succeed("restore.sh", backup, *identity, "--until", position, "--into", "scoring_recovered")
    dump, load = documented_recovery(machine)
    rows = subprocess.run(dump, check=True, capture_output=True).stdout
    subprocess.run(load, input=rows, check=True)
    after = machine.execute("SELECT * FROM grade ORDER BY id")
    assert [row for row in after if row[0] != new] == list(before)
    assert len(after) == len(before) + 1


def test_a_replaced_database_can_be_one_before_a_delete(machine, identity):
    backup = machine.back_up()
    before = machine.content()
    machine.execute("DELETE FROM grade WHERE id % 500 = 1")
    position = candidates(machine.succeed("restore.sh", "--deletes", "grade", "--rows", 1000, *identity))[-1][0]
    machine.succeed("restore.sh", backup, *identity, "--until", position, "--replace", "scoring")
    assert machine.content() == before


def test_deletes_are_listed_by_time_table_and_rows(machine, identity):
    machine.back_up()
    for number in range(3):
        machine.fill(f"81{number}", 30)
    wait_for_a_new_second()
    machine.execute("DELETE FROM grade WHERE acc_nbr LIKE '810%'")
    time.sleep(1.1)
    later = time.strftime("%Y-%m-%d %H:%M:%S")
    machine.execute(
        "DELETE FROM grade WHERE acc_nbr LIKE '811%' LIMIT 10", "DELETE FROM grade WHERE acc_nbr LIKE '812%'"
    )
    options = ["restore.sh", "--deletes", "grade", *identity, "--rows", 10]
    assert [rows for _position, rows in candidates(machine.succeed(*options))][-3:] == [30, 10, 30]
    output = machine.succeed(*options, "--after", later)
    assert [rows for _position, rows in candidates(output)] == [10, 30]
    assert re.search(rf"^{later[:-2]}\d\d  mariadb-bin\.\d{{6}}:\d+  30 rows deleted$", output, re.MULTILINE)
    assert "81" + "2" not in re.sub(r":\d+ |bin\.\d+|\d\d:\d\d:\d\d", "", output)  # no number of a customer
    message = machine.refuse("restore.sh", "--deletes", "grade", *identity, "--rows", 1_000_000)
    assert "no copied log deletes 1000000 rows or more of grade" in message


def test_a_truncated_table_is_listed(machine, identity):
    machine.back_up()
    machine.execute("INSERT INTO django_session VALUES ('k', 'd', NOW())", "TRUNCATE django_session")
    output = machine.succeed("restore.sh", "--deletes", "django_session", *identity)
    position = re.search(r"(\S+:\d+)  TRUNCATE of the whole table", output)[1]
    backup = machine.backups / machine.files("dump")[0]
    machine.succeed("restore.sh", backup, *identity, "--until", position, "--into", "scoring_recovered")
    assert machine.execute("SELECT session_key FROM django_session", database="scoring_recovered") == (("k",),)


def test_a_text_that_looks_like_a_delete_is_not_listed(machine, identity):
    machine.back_up()
    text = "### DELETE FROM `scoring`.`credit`"
    machine.execute(
        f"UPDATE grade SET txt1 = '\\n{text}\\n{text}' WHERE id = 1", f"UPDATE grade SET txt1 = '{text}' WHERE id = 1"
    )
    assert "no copied log deletes" in machine.refuse("restore.sh", "--deletes", "credit", *identity)


def test_a_backup_later_than_the_delete_is_refused(machine, identity):
    first = machine.back_up()
    machine.fill("820", 20)
    machine.execute("DELETE FROM grade WHERE acc_nbr LIKE '820%'")
    time.sleep(1.1)
    late = machine.back_up()
    position = candidates(machine.succeed("restore.sh", "--deletes", "grade", *identity, "--rows", 20))[-1][0]
    options = [*identity, "--until", position, "--into", "scoring_recovered"]
    message = machine.refuse("restore.sh", late, *options)
    assert "the logs from" in message or "take an older one" in message
    assert "scoring_recovered" not in machine.databases()
    machine.succeed("restore.sh", first, *options)
    assert len(machine.numbers("820", "scoring_recovered")) == 20


def test_logs_of_a_server_that_was_made_anew_are_told_apart(machine, identity):
    backup = machine.back_up()
    machine.rate("830000001")
    machine.succeed("backup.sh", "--logs")
    for name in machine.files("binlog"):  # a former server had logs of these names
        (machine.backups / re.sub(r"\d{8}T", "20250101T", name)).write_text("an older log")
    machine.succeed("restore.sh", backup, *identity, "--forward", "--into", "scoring_recovered")
    assert machine.content("scoring_recovered") == machine.content()
