"""A throw-away server with a binary log, and deploy/'s scripts for its backups, with every place in one folder."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import MySQLdb

from torture.machines import ROOT, Database, wait_until

DEPLOY = ROOT / "deploy"


@contextmanager
def tiny_disk(folder):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class LoggingDatabase(Database):
    """MariaDB as deploy/install.sh configures it: durable, with a binary log of rows."""

    def __init__(self, folder, environment):
        super().__init__(folder, environment)
        self.command.remove("--skip-log-bin")
        self.command += ["--log-bin=mariadb-bin", "--binlog-format=ROW", "--sync-binlog=1"]


class Machine:
    """One server, and the folders of an installation. `new_installation` empties the folders, not the server.

    A script may take `seconds`.
    """

    seconds = 120

    def __init__(self):
        # Not pytest's folder: the scratch server runs as the user mysql and must reach its own.
        memory = None if os.environ.get("TMPDIR") else "/dev/shm"
        self.folder = Path(tempfile.mkdtemp(prefix="scoring-backups-", dir=memory))
        self.folder.chmod(0o755)
        (self.folder / "live").mkdir()
        self.database = LoggingDatabase(self.folder / "live", dict(os.environ))
        self.identity = self.folder / "owner.key"

    @property
    def socket(self):
        return self.folder / "live" / "socket"

    def start(self):
        self.database.install()
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
            "ENV_FILE": "",
            "SECRET_KEY": "a-key-for-tests-only-and-nothing-else",
            "DATABASE_URL": self.database.url,
        }
        migrate = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        self.database.query("ALTER DATABASE scoring COLLATE utf8mb4_bin")  # as deploy/templates/mariadb.cnf

    def stop(self):
        self.database.kill()
        shutil.rmtree(self.folder)

    def new_installation(self):
        for name in ("etc", "data", "backups", "keys", "scratch"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir()
        (self.folder / "scratch").chmod(0o755)
        self.backups = self.folder / "backups"
        self.make_key(self.identity)
        (self.folder / "etc" / "backup.pub").write_text(public_half(self.identity))
        self.environment = os.environ | {
            "CONF_DIR": str(self.folder / "etc"),
            "DATA_DIR": str(self.folder / "data"),
            "BACKUP_DIR": str(self.backups),
            "KEY_DIR": str(self.folder / "keys"),
            "SCRATCH_PARENT": str(self.folder / "scratch"),
            "SCRATCH_MEMORY": "64M",
            "DB_SOCKET": str(self.socket),
            "LOCK_SECONDS": "60",
        }

    @staticmethod
    def make_key(path):
        path.unlink(missing_ok=True)
        subprocess.run(["age-keygen", "-o", str(path)], check=True, stderr=subprocess.DEVNULL)

    # --- Scripts ----------------------------------------------------------------------------------

    def run(self, script, *arguments, stdin="", **environment):
        """The finished process of a script of deploy/, which left no scratch server and no identity behind."""
        done = subprocess.run(
            [DEPLOY / script, *map(str, arguments)],
            input=stdin, capture_output=True, text=True, env=self.environment | environment, timeout=self.seconds,
        )  # fmt: skip
        assert list((self.folder / "scratch").iterdir()) == []
        assert list((self.folder / "keys").glob("identity*")) == []
        return done

    def succeed(self, script, *arguments, **options):
        done = self.run(script, *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refuse(self, script, *arguments, **options):
        """The messages of a script that ends with status 1."""
        done = self.run(script, *arguments, **options)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def back_up(self, *arguments, **options):
        """Take a backup; returns its file."""
        before = set(self.files())
        self.succeed("backup.sh", *arguments, **options)
        (name,) = [name for name in set(self.files()) - before if name.startswith(("dump-", "physical-"))]
        return self.backups / name

    @contextmanager
    def backup_in_progress(self, *arguments):
        """A backup that waits in the middle: the table it dumps is locked."""
        with self.connection() as connection:
            connection.cursor().execute("LOCK TABLES grade WRITE")
            process = subprocess.Popen(
                [DEPLOY / "backup.sh", *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment, start_new_session=True,
            )  # fmt: skip
            try:
                wait_until(lambda: list(self.backups.glob(".partial-dump-*")), 20, "a partial file")
                wait_until(self.dump_waits, 20, "the dump waits")
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def dump_waits(self):
        return self.database.query("SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'")

    def files(self, kind=""):
        return sorted(path.name for path in self.backups.glob(f"{kind}*.age"))

    def result(self, name):
        return json.loads((self.folder / "data" / "state" / f"last_{name}.json").read_text())

    # --- Data -------------------------------------------------------------------------------------

    @contextmanager
    def connection(self, database="scoring", socket=None):
        connection = MySQLdb.connect(
            unix_socket=str(socket or self.socket), user="root", db=database, charset="utf8mb4", autocommit=True
        )
        try:
            yield connection
        finally:
            connection.close()

    def execute(self, *statements, database="scoring"):
        with self.connection(database) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def fill(self, prefix, count, step=None):
        """`count` ratings with numbers that begin with `prefix`; with `step` the ids are 1, 1 + step …"""
        ids = f"1 + (seq - 1) * {step}" if step else "NULL"
        self.execute(
            f"""INSERT INTO grade (id, acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)
            SELECT {ids}, CONCAT('{prefix}', LPAD(seq, 6, 0)),
                1 + seq % 5, 1 + seq % 4, 1 + seq % 3,
                IF(seq % 3 = 0, CONCAT('服务态度很好\n\\'"|', seq), ''), '', IF(seq % 7 = 0, '👍', ''),
                TIMESTAMP('2026-01-01') + INTERVAL seq SECOND FROM seq_1_to_{count}"""
        )

    def rate(self, number):
        """One rating; returns its id."""
        with self.connection() as connection:
            return insert_rating(connection, number)

    def numbers(self, prefix, database="scoring"):
        rows = self.execute(f"SELECT acc_nbr FROM grade WHERE acc_nbr LIKE '{prefix}%' ORDER BY 1", database=database)
        return [number for (number,) in rows]

    def content(self, database="scoring", socket=None):
        """{table: its rows, sorted}, read without the digests under test."""
        with self.connection(database, socket) as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW TABLES")
            tables = [table for (table,) in cursor.fetchall()]
            content = {}
            for table in tables:
                cursor.execute(f"SELECT * FROM `{table}`")
                content[table] = sorted(cursor.fetchall(), key=repr)
            return content

    def databases(self):
        return sorted(name for (name,) in self.database.query("SHOW DATABASES") if name.startswith("scoring"))

    def drop_databases(self):
        for name in self.databases():
            if name != "scoring":
                self.database.query(f"DROP DATABASE {name}")

    @contextmanager
    def writers(self, count=4):
        """Threads that insert, change and delete ratings until the end of the block."""
        stop, failures = threading.Event(), []

        def write(number):
            try:
                with self.connection() as connection:
                    turn = 0
                    while not stop.is_set():
                        turn += 1
                        new = insert_rating(connection, f"9{number}{turn:06d}")
                        cursor = connection.cursor()
                        cursor.execute("UPDATE grade SET review_note = %s WHERE id = %s", [f"第 {turn} 次", new])
                        if turn % 5 == 0:
                            cursor.execute("DELETE FROM grade WHERE id = %s", [new])
                        time.sleep(0.002)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=[number]) for number in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert failures == []


def insert_rating(connection, number):
    cursor = connection.cursor()
    cursor.execute(
        """INSERT INTO grade (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)
        VALUES (%s, 5, 4, 3, '服务态度很好👍', '', '', NOW(6))""",
        [number],
    )
    return cursor.lastrowid


def public_half(identity):
    return subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True).stdout


def candidates(output):
    """[(position, rows)] of the list that restore.sh --deletes prints."""
    return [(position, int(rows)) for position, rows in re.findall(r"(\S+\.\d+:\d+)  (\d+) rows deleted", output)]
