"""A real Redis server, with its data in memory only."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

PORTS = range(20000, 32000)  # outgoing connections take ports from 32768 on


def redis_program():
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server: bin/setup --redis")
    return program


def free_port():
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


class RedisServer:
    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = [redis_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("redis-server does not answer")

    def stop(self):
        self.process.kill()
        self.process.wait()

    @contextmanager
    def frozen(self):
        """Stop it for a while: a server that hangs."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)
