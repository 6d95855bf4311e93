"""`python -m torture`: see docs/torture.md. `--negative` removes a protection and checks that the run then fails."""

# ruff: noqa: S311, S603 - random numbers guard no secret, and no command or query has foreign input

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
from pathlib import Path

from .clients import SLOWEST_ALLOWED, STORED, Crowd
from .killer import DECK, KILLS, PAUSE, Killer
from .machines import ROOT, Database, Server, wait_until

SETTINGS = {
    "ENV_FILE": "",
    "SECRET_KEY": "for-this-torture-and-nothing-else",
    # Longer than any run: after the window, a retry without an id is a second rating by contract.
    "DEDUPE_WINDOW": "86400",
    "SCORE_WORKERS": "2",
    "SCORE_THREADS": "8",
}
PATIENCE = 60  # seconds after the last kill in which every rating must be acknowledged
# A run below these rates fails, because it proves nothing.
FEWEST_ACKNOWLEDGED = 5  # per second
FEWEST_KILLS = 0.1  # per second

# Log lines that every kill causes.
ROUTINE = re.compile(
    r"\] POST /score |(Bad Request|Conflict|Service Unavailable): /score|store is unreachable"
    r"|Aborted connection|\[Note\]|\[INFO\]"
)


def make_folder():
    """Make the folder of the data, on a disk.

    Not in /dev/shm, where bin/mariadb has its data: InnoDB takes that for persistent memory, maps its log and
    never loses a commit, flushed or not. Nothing would be proved.
    """
    folder = Path(tempfile.mkdtemp(prefix="scoring-torture."))
    memory = Path("/dev/shm")  # noqa: S108 - only compared with
    if memory.exists() and memory.stat().st_dev == folder.stat().st_dev:
        folder.rmdir()
        sys.exit("torture: a database in /dev/shm proves nothing about commits. Set TMPDIR to a folder on a disk")
    return folder


def print_logs(folder):
    for log in sorted(folder.glob("*.log")):
        lines = [line for line in log.read_text(errors="replace").splitlines() if not ROUTINE.search(line)]
        print(f"--- the end of {log.name}, without expected lines", *lines[-25:], sep="\n")


@contextlib.contextmanager
def machines(flush_at_commit=1, has_keys=True):
    """Run a database with its tables and two servers; stop them and delete the data at the end."""
    with contextlib.ExitStack() as stack:
        folder = make_folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # From the caller's shell only the settings of the score workers.
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
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleanup
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
    """One run and its counts."""

    def __init__(self, seconds, clients, seed, deck=DECK, pause=PAUSE, freeze=3, **unprotected):
        self.seconds = seconds
        self.crashes = []
        threading.excepthook = lambda crash: self.crashes.append(f"{crash.exc_type.__name__}: {crash.exc_value}")
        with machines(**unprotected) as (database, servers):
            self.crowd = Crowd(servers, seed, clients)
            self.killer = Killer(servers, database, seed, deck, pause, freeze)
            self.inject_faults()
            wait_until(database.is_ready, PATIENCE, "the database is back")
            self.found = self.crowd.compare(database.query(STORED))
            if self.faults() and not unprotected:
                print_logs(database.folder)

    def inject_faults(self):
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

    def faults(self):
        crowd = self.crowd
        counted = {
            "lost": self.found.lost,
            "doubled": self.found.doubled,
            "rows never sent": self.found.never_sent,
            "unexpected answers": crowd.unexpected.total(),
            f"requests over {SLOWEST_ALLOWED} s": crowd.too_slow,
            "requests cut off by a stop": crowd.cut_off,
            "clients still waiting": self.waiting,
            "crashes of a client": len(self.crashes),
        }
        faults = [f"{number} {name}" for name, number in counted.items() if number]
        if crowd.acknowledged < FEWEST_ACKNOWLEDGED * self.seconds or self.killer.kills < FEWEST_KILLS * self.seconds:
            faults.append("too few ratings or kills to prove anything")
        return faults

    def print_table(self):
        crowd, killer = self.crowd, self.killer
        table = {
            "sent": len(crowd.ratings),
            "acknowledged": crowd.acknowledged,
            "rows": self.found.rows,
            "lost": self.found.lost,
            "doubled": self.found.doubled,
            "rows never sent": self.found.never_sent,
            "conflicts answered 409": crowd.conflicts,
            "requests": crowd.requests,
            **{f"answered {status}": number for status, number in sorted(crowd.answers.items())},
            "not answered": crowd.no_answers,
            "unexpected answers": crowd.unexpected.total(),
            **{kind.replace("_", " "): killer.done[kind] for kind in sorted(killer.done)},
            "programs that ended unasked": killer.ended_unasked,
            "finished during a stop": crowd.finished,
            "cut off by a stop": crowd.cut_off,
            "refused during a stop": crowd.refused_by_stop,
            "longest gap in acknowledgements": f"{crowd.longest_gap:.1f} s",
            "slowest answer": f"{crowd.slowest:.1f} s",
            f"requests over {SLOWEST_ALLOWED} s": crowd.too_slow,
        }
        for name, value in table.items():
            print(f"{name:32}{value:>10}")
        for answer, number in crowd.unexpected.most_common(10):
            print(f"unexpected, {number} times: {answer}")
        for crash in self.crashes[:10]:
            print(f"a client crashed: {crash}")


