"""`python -m fuzz`: see docs/fuzz.md. `--negative` breaks the server and checks that the run then fails."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .contract import Ledger
from .damage import damaged
from .machines import HERE, TREE, Server, start_wechat
from .messages import api_requests, noise, paths_and_methods, ratings
from .play import Player, wait_for_silence
from .staff import StaffRequest, staff_requests

SERVERS = ("granian", "gunicorn", "site")
ROUND = 400  # examples; the engine of hypothesis becomes slower with their number
COLUMNS = "acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, openid"
ATTEMPTS = 8  # runs until a defect counts as missed
MOST_MEMORY = 400  # MB of a worker
# A function of broken.py, and words of a fault that the run must report.
DEFECTS = {
    "lost": "is not stored",
    "hidden": "a row that the contract refuses",
    "generous": "acknowledges what the contract refuses",
    "page": "without its toast",
    "crash": "/score answers 500",
    "silent": "no answer within the time limit",
    "talkative": "personal data in the log",
    "noisy": "a traceback in the log",
}
open_requests = st.one_of(
    ratings().flatmap(noise),
    ratings(),
    paths_and_methods().flatmap(noise),
    api_requests().flatmap(noise),
    damaged(),
    damaged(),
)
variations = st.integers(0, 2**31)
MOVES = {
    "open": st.tuples(open_requests, variations),
    "site": st.one_of(st.tuples(open_requests, variations), st.tuples(open_requests, variations), staff_requests()),
}


class Run:
    """One server, its requests, and the faults found."""

    def __init__(self, server, number, count, is_full=False):
        self.server, self.name, self.number, self.count = server, server.name, number, count
        self.player = Player(server, Ledger(), number, is_https=is_full, has_wechat=is_full)
        self.sample_id = server.database.highest_id()
        samples = server.database.query(f"SELECT {COLUMNS} FROM grade_conflict")
        self.player.ledger.conflicts |= {(row[:7], row[7]) for row in samples}  # staff may keep them
        server.start()
        try:
            self.send_requests()
            self.after = server.memory()
            wait_for_silence()
        finally:
            in_order = server.stop()
        if not in_order:
            self.player.fault("the server does not end within 30 s", b"")
        self.check_database()
        for fault, detail in server.faults_of_log():
            self.player.fault(fault, b"", detail)
        if max(self.after, default=0) > MOST_MEMORY:
            self.player.fault(f"a worker takes over {MOST_MEMORY} MB", b"", self.after)

    def send_requests(self):
        player, rounds, last = self.player, 0, time.monotonic()
        self.began = last
        self.before = None
        while player.requests < self.count:
            self.play_round(self.number * 1000 + rounds)
            rounds += 1
            if self.before is None:
                self.before = self.server.memory()
            if time.monotonic() - last > 15:
                last = time.monotonic()
                memory = ", ".join(f"{each:.0f}" for each in self.server.memory())
                done = f"{player.requests} requests, {len(player.faults)} faults, RSS {memory} MB"
                print(f"{last - self.began:4.0f} s  {self.name}: {done}", flush=True)
        self.seconds = time.monotonic() - self.began

    def play_round(self, number):
        player = self.player

        @seed(number)
        @settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(MOVES["site" if self.name == "site" else "open"])
        def play(move):
            if player.requests >= self.count:
                return
            if isinstance(move, StaffRequest):
                player.play_staff(move)
            else:
                player.play(*move)

        play()

    def check_database(self):
        """Compare the stored rows with the answers, and the other tables with their rules."""
        query, ledger = self.server.database.query, self.player.ledger
        rows = query(f"SELECT {COLUMNS}, submission_id FROM grade WHERE id > {self.sample_id}")
        sent = query(f"SELECT {COLUMNS} FROM grade_conflict WHERE grade_id > {self.sample_id}")
        self.rows = len(rows)
        faults = ledger.compare([(row[:7], row[7], row[8]) for row in rows], [(row[:7], row[7]) for row in sent])
        for row in query("SELECT acc_nbr, customer_name, area, product, state, acct_id FROM account"):
            if any(character < " " or character == "\x7f" for text in row for character in text):
                faults.append(("a dispatch with a control character is stored", row))
        for credit in query(
            "SELECT c.credit_amount, CEIL(a.monthly_fee * 1.5) FROM credit c JOIN account a ON a.id = c.account_id"
        ):
            if credit[0] != credit[1]:
                faults.append(("a credit with another amount is stored", credit))
        for name, row in faults:
            self.player.fault(name, b"", row)

    def print_report(self):
        player = self.player
        kinds = ", ".join(f"{number} {name}" for name, number in player.kinds.most_common(60))
        statuses = ", ".join(f"{number} × {status}" for status, number in sorted(player.statuses.items()))
        memory = [", ".join(f"{each:.0f}" for each in values) for values in (self.before or [], self.after)]
        print(f"--- {self.name}: {player.requests} requests in {self.seconds:.0f} s, {self.rows} ratings stored")
        print(f"kinds: {kinds}\nanswers: {statuses}\nslowest answer: {player.slowest:.1f} s")
        print(
            f"memory (RSS) of the workers: {memory[0]} MB after the first {ROUND} examples, {memory[1]} MB at the end"
        )
        for fault in sorted(player.faults.values(), key=lambda fault: -fault.count):
            print(f"FAULT, {fault.count} times: {fault.name}")
            if fault.request:
                print(f"    request: {fault.request[:700]!r}{'…' if len(fault.request) > 700 else ''}")
            if fault.detail:
                print("    " + fault.detail[:1500].replace("\n", "\n    "))
        print(f"fuzz: {self.name}: {player.requests} requests, {len(player.faults)} faults", flush=True)


def probe_settings(folder):
    """A setting that breaks a page must stop the start. (?i) breaks the pattern of the query page."""
    server = Server("site", folder)
    server.install()
    server.environment["ACC_NBR_PATTERN"] = "(?i)[0-9a-z]{1,32}"
    try:
        server.start()
    except RuntimeError:
        return []
    try:
        player = Player(server, Ledger(), 0)
        player.play_staff(StaffRequest("query", "/query", "POST", form=[("acc_nbr", "13977000008")]))
        return list(player.faults.values())
    finally:
        server.stop()


def run_negatives(number, count):
    """Serve the application with each defect in turn; returns how many the run did not notice."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="scoring-fuzz.") as folder:
        server = Server("broken", folder)
        server.install()
        command, sample_id = server.command, server.database.highest_id()
        for defect, words in {"application": "", **DEFECTS}.items():
            server.command = [*command, f"fuzz.broken:{defect}"]
            server.log = Path(folder, f"{defect}.log")
            # Without a defect the run must pass, or it would prove nothing about the others.
            if not words:
                server.database.delete_ratings(sample_id)
                faults = Run(server, number, count).player.faults
                missed += bool(faults)
                print(f"{'FAILED' if faults else 'passed'}  without a defect", flush=True)
                continue
            # The request that shows a defect may be rare: other requests follow until it came.
            for attempt in range(ATTEMPTS):
                server.database.delete_ratings(sample_id)
                faults = Run(server, number + attempt, count).player.faults
                found = any(words in name for name in faults)
                if found:
                    break
            missed += not found
            print(f"{'caught' if found else 'MISSED'}  {defect}: {', '.join(faults) or 'it passed'}", flush=True)
    print(f"fuzz: {len(DEFECTS) - missed} of {len(DEFECTS)} broken servers caught, {missed} missed")
    return missed


