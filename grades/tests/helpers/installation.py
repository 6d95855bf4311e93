"""A healthy installation: a real MariaDB, TLS with a whole chain, and the real application behind it."""

import json
import os
import signal
import ssl
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dj_database_url
from django.conf import settings as project
from django.db import connections
from django.db.utils import ConnectionHandler

from grades.doctor import Installation, Level, examine
from scoring_site.wsgi import Application

from .front import HOST, redirect_to_https, serving

# As deploy/ sets the server up.
DURABLE = "--log-bin=binlog --binlog-format=ROW --sync-binlog=1"
USERS = """\
CREATE USER app@'127.0.0.1' IDENTIFIED BY 'app';
GRANT SELECT, INSERT, UPDATE, DELETE ON scoring.* TO app@'127.0.0.1';
CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reader';
GRANT SELECT ON scoring.* TO reader@'127.0.0.1';
CREATE USER schema_user@'127.0.0.1' IDENTIFIED BY 'schema_user';
GRANT ALL ON scoring.* TO schema_user@'127.0.0.1';
"""


class MariaDB:
    """A server of bin/mariadb with the tables of the site."""

    def __init__(self, url, pid):
        self.url, self.pid = url, pid
        import MySQLdb  # not everybody has the driver

        parts = dj_database_url.parse(url)
        self.port = parts["PORT"]
        self.owner = MySQLdb.connect(
            host="127.0.0.1", port=self.port, user=parts["USER"], password=parts["PASSWORD"], db="scoring",
            autocommit=True,
        )  # fmt: skip

    def execute(self, statement):
        with self.owner.cursor() as cursor:
            cursor.execute(statement)

    @contextmanager
    def changed(self, statement, back):
        self.execute(statement)
        try:
            yield
        finally:
            self.execute(back)

    @contextmanager
    def variable(self, name, value):
        with self.owner.cursor() as cursor:
            cursor.execute(f"SELECT @@GLOBAL.{name}")
            (before,) = cursor.fetchone()
        back = f"'{before}'" if isinstance(before, str) else before
        with self.changed(f"SET GLOBAL {name} = {value}", f"SET GLOBAL {name} = {back}"):
            yield

    @contextmanager
    def frozen(self):
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def start_mariadb(folder, arguments):
    users = folder / "users.sql"
    users.write_text(USERS)
    command = 'echo "$DATABASE_URL $THROW_AWAY_DATABASE_PID"; exec sleep 2147483647'
    process = subprocess.Popen(
        ["bin/mariadb", "sh", "-c", command],
        cwd=project.BASE_DIR,
        env=os.environ | {"MARIADB_ARGS": f"{arguments} --init-file={users}"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        url, pid = process.stdout.readline().split()
        yield url, int(pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        process.stdout.close()


class Healthy:
    """An installation without a fault; a test breaks it and asks what is found."""

    def __init__(self, mariadb, authority, settings, monkeypatch, folder, stack):
        self.mariadb, self.authority, self.settings, self.monkeypatch = mariadb, authority, settings, monkeypatch
        self.stack = stack
        self.url = f"https://{HOST}"
        self.certificate = authority.server()
        self.versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        self.wrap = lambda application: application
        self.plain = redirect_to_https
        self.database = {"USER": "app", "PASSWORD": "app"}
        self.var, self.env_file = folder / "var", folder / "etc" / "env"
        self.write_files()

    def write_files(self):
        (self.var / "state").mkdir(parents=True)
        self.env_file.parent.mkdir()
        self.env_file.write_text("DEBUG=0\n")
        self.env_file.chmod(0o600)
        self.outcome("last_backup", hours=2)
        self.outcome("last_logs", hours=0)
        self.outcome("last_drill", hours=24)

    def outcome(self, name, hours, is_ok=True):
        moment = datetime.now(UTC) - timedelta(hours=hours)
        text = json.dumps({"at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "ok": is_ok})
        (self.var / "state" / f"{name}.json").write_text(text)

    def serve(self, application):
        return self.stack.enter_context(serving(application, self.certificate, *self.versions))

    def use_database(self, more):
        server = {
            "ENGINE": "django.db.backends.mysql",
            "HOST": "127.0.0.1",
            "PORT": self.mariadb.port,
            "NAME": "scoring",
        }
        options = {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "connect_timeout": 5,
            "init_command": "SET sql_mode='STRICT_ALL_TABLES'",
        }
        made = ConnectionHandler({"default": {**server, "OPTIONS": options, **more}})
        # Threads make their connections from here.
        self.monkeypatch.setitem(connections.settings, "default", made.settings["default"])

    def examine(self):
        """What is found, without what is ok or does not apply: {id: finding}."""
        self.use_database(self.database)
        tls = self.serve(self.wrap(Application()))
        plain = self.stack.enter_context(serving(self.plain))
        findings = examine(Installation(self.url, tls=tls, plain=plain))
        self.findings = {finding.id: finding for finding in findings}
        return {id: finding for id, finding in self.findings.items() if finding.level not in (Level.OK, Level.SKIPPED)}