# A removed protection, and how the run must then fail. This proves that the comparison notices losses and doubles.
NEGATIVES = {
    "a database that flushes once a second": (
        {"flush_at_commit": 0, "deck": ("kill_database",), "pause": (1.5, 2.5)},
        lambda run: run.found.lost > 0 and run.found.doubled == 0,
    ),
    "a table without its unique keys": (
        {"has_keys": False, "deck": KILLS},
        lambda run: run.found.doubled > 0 and run.found.lost == 0,
    ),
}


def run_negatives(clients, seed):
    caught = 0
    for name, (unprotected, is_noticed) in NEGATIVES.items():
        print(f"{name}:", flush=True)
        run = Run(15, clients, seed, **unprotected)
        run.print_table()
        caught += is_noticed(run)
        print(
            f"{'caught' if is_noticed(run) else 'MISSED'}  {name}: {', '.join(run.faults()) or 'it passed'}", flush=True
        )
    missed = len(NEGATIVES) - caught
    print(f"torture: {caught} of {len(NEGATIVES)} unprotected databases caught, {missed} missed")
    return missed


def main():
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    seconds = int(os.environ.get("TORTURE_SECONDS") or 60)
    clients = int(os.environ.get("TORTURE_CLIENTS") or 16)
    freeze = float(os.environ.get("TORTURE_FREEZE") or 3)
    seed = os.environ.get("TORTURE_SEED") or str(random.randrange(1_000_000))
    settings = f"TORTURE_SEED={seed} TORTURE_SECONDS={seconds} TORTURE_CLIENTS={clients} TORTURE_FREEZE={freeze:g}"
    print(f"torture of {os.environ.get('SCORE_SERVER') or 'granian'} on MariaDB: {settings}", flush=True)
    if sys.argv[1:] == ["--negative"]:
        return run_negatives(clients, seed)
    run = Run(seconds, clients, seed, freeze=freeze)
    run.print_table()
    faults = run.faults()
    outcome = f"FAILED: {', '.join(faults)}" if faults else "passed"
    print(
        f"torture: {run.crowd.acknowledged} acknowledged, {run.killer.kills} kills, {run.found.lost} lost,"
        f" {run.found.doubled} doubled: {outcome}"
    )
    return len(faults)


if __name__ == "__main__":
    try:
        sys.exit(bool(main()))
    except KeyboardInterrupt:
        sys.exit("torture: interrupted")