def run_server(name, number, count):
    is_full = name == "granian"  # with WeChat login, and behind a proxy with https
    with tempfile.TemporaryDirectory(prefix="scoring-fuzz.") as folder:
        server = Server(name, folder, start_wechat() | {"HTTPS": "1"} if is_full else {})
        server.install()
        run = Run(server, number, count, is_full)
        run.print_report()
        return bool(run.player.faults)


def main():
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    number = int(os.environ.get("FUZZ_SEED") or random.randrange(1_000_000))
    count = int(os.environ.get("FUZZ_REQUESTS") or 20_000)
    names = (os.environ.get("FUZZ_SERVERS") or ",".join(SERVERS)).split(",")
    if sys.argv[1:2] == ["--server"]:
        return run_server(sys.argv[2], number, count)
    if sys.argv[1:] == ["--negative"]:
        return run_negatives(number, int(os.environ.get("FUZZ_REQUESTS") or 600))
    print(f"fuzz of {TREE}: FUZZ_SEED={number} FUZZ_REQUESTS={count} FUZZ_SERVERS={','.join(names)}", flush=True)
    static = {"ENV_FILE": "", "SECRET_KEY": "for-this-fuzzing-and-nothing-else", "DATABASE_URL": "sqlite://:memory:"}
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=TREE, env=os.environ | static, check=True)
    environment = os.environ | {"FUZZ_SEED": str(number), "FUZZ_REQUESTS": str(count)}
    began, runs = time.monotonic(), {}
    for name in names:
        command = [sys.executable, "-m", "fuzz", "--server", name]
        runs[name] = subprocess.Popen(command, cwd=HERE, env=environment)
    try:
        failed = [name for name, run in runs.items() if run.wait()]
    finally:
        for run in runs.values():
            run.terminate()
    if "site" in names:
        with tempfile.TemporaryDirectory(prefix="scoring-fuzz.") as folder:
            for fault in probe_settings(folder):
                print(f"FAULT with ACC_NBR_PATTERN=(?i)…: {fault.name}")
                failed.append("settings")
    seconds = time.monotonic() - began
    outcome = f"FAILED on {', '.join(failed)}" if failed else "passed"
    print(f"fuzz: FUZZ_SEED={number}, {count} requests on each of {', '.join(names)} in {seconds:.0f} s: {outcome}")
    return bool(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("fuzz: interrupted")
