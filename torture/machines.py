"""The programs under fault injection: MariaDB and the score workers."""

# ruff: noqa: S311, S603 - random numbers guard no secret, and no command has foreign input

import getpass
import os
import random
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import MySQLdb

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


def free_port():
    """A free port outside the kernel's range for outgoing connections.

    Within that range, an outgoing connection could take the port of a killed program before its restart, and a
    client that calls the dead port could get the same port as its own and connect to itself.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, max(lowest, 20000))
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


def processes():
    """(pid, parent, group) of each process except zombies: a container may keep those."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(errors="replace")
        except OSError:  # it has ended since
            continue
        state, parent, group = text.rpartition(")")[2].split()[:3]
        if state not in "ZX":
            yield int(path.parent.name), int(parent), int(group)


def wait_until(condition, seconds, description):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{description}: not within {seconds} s")
        time.sleep(0.05)


class Program:
    """A program in a process group of its own, as a process manager runs it."""

    def __init__(self, command, log, environment):
        self.command = command
        self.log = log
        self.environment = environment
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_ended(self):
        # Not reaped: until then the kernel gives its id, which is the group's, to no other process.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, options) is not None

    def kill(self):
        """kill -9 the whole group, and wait until all its processes have ended."""
        if self.process is None:
            return
        group = self.process.pid
        while any(member[2] == group for member in processes()):
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.01)
        self.process.wait()
        self.process = None

    def restart_if_ended(self):
        """Start the program again if it has ended; returns whether it had."""
        if not self.has_ended():
            return False
        self.kill()
        self.start()
        return True


class Database(Program):
    """MariaDB with its data in `folder`, which a kill leaves in place."""

    def __init__(self, folder, environment, flush_at_commit=1):
        self.folder = folder
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self.user = getpass.getuser()
        command = [
            "mariadbd",
            "--no-defaults",
            f"--user={self.user}",
            f"--datadir={folder}/data",
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
            f"--tmpdir={folder}",
            f"--bind-address={HOST}",
            f"--port={self.port}",
            "--character-set-server=utf8mb4",
            f"--innodb-flush-log-at-trx-commit={flush_at_commit}",
            "--innodb-buffer-pool-size=64M",
            "--skip-log-bin",
        ]
        super().__init__(command, folder / "mariadb.log", environment)

    @property
    def url(self):
        return f"mysql://scoring:{self.password}@{HOST}:{self.port}/scoring"

    def install(self):
        command = [
            "mariadb-install-db",
            "--no-defaults",
            f"--user={self.user}",
            f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={self.user}",
            "--skip-test-db",
        ]
        with self.log.open("ab") as log:
            # In /tmp two servers that start at the same time delete each other's temporary tables.
            environment = self.environment | {"TMPDIR": str(self.folder)}
            subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT, check=True)
        self.start()
        wait_until(self.is_ready, 60, "MariaDB starts")
        self.query("CREATE DATABASE scoring CHARACTER SET utf8mb4")
        self.query(f"CREATE USER scoring@'{HOST}' IDENTIFIED BY '{self.password}'")
        self.query(f"GRANT ALL ON scoring.* TO scoring@'{HOST}'")

    def query(self, statement):
        connection = MySQLdb.connect(
            unix_socket=f"{self.folder}/socket", user=self.user, charset="utf8mb4", connect_timeout=5
        )
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall()
        finally:
            connection.close()

    def is_ready(self):
        try:
            return bool(self.query("SELECT 1"))
        except MySQLdb.Error:
            return False

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)


class Server(Program):
    """One instance of `bin/serve-score`: a master and its workers."""

    def __init__(self, number, folder, environment):
        self.number = number
        self.port = free_port()
        self.terminated_at = float("-inf")
        self.is_stopping = False
        log = folder / f"server-{number}.log"
        super().__init__(["bin/serve-score"], log, environment | {"SCORE_PORT": str(self.port)})

    def workers(self):
        return [pid for pid, parent, _group in processes() if parent == self.process.pid]

    def kill_master(self):
        """kill -9 the master only; its workers run on."""
        os.kill(self.process.pid, signal.SIGKILL)

    def start(self):
        self.is_stopping = False
        super().start()

    def terminate(self):
        self.is_stopping = True
        self.terminated_at = time.monotonic()
        os.kill(self.process.pid, signal.SIGTERM)

    def is_ready(self):
        try:
            with socket.create_connection((HOST, self.port), timeout=5) as connection:
                connection.sendall(b"GET /score/form HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                return b" 200 " in connection.recv(100)
        except OSError:
            return False
