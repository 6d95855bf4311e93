"""Start and stop servers; read the CPU time and memory of their processes from /proc."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60
STOP_SECONDS = 15


class Failure(Exception):
    """The benchmark stops: its figures would be wrong."""


def end_in_order():
    """Exit by an exception on SIGINT and SIGTERM, so that running servers are stopped first."""

    def end(number, _frame):
        # A second signal must not interrupt the cleanup.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stat(pid):
    """The fields of /proc/PID/stat after the command's name; None if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(root):
    """The process and all its descendants."""
    children = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if fields := stat(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(root):
    """CPU time of a process tree, including its members that have ended."""
    ticks = [sum(map(int, fields[11:15])) for pid in tree(root) if (fields := stat(pid))]
    return sum(ticks) / TICK


def memory(pid):
    """Resident and proportional memory of a process in MiB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("Rss", "Pss"))


def reset_most_memory(root):
    for pid in tree(root):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def most_memory(root):
    """The most resident memory, in MiB, of one process of a tree since `reset_most_memory`."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in tree(root)]
    return max(int(status.partition("VmHWM:")[2].split()[0]) for status in statuses) / 1024


class Server:
    """A server on a free port. `with` starts it, waits until it listens, and stops it with all its children."""

    def __init__(self, name, command, folder, **environment):
        self.name = name
        self.port = free_port()
        self.command = [str(part).replace("{port}", str(self.port)) for part in command]
        # The whole environment: settings of the caller's shell must not change the figures.
        self.environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment |= {"LC_ALL": "C.UTF-8"}
        self.environment |= {key: str(value).replace("{port}", str(self.port)) for key, value in environment.items()}
        self.log = Path(folder, f"{name}.log")

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                # If this program is killed, the kernel ends the server too.
                ["setpriv", "--pdeathsig", "TERM", *self.command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its process group is stopped as a whole
            )
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_listens(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise self.failure("does not start")

    def failure(self, reason):
        return Failure(f"{self.name} {reason}; the end of its log:\n{self.end_of_log()}")

    def end_of_log(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line[:300] for line in lines[-25:])

    def __exit__(self, *exception):
        group = self.process.pid
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                break
            end = time.monotonic() + STOP_SECONDS
            while time.monotonic() < end and self.is_running(group):
                time.sleep(0.05)
        self.process.wait()

    def is_running(self, group):
        self.process.poll()  # reaps it: a zombie would count as running
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        return True
