"""The programs: nodes, as deploy/cluster/ sets them up and starts them, and HAProxy."""

# ruff: noqa: S603, S607 - no command or query has foreign input

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import MySQLdb

from torture.clients import STORED
from torture.machines import ROOT, Program, processes, wait_until

from . import network

NUMBERS = (1, 2, 3)
USER = "mysql"
NODE_SCRIPT = ROOT / "deploy/cluster/node.sh"
PASSWORD = secrets.token_hex(12)
STOP_SECONDS = 30


class Node:
    """A node with its data in `folder`; `node.sh` starts it as an operator does, with our command for systemctl's."""

    def __init__(self, number, folder, flush_at_commit=1):
        self.number = number
        self.folder = folder / network.name(number)
        self.log = folder / f"{network.name(number)}.log"
        self.environment = os.environ | {
            "DATA": str(self.folder / "data"),
            "DEFAULTS": f"--defaults-file={self.folder}/my.cnf",
            "START_NODE": str(self.folder / "start"),
            "START_CLUSTER": f"{self.folder}/start --wsrep-new-cluster",
            "WAIT_SECONDS": "60",
            "GCACHE": "64M",
        }
        for part in (self.folder, self.folder / "data"):
            part.mkdir()
            shutil.chown(part, USER)
        self.write_settings(flush_at_commit)
        self.write_start()

    def write_settings(self, flush_at_commit):
        addresses = ",".join(map(network.address, NUMBERS))
        settings = self.node_sh("config", network.name(self.number), network.address(self.number), addresses)
        (self.folder / "my.cnf").write_text(f"""{settings}
# Of this test: a small server with its files in a folder.
user = {USER}
datadir = {self.folder}/data
socket = {self.folder}/socket
pid-file = {self.folder}/pid
log-error = {self.log}
tmpdir = {self.folder}
innodb_buffer_pool_size = 64M
innodb_log_file_size = 32M
innodb_flush_log_at_trx_commit = {flush_at_commit}
wsrep_slave_threads = 2

[client]
socket = {self.folder}/socket
""")
        self.log.touch()
        shutil.chown(self.log, USER)

    def write_start(self):
        """The work of Debian's mariadb.service, and galera_new_cluster's with --wsrep-new-cluster."""
        start = self.folder / "start"
        start.write_text(f"""#!/bin/bash
set -euo pipefail
position=$(galera_recovery --defaults-file={self.folder}/my.cnf 2>>{self.folder}/recovery)
setsid mariadbd --defaults-file={self.folder}/my.cnf "$@" $position </dev/null >/dev/null 2>&1 &
""")
        start.chmod(0o755)

    def install(self):
        command = ["mariadb-install-db", f"--defaults-file={self.folder}/my.cnf", f"--user={USER}", "--skip-test-db"]
        subprocess.run([*command, "--auth-root-socket-user=root"], check=True, stdout=subprocess.DEVNULL)

    def node_sh(self, *arguments):
        """Run node.sh on this node; returns what it prints."""
        command = network.within(self.number, "bash", str(NODE_SCRIPT), *arguments)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"node.sh {' '.join(arguments)} on {self}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def takes_part(self):
        command = network.within(self.number, "bash", str(NODE_SCRIPT), "status")
        return subprocess.run(command, env=self.environment, capture_output=True).returncode == 0

    # --- The process --------------------------------------------------------------------------

    @property
    def pid(self):
        """Of the process, if it runs; a killed one leaves the file."""
        with contextlib.suppress(FileNotFoundError):
            pid = int((self.folder / "pid").read_text())
            if any(process[0] == pid for process in processes()):
                return pid
        return None

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_for_end(self):
        wait_until(lambda: self.pid is None, STOP_SECONDS, f"{self} ends")

    def kill(self):
        if self.pid:
            self.signal(signal.SIGKILL)
            self.wait_for_end()

    def terminate(self):
        self.signal(signal.SIGTERM)
        self.wait_for_end()

    def runs_as(self):
        """The user of the process."""
        return Path(f"/proc/{self.pid}").owner()

    # --- Its rows -------------------------------------------------------------------------------

    def query(self, statement):
        connection = MySQLdb.connect(unix_socket=f"{self.folder}/socket", user="root", charset="utf8mb4")
        try:
            cursor = connection.cursor()
            cursor.execute("SET SESSION wsrep_sync_wait=1")
            cursor.execute(statement)
            return cursor.fetchall()
        finally:
            connection.close()

    def ratings(self):
        return self.query(STORED)

    def __str__(self):
        return network.name(self.number)


class Proxy(Program):
    """HAProxy of an application host, with the template of deploy/cluster/."""

    def __init__(self, number, folder, environment, checks_by_sql=True):
        self.folder = folder / f"haproxy-{number}"
        self.folder.mkdir()
        # Both application hosts are this one, so the second one needs other ports.
        self.writer, self.readers = (f"127.0.0.1:{port + 10 * (number - 1)}" for port in (3307, 3308))
        config = self.folder / "haproxy.cfg"
        config.write_text(self.settings(checks_by_sql))
        super().__init__(["haproxy", "-db", "-f", str(config)], folder / f"haproxy-{number}.log", environment)

    def settings(self, checks_by_sql):
        values = {"RUN": str(self.folder), **{f"N{number}": network.address(number) for number in NUMBERS}}
        done = subprocess.run(
            ["envsubst", " ".join(f"${name}" for name in values)],
            stdin=(ROOT / "deploy/cluster/haproxy.cfg.in").open(),
            env=os.environ | values,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout.replace("127.0.0.1:3307", self.writer).replace("127.0.0.1:3308", self.readers)
        # Without its rules the check is a connection, as `check` alone makes it.
        return text if checks_by_sql else re.sub(r"\n    (option tcp-check|tcp-check .*)", "", text)

    def url(self, address):
        return f"mysql://scoring:{PASSWORD}@{address}/scoring"

    def written(self):
        """The number of the node that is written; None if none is."""
        states = self.states("writer")
        return next((number for number in NUMBERS if states.get(network.name(number), "").startswith("UP")), None)

    def is_ready(self):
        return all(
            len([state for state in self.states(part).values() if state == "UP"]) == 3 for part in ("writer", "readers")
        )

    def states(self, part):
        """{node: state} of the writer or the readers."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.folder / "scoring.sock"))
                client.sendall(b"show stat\n")
                text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        except OSError:
            return {}
        lines = [line.split(",") for line in text.splitlines()]
        return {line[1]: line[17] for line in lines if line[0] == part and line[1].startswith("n")}
