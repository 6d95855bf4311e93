"""`python -m cluster`: see docs/scale.md. `--negative` removes a protection and checks that the run then fails."""

# ruff: noqa: S311, S603 - random numbers guard no secret, and no command has foreign input

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from torture.__main__ import PATIENCE, SETTINGS, make_folder, print_logs
from torture.clients import Crowd
from torture.machines import ROOT, Server, wait_until

from . import network
from .machines import NUMBERS, PASSWORD, USER, Node, Proxy
from .office import LOG_IN, Office

LONGEST_SILENCE = 8  # seconds without an acknowledged rating, when one node of three is lost
HOLD = 6  # seconds for which a node is away
RETURN_SECONDS = 60  # until a node takes part again
SETTLE = 3  # seconds without a change before the next event
FRESH_READS = 500
FEWEST_ACKNOWLEDGED = 5  # per second


@dataclass
class Line:
    """A line of the table: what happened to which node, and what the clients saw until the next event."""

    event: str
    node: str
    silence: float
    acknowledged: int
    errors: int


class Cluster:
    """Three nodes, two application hosts and their clients."""

    def __init__(self, folder, flush_at_commit, checks_by_sql):
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        environment = SETTINGS | environment
        self.nodes = {number: Node(number, folder, flush_at_commit) for number in NUMBERS}
        self.proxies = [Proxy(number, folder, environment, checks_by_sql) for number in (1, 2)]
        self.environments = [
            environment | {"DATABASE_URL": proxy.url(proxy.writer), "DATABASE_READ_URL": proxy.url(proxy.readers)}
            for proxy in self.proxies
        ]
        self.servers = [Server(number, folder, settings) for number, settings in enumerate(self.environments, 1)]

    def start(self):
        first = self.nodes[1]
        first.install()
        first.node_sh("bootstrap")
        for statement in (
            "CREATE DATABASE scoring CHARACTER SET utf8mb4",
            f"CREATE USER scoring@'{network.HERE}' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON scoring.* TO scoring@'{network.HERE}'",
            f"CREATE USER scoring_check@'{network.HERE}' IDENTIFIED VIA mysql_native_password USING ''",
        ):
            first.query(statement)
        for proxy in self.proxies:
            proxy.start()
        wait_until(lambda: self.written == 1, 20, "HAProxy finds n1")
        self.run("manage.py", "migrate", "--no-input", "--verbosity", "0")
        self.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        for number in (2, 3):
            self.nodes[number].node_sh("join")
        wait_until(self.is_whole, 20, "HAProxy finds all nodes")
        for server in self.servers:
            server.start()
        for server in self.servers:
            wait_until(server.is_ready, 60, "the server starts")

    def run(self, *arguments):
        """Run a Python program of the product with the settings of the first application host."""
        command = [".venv/bin/python", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environments[0], check=True, capture_output=True, text=True)

    @property
    def written(self):
        return self.proxies[0].written()

    def is_whole(self):
        """All nodes take part, and each HAProxy uses all of them."""
        checks = [proxy.is_ready for proxy in self.proxies] + [node.takes_part for node in self.nodes.values()]
        return all(check() for check in checks)

    # --- Events: each returns when the node may come back ------------------------------------------

    def terminate(self, node):
        """SIGTERM, as for an update of the node's packages."""
        node.terminate()
        time.sleep(HOLD)
        node.node_sh("join")

    def kill(self, node):
        """kill -9"""
        node.kill()
        time.sleep(HOLD)
        node.node_sh("join")

    def freeze(self, node):
        """SIGSTOP"""
        node.signal(signal.SIGSTOP)
        time.sleep(HOLD)
        node.signal(signal.SIGCONT)

    def pull_cable(self, node):
        """no network at all"""
        network.cut(node.number)
        time.sleep(HOLD)
        network.mend(node.number)

    def part(self, node):
        """cut off from the other nodes only"""
        others = [number for number in NUMBERS if number != node.number]
        network.cut_from(node.number, others)
        time.sleep(HOLD + 4)  # longer than LONGEST_SILENCE, which a run that does not notice then shows
        network.mend_to(node.number, others)

    def lose_all(self, _node):
        """kill -9 of all three, and recovery as the operator's page says"""
        for node in self.nodes.values():
            node.signal(signal.SIGKILL)
        for node in self.nodes.values():
            node.wait_for_end()
        positions = {number: node.node_sh("position") for number, node in self.nodes.items()}
        best = max(positions, key=lambda number: int(positions[number].rpartition(":")[2]))
        others = [position for number, position in positions.items() if number != best]
        self.nodes[best].node_sh("recover", *others)
        for number in NUMBERS:
            if number != best:
                self.nodes[number].node_sh("join")


