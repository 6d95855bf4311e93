"""`python -m torture`: see docs/torture.md. `--negative` takes the protection out, and this must be noticed."""

# ruff: noqa: S311, S603, S608 - chance here guards no secret, and every command and query is our own

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from .clients import FIELDS, SLOWEST_ALLOWED, Crowd
from .killer import DECK, KILLS, PAUSE, Killer
from .machines import ROOT, Database, Server, wait_until

SETTINGS = {
    "ENV_FILE": "",
    "SECRET_KEY": "for-this-torture-and-nothing-else",
    # A rating without an id that comes again after the window is rightly a second one; here none does.
    "DEDUPE_WINDOW": "86400",
    "SCORE_WORKERS": "2",
    "SCORE_THREADS": "8",
}
PATIENCE = 60  # seconds until everything outstanding is acknowledged, once the kills are over
# A torture that did nothing is no pass.
FEWEST_ACKNOWLEDGED = 5  # a second
FEWEST_KILLS = 0.1  # a second

# What the logs are full of whenever something is killed.
ROUTINE = re.compile(
    r"\] POST /score |(Bad Request|Conflict|Service Unavailable): /score|store is unreachable"
    r"|Aborted connection|\[Note\]|\[INFO\]"
)


def make_folder():
    """Where the data is: a disk.

    Not /dev/shm, where bin/mariadb puts it: there InnoDB takes the memory for one that survives a
    power cut, maps its log and never loses a commit, flushed or not. Nothing would be proved.
    """
    folder = Path(tempfile.mkdtemp(prefix="scoring-torture."))
    memory = Path("/dev/shm")  # noqa: S108 - nothing is written there
    if memory.exists() and memory.stat().st_dev == folder.stat().st_dev:
        folder.rmdir()
        sys.exit("torture: a database in /dev/shm proves nothing about commits: set TMPDIR to a folder on a disk")
    return folder


def print_logs(folder):
    for log in sorted(folder.glob("*.log")):
        lines = [line for line in log.read_text(errors="replace").splitlines() if not ROUTINE.search(line)]
        print(f"--- the end of {log.name}, without routine", *lines[-25:], sep="\n")


