"""The servers under test, each with a database of its own on the MariaDB of bin/mariadb, and their logs."""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import MySQLdb

from .wire import HOST, talk

HERE = Path(__file__).resolve().parent.parent
# FUZZ_TREE runs the servers of another checkout, with this checkout's Python.
TREE = Path(os.environ.get("FUZZ_TREE") or HERE).resolve()

PASSWORD = secrets.token_urlsafe(12)
SETTINGS = {
    "ENV_FILE": "",
    "SECRET_KEY": "for-this-fuzzing-and-nothing-else",
    # Longer than any run: after the window an equal rating is a new one by contract.
    "DEDUPE_WINDOW": "86400",
    "SCORE_WORKERS": "2",
    "SCORE_THREADS": "8",
    "WEB_WORKERS": "2",
    "WEB_THREADS": "4",
}
MAKE_STAFF = """
from django.contrib.auth.models import Permission, User
for name, is_chief in (("fuzz-chief", True), ("fuzz-clerk", False)):
    user, _ = User.objects.get_or_create(username=name)
    user.is_staff = user.is_active = True
    user.is_superuser = False
    user.set_password({password!r})
    user.save()
    user.user_permissions.set(Permission.objects.all() if is_chief else [])
"""

# Every line of a log. Others are tracebacks, or lines that a request has forged.
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
KNOWN_LINE = re.compile(
    rf"\[{STAMP} [+-]\d{{4}}\] \[\d+\] \[[A-Z]+\] .*|{STAMP},\d{{3}} [A-Z]+ [A-Za-z0-9_.]+: .*"
    r"|\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \S+ \S+ \d{3} \S+ bytes \d+ ms (?:[0-9a-f]{32}|-)"
    r"|\[[A-Z]+\] .*|"
)
# Parts of every number, remark and login that the fuzzer sends, and of the passwords.
MARKERS = ("13977", "密语", "oFuzz", "fuzzcode", "fuzz-chief", PASSWORD)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Database:
    """A database of its own for one server; DATABASE_URL is that of bin/mariadb."""

    def __init__(self, name):
        self.url = urlsplit(os.environ["DATABASE_URL"])
        self.name = f"fuzz_{name.replace('-', '_')}"
        self.query(f"DROP DATABASE IF EXISTS {self.name}", database="")
        self.query(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", database="")

    @property
    def address(self):
        return self.url._replace(path=f"/{self.name}").geturl()

    def query(self, statement, database=None):
        connection = MySQLdb.connect(
            host=self.url.hostname,
            port=self.url.port,
            user=self.url.username,
            password=self.url.password,
            database=self.name if database is None else database,
            charset="utf8mb4",
        )
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            connection.commit()
            return cursor.fetchall()
        finally:
            connection.close()

    def delete_ratings(self, above):
        """Delete the ratings with an id above `above`, so that the next run begins without them."""
        for table, column in (("grade_repeat", "grade_id"), ("grade_conflict", "grade_id"), ("grade", "id")):
            self.query(f"DELETE FROM {table} WHERE {column} > {above}")

    def highest_id(self):
        return self.query("SELECT COALESCE(MAX(id), 0) FROM grade")[0][0]


class Server:
    """One server with its settings of production: granian or gunicorn as score workers, or the site."""

    COMMANDS = {
        "granian": ["deploy/serve_score.py"],
        "gunicorn": ["deploy/serve_score.py"],
        "broken": ["-m", "gunicorn", "--config", "deploy/gunicorn_score.conf.py"],
        "site": ["-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"],
    }

    def __init__(self, name, folder, settings=()):
        self.name = name
        self.database = Database(name)
        self.log = Path(folder, f"{name}.log")
        self.command = [sys.executable, *self.COMMANDS[name]]
        self.environment = {
            key: os.environ[key] for key in ("PATH", "HOME", "LANG", "MALLOC_ARENA_MAX") if key in os.environ
        }
        self.environment |= SETTINGS | {"SCORE_SERVER": "gunicorn" if name == "gunicorn" else "granian"}
        self.environment |= {"DATABASE_URL": self.database.address} | dict(settings)
        self.process = None

    def manage(self, *arguments):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=TREE,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def install(self):
        self.manage("migrate", "--no-input", "--verbosity", "0")
        self.manage("sample_data", "--accounts", "200", "--grades", "600")
        self.make_staff()

    def make_staff(self):
        self.manage("shell", "--verbosity", "0", "--command", MAKE_STAFF.format(password=PASSWORD))

    def start(self):
        self.port = free_port()
        ports = {"PORT": str(self.port), "SCORE_PORT": str(self.port)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=TREE,
                env=self.environment | ports,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not self.is_ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{self.name} does not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def is_ready(self):
        ask = b"GET /score/form HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
        return bool(talk(self.port, ask, [b"GET"], 5).answers)

    def stop(self):
        """End the server in order; returns whether it did so within 30 seconds."""
        if self.process is None:
            return True
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        in_order = self.process.poll() is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        return in_order

    def memory(self):
        """Resident memory of each worker in MB."""
        found = []
        for path in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in path.read_text().splitlines())
            except OSError:
                continue
            if int(fields["PPid"]) == self.process.pid and "VmRSS" in fields and self.is_worker(path.parent):
                found.append(int(fields["VmRSS"].split()[0]) / 1024)
        return sorted(found)

    def is_worker(self, process):
        # granian's master also has Python's resource tracker as a child.
        return b"resource_tracker" not in (process / "cmdline").read_bytes()

    def faults_of_log(self):
        text = self.log.read_text(errors="replace")
        faults = []
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if line.startswith(("Traceback", '  File "')) or re.search(r": [a-z_.]+\.[A-Za-z]+ at$", line):
                if not (number and lines[number - 1].startswith(("  File", "    "))):
                    faults.append(("a traceback in the log", "\n".join(lines[max(number - 2, 0) : number + 40])))
            elif not KNOWN_LINE.fullmatch(line) and not line.startswith("    "):
                faults.append(("a line of unknown form in the log", "\n".join(lines[max(number - 1, 0) : number + 1])))
        plain = unquote(text)
        for marker in MARKERS:
            escaped = marker.encode("unicode_escape").decode()
            if marker in plain or escaped in plain:
                place = plain.find(marker if marker in plain else escaped)
                faults.append((f"personal data in the log: {marker[:6]}", plain[max(place - 200, 0) : place + 100]))
        return faults


class WeChat(BaseHTTPRequestHandler):
    """A stub of code2Session: the code says how WeChat answers."""

    ANSWERS = {
        "fuzzcode-used": b'{"errcode":40163,"errmsg":"code been used"}',
        "fuzzcode-busy": b'{"errcode":-1}',
        "fuzzcode-blocked": b'{"errcode":40226}',
        "fuzzcode-often": b'{"errcode":45011}',
        "fuzzcode-list": b"[]",
        "fuzzcode-broken": b"<html>",
        "fuzzcode-deep": b"[" * 12000,
        "fuzzcode-odd": b'{"openid": {"a": 1}, "errcode": 0}',
        "fuzzcode-code": b'{"errcode": "0"}',
    }

    def do_GET(self):
        code = parse_qs(urlsplit(self.path).query).get("js_code", [""])[0]
        openid = f"oFuzz{sum(code.encode()) % 7}"
        body = self.ANSWERS.get(code) or json.dumps({"openid": openid, "session_key": "fuzzkey"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def start_wechat():
    """Start the stub in a thread; returns its settings."""
    stub = ThreadingHTTPServer((HOST, 0), WeChat)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    return {
        "WECHAT_APPID": "wxfuzz",
        "WECHAT_SECRET": "fuzz-secret",
        "WECHAT_API_URL": f"http://{HOST}:{stub.server_port}",
    }