def holds(condition, seconds):
    """A condition for wait_until: `condition` has been true for so long without a break."""
    since = None

    def has_held():
        nonlocal since
        if not condition():
            since = None
            return False
        since = since or time.monotonic()
        return time.monotonic() - since >= seconds

    return has_held


EVENTS = ("terminate", "kill", "freeze", "pull_cable", "part", "lose_all")


@contextlib.contextmanager
def cluster(flush_at_commit=1, checks_by_sql=True):
    with contextlib.ExitStack() as stack:
        folder = make_folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # the nodes do not run as root
        machines = Cluster(folder, flush_at_commit, checks_by_sql)
        for program in (*machines.nodes.values(), *machines.proxies, *machines.servers):
            stack.callback(program.kill)
        try:
            machines.start()
            yield machines
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise
        except Exception:
            print_logs(folder)
            raise


class Run:
    def __init__(self, clients, seed, events=EVENTS, **unprotected):
        began = time.monotonic()
        self.lines = []
        self.crashes = []
        threading.excepthook = lambda crash: self.crashes.append(f"{crash.exc_type.__name__}: {crash.exc_value}")
        with cluster(**unprotected) as self.cluster:
            say(began, "three nodes, two application hosts")
            self.users = {node.runs_as() for node in self.cluster.nodes.values()}
            self.crowd = Crowd(self.cluster.servers, seed, clients)
            self.crowd.start()
            time.sleep(SETTLE)
            self.stale = 0
            if not unprotected:
                self.stale, unprotected_stale = self.count_stale()
                say(began, f"stale reads: {self.stale}; {unprotected_stale} of {FRESH_READS // 5} without waiting")
            self.office = Office(
                self.cluster.servers[1], self.cluster.run("manage.py", "shell", "-c", LOG_IN).stdout.split()[-1]
            )
            self.office.start()
            for event in events:
                self.lines.append(line := self.cause(event))
                say(began, f"{line.event}: silence of {line.silence:.1f} s")
            self.waiting = self.end()
            self.compare()
            if self.faults() and not unprotected:
                print_logs(self.cluster.nodes[1].log.parent)

    def count_stale(self):
        """How many reads by the readers miss a rating that was just stored; and how many without wsrep_sync_wait."""
        return map(int, self.cluster.run("-m", "cluster.fresh", str(FRESH_READS)).stdout.split())

    def cause(self, event):
        """Let an event happen to the node that is written, and wait until the cluster is whole again."""
        crowd, node = self.crowd, self.cluster.nodes[self.cluster.written]
        function = getattr(self.cluster, event)
        with crowd.lock:
            crowd.longest_gap, crowd.last_acknowledgement = 0, time.monotonic()
        acknowledged, errors = crowd.acknowledged, crowd.answers[503]
        function(node)
        # A node that was frozen reports for a moment that it takes part, and then joins. An event while it joins would
        # take two nodes away.
        settled = holds(self.cluster.is_whole, SETTLE)
        wait_until(settled, RETURN_SECONDS, f"{event}: all nodes take part again")
        with crowd.lock:
            silence = max(crowd.longest_gap, time.monotonic() - crowd.last_acknowledgement)
        return Line(
            function.__doc__.partition(",")[0],
            "all" if event == "lose_all" else str(node),
            silence,
            crowd.acknowledged - acknowledged,
            crowd.answers[503] - errors,
        )

    def end(self):
        """Stop the clients; returns how many ratings are not acknowledged within PATIENCE."""
        self.office.is_over = True
        self.crowd.stop()
        deadline = time.monotonic() + PATIENCE
        while self.crowd.waiting() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.crowd.is_given_up = True
        return self.crowd.waiting()

    def compare(self):
        rows = {str(node): sorted(node.ratings(), key=repr) for node in self.cluster.nodes.values()}
        self.found = self.crowd.compare(rows["n1"])
        self.differing = [name for name, stored in rows.items() if stored != rows["n1"]]

    @property
    def longest_silence(self):
        """Of the events that leave two nodes."""
        return max((line.silence for line in self.lines if line.node != "all"), default=0)

    def faults(self):
        counted = {
            "lost": self.found.lost,
            "doubled": self.found.doubled,
            "rows never sent": self.found.never_sent,
            "nodes with other rows": len(self.differing),
            "stale reads": self.stale,
            "unexpected answers": self.crowd.unexpected.total(),
            "unexpected answers to staff": self.office.unexpected.total(),
            "requests over 10 s": self.crowd.too_slow,
            "clients still waiting": self.waiting,
            "crashes of a client": len(self.crashes),
            "nodes not run by mysql": len(self.users - {USER}),
        }
        faults = [f"{number} {name}" for name, number in counted.items() if number]
        if self.longest_silence > LONGEST_SILENCE:
            faults.append(f"a silence of {self.longest_silence:.1f} s")
        if any(line.acknowledged < FEWEST_ACKNOWLEDGED * HOLD for line in self.lines):
            faults.append("too few ratings to prove anything")
        return faults

    def print_table(self):
        print(f"\n{'event':58}{'node':>5}{'silence':>9}{'acknowledged':>14}{'503':>6}")
        for line in self.lines:
            print(f"{line.event:58}{line.node:>5}{line.silence:>7.1f} s{line.acknowledged:>14}{line.errors:>6}")
        answers = ", ".join(f"{number} × {status}" for status, number in sorted(self.crowd.answers.items()))
        print(f"answers: {answers}; slowest {self.crowd.slowest:.1f} s; rows on each node: {self.found.rows}")
        staff = ", ".join(f"{number} × {status}" for status, number in sorted(self.office.answers.items(), key=str))
        print(f"answers to staff: {staff}; slowest {self.office.slowest:.1f} s")
        for answer, number in (self.crowd.unexpected + self.office.unexpected).most_common(10):
            print(f"unexpected, {number} times: {answer}")
        for crash in self.crashes[:10]:
            print(f"a client crashed: {crash}")