@contextlib.contextmanager
def machines(flush_at_commit=1, has_keys=True):
    """A database with its tables and two servers on it, running; all is gone at the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        folder = make_folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # Of the shell's settings only which server, and how much of it.
        own = {name: value for name, value in os.environ.items() if name.startswith("SCORE_")}
        own |= {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        environment = SETTINGS | own | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"}
        database = Database(folder, environment, flush_at_commit)
        environment |= {"DATABASE_URL": database.url}
        servers = [Server(number, folder, environment) for number in (1, 2)]
        for program in (database, *servers):
            stack.callback(program.kill)
        try:
            database.install()
            migrate = [".venv/bin/python", "manage.py", "migrate", "--no-input", "--verbosity", "0"]
            subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
            if not has_keys:
                drop_keys(database)
            for server in servers:
                server.start()
            for server in servers:
                wait_until(server.is_ready, 60, "the server starts")
            yield database, servers
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave things behind
            raise
        except Exception:
            print_logs(folder)
            raise


def drop_keys(database):
    keys = database.query(
        "SELECT index_name FROM information_schema.statistics WHERE table_schema = 'scoring' AND table_name = 'grade'"
        " AND column_name IN ('submission_id', 'content_key') AND NOT non_unique"
    )
    for (key,) in keys:
        database.query(f"ALTER TABLE scoring.grade DROP INDEX `{key}`")


class Run:
    """One torture, and what came of it."""

    def __init__(self, seconds, clients, seed, deck=DECK, pause=PAUSE, freeze=3, **crippled):
        self.seconds = seconds
        self.crashes = []
        threading.excepthook = lambda crash: self.crashes.append(f"{crash.exc_type.__name__}: {crash.exc_value}")
        with machines(**crippled) as (database, servers):
            self.crowd = Crowd(servers, seed, clients)
            self.killer = Killer(servers, database, seed, deck, pause, freeze)
            self.torment()
            wait_until(database.is_ready, PATIENCE, "the database is back")
            self.compare(database)
            if self.faults() and not crippled:  # a surprise
                print_logs(database.folder)

    def torment(self):
        is_over = threading.Event()
        threading.Thread(target=self.print_progress, args=(is_over, time.monotonic()), daemon=True).start()
        self.crowd.start()
        try:
            self.killer.run(self.seconds)
            self.crowd.stop()
            deadline = time.monotonic() + PATIENCE
            while self.crowd.waiting() and time.monotonic() < deadline:
                self.killer.wait(0.1)
            self.waiting = self.crowd.waiting()
        finally:
            self.crowd.is_given_up = True
            is_over.set()

    def print_progress(self, is_over, began):
        while not is_over.wait(5):
            seconds = time.monotonic() - began
            kills, last = self.killer.kills, self.killer.last.replace("_", " ")
            print(f"{seconds:4.0f} s  {self.crowd.acknowledged} acknowledged, {kills} kills (last: {last})", flush=True)

    def compare(self, database):
        """What is in the table, against what the clients were told."""
        rows = Counter(database.query(f"SELECT {', '.join(FIELDS)}, submission_id FROM scoring.grade"))
        ratings = self.crowd.ratings
        self.rows = rows.total()
        self.lost = sum(rating.is_acknowledged and rating.row not in rows for rating in ratings)
        self.doubled = self.rows - len(rows)
        self.strange = len(rows.keys() - {rating.row for rating in ratings if rating.is_whole})

    def faults(self):
        crowd = self.crowd
        counted = {
            "lost": self.lost,
            "doubled": self.doubled,
            "rows that nobody sent": self.strange,
            "unexpected answers": crowd.unexpected.total(),
            f"requests over {SLOWEST_ALLOWED} s": crowd.too_slow,
            "cut off by a restart": crowd.cut_off,
            "clients still waiting": self.waiting,
            "crashes of a client": len(self.crashes),
        }
        faults = [f"{number} {name}" for name, number in counted.items() if number]
        if crowd.acknowledged < FEWEST_ACKNOWLEDGED * self.seconds or self.killer.kills < FEWEST_KILLS * self.seconds:
            faults.append("too little happened to prove anything")
        return faults

    def print_table(self):
        crowd, killer = self.crowd, self.killer
        table = {
            "sent": len(crowd.ratings),
            "acknowledged": crowd.acknowledged,
            "rows": self.rows,
            "lost": self.lost,
            "doubled": self.doubled,
            "rows that nobody sent": self.strange,
            "conflicts answered 409": crowd.conflicts,
            "requests": crowd.requests,
            **{f"answered {status}": number for status, number in sorted(crowd.answers.items())},
            "not answered": crowd.no_answers,
            "unexpected answers": crowd.unexpected.total(),
            **{kind.replace("_", " "): killer.done[kind] for kind in sorted(killer.done)},
            "ended by themselves": killer.ended_alone,
            "finished by a server that stops": crowd.finished,
            "cut off by it": crowd.cut_off,
            "turned away by it": crowd.turned_away,
            "longest silence": f"{crowd.longest_silence:.1f} s",
            "slowest answer": f"{crowd.slowest:.1f} s",
            f"requests over {SLOWEST_ALLOWED} s": crowd.too_slow,
        }
        for name, value in table.items():
            print(f"{name:32}{value:>10}")
        for what, number in crowd.unexpected.most_common(10):
            print(f"unexpected, {number} times: {what}")
        for crash in self.crashes[:10]:
            print(f"a client crashed: {crash}")


# What is taken out, and how the run must fail: nothing else proves that the comparison sees it.
NEGATIVES = {
    "a database that flushes once a second": (
        {"flush_at_commit": 0, "deck": ("kill_database",), "pause": (1.5, 2.5)},
        lambda run: run.lost > 0 and run.doubled == 0,
    ),
    "a table without its unique keys": (
        {"has_keys": False, "deck": KILLS},
        lambda run: run.doubled > 0 and run.lost == 0,
    ),
}


def run_negatives(clients, seed):
    caught = 0
    for name, (crippled, is_noticed) in NEGATIVES.items():
        print(f"{name}:", flush=True)
        run = Run(15, clients, seed, **crippled)
        run.print_table()
        caught += is_noticed(run)
        print(
            f"{'caught' if is_noticed(run) else 'MISSED'}  {name}: {', '.join(run.faults()) or 'it passed'}", flush=True
        )
    missed = len(NEGATIVES) - caught
    print(f"torture: {caught} of {len(NEGATIVES)} crippled databases caught, {missed} missed")
    return missed


def main():
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    seconds = int(os.environ.get("TORTURE_SECONDS") or 60)
    clients = int(os.environ.get("TORTURE_CLIENTS") or 16)
    freeze = float(os.environ.get("TORTURE_FREEZE") or 3)
    seed = os.environ.get("TORTURE_SEED") or str(random.randrange(1_000_000))
    settings = f"TORTURE_SEED={seed} TORTURE_SECONDS={seconds} TORTURE_CLIENTS={clients} TORTURE_FREEZE={freeze:g}"
    print(f"torture of {os.environ.get('SCORE_SERVER') or 'gunicorn'} on MariaDB: {settings}", flush=True)
    if sys.argv[1:] == ["--negative"]:
        return run_negatives(clients, seed)
    run = Run(seconds, clients, seed, freeze=freeze)
    run.print_table()
    faults = run.faults()
    outcome = f"FAILED: {', '.join(faults)}" if faults else "passed"
    print(
        f"torture: {run.crowd.acknowledged} acknowledged, {run.killer.kills} kills, {run.lost} lost,"
        f" {run.doubled} doubled: {outcome}"
    )
    return len(faults)


if __name__ == "__main__":
    try:
        sys.exit(bool(main()))
    except KeyboardInterrupt:
        sys.exit("torture: interrupted")