# A removed protection, the events, and how the run must then fail.
NEGATIVES = {
    "nodes that flush once a second, all killed": (
        {"flush_at_commit": 0, "events": ("lose_all",)},
        lambda run: run.found.lost > 0 and run.found.doubled == 0,
    ),
    "a check by connection only, the written node without majority": (
        {"checks_by_sql": False, "events": ("part",)},
        lambda run: run.longest_silence > LONGEST_SILENCE and run.found.lost == run.found.doubled == 0,
    ),
}


def run_negatives(clients, seed):
    caught = 0
    for name, (unprotected, is_noticed) in NEGATIVES.items():
        print(f"{name}:", flush=True)
        run = Run(clients, seed, **unprotected)
        run.print_table()
        caught += is_noticed(run)
        outcome = ", ".join(run.faults()) or "it passed"
        print(f"{'caught' if is_noticed(run) else 'MISSED'}  {name}: {outcome}", flush=True)
    missed = len(NEGATIVES) - caught
    print(f"cluster: {caught} of {len(NEGATIVES)} crippled clusters caught, {missed} missed")
    return missed


def say(began, text):
    print(f"{time.monotonic() - began:4.0f} s  {text}", flush=True)


def main():
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    network.enter("cluster")
    network.make(NUMBERS)
    clients = int(os.environ.get("CLUSTER_CLIENTS") or 16)
    seed = os.environ.get("CLUSTER_SEED") or str(random.randrange(1_000_000))
    print(f"a cluster of three MariaDB nodes: CLUSTER_SEED={seed} CLUSTER_CLIENTS={clients}", flush=True)
    if sys.argv[1:] == ["--negative"]:
        return run_negatives(clients, seed)
    events = (os.environ.get("CLUSTER_EVENTS") or " ".join(EVENTS)).split()
    run = Run(clients, seed, events)
    run.print_table()
    faults = run.faults()
    outcome = f"FAILED: {', '.join(faults)}" if faults else "passed"
    print(
        f"cluster: {run.crowd.acknowledged} acknowledged, {len(run.lines)} events, longest silence"
        f" {run.longest_silence:.1f} s, {run.stale} of {FRESH_READS} reads stale, {run.found.lost} lost,"
        f" {run.found.doubled} doubled: {outcome}"
    )
    return len(faults)


if __name__ == "__main__":
    try:
        sys.exit(bool(main()))
    except KeyboardInterrupt:
        sys.exit("cluster: interrupted")
