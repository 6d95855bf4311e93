"""Count the slow clients that stop each server: `make slow-clients` (docs/fuzz.md).

More and more connections send a head or a body one byte per second, or nothing. After each step six ratings are
sent. The server counts as stopped when three of them have no answer within 5 seconds. Then the clients fall silent
with their connections open, and the time until all six are answered is measured.
"""

import contextlib
import resource
import socket
import sys
import tempfile
import threading
import time

from .machines import HOST, Server
from .wire import talk

STEPS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
THREADS = {"granian": 16, "gunicorn": 16, "site": 8}  # of both workers
PROBES, PATIENCE = 6, 5
LONGEST_WAIT = 90  # seconds for the server to come back
HEAD = b"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n"
KINDS = {
    "slow head": (HEAD, b"X"),
    "slow body": (HEAD + b"\r\n{", b" "),
    "no byte": (b"", b""),
    "kept after an answer": (b"GET /score/form HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b""),
}
RATING = b"acc_nbr=13977000001&grade1=5&grade2=5&grade3=5"
PROBE = (
    b"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s" % (len(RATING), RATING)
)


class Crowd:
    """Connections that send a byte per second until `is_silent`."""

    def __init__(self, port, first, more):
        self.port, self.first, self.more = port, first, more
        self.connections, self.is_silent = [], False
        threading.Thread(target=self.trickle, daemon=True).start()

    def grow(self, size):
        while len(self.connections) < size:
            with contextlib.suppress(OSError):
                connection = socket.create_connection((HOST, self.port), timeout=2)
                connection.sendall(self.first)
                connection.setblocking(False)
                self.connections.append(connection)

    def trickle(self):
        while not self.is_silent:
            time.sleep(1)
            for connection in list(self.connections):
                with contextlib.suppress(OSError):
                    if self.more:
                        connection.send(self.more)

    def close(self):
        self.is_silent = True
        for connection in self.connections:
            connection.close()


def answered(port):
    """The number of ratings answered within PATIENCE seconds, sent at once."""
    found = []
    senders = [
        threading.Thread(target=lambda: found.append(len(talk(port, PROBE, [b"POST"], PATIENCE).answers)))
        for _ in range(PROBES)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return sum(found)


def measure(server, kind):
    """(clients that stop the server, seconds until it is back after they fall silent), None for not at all."""
    first, more = KINDS[kind]
    crowd = Crowd(server.port, first, more)
    try:
        for size in STEPS:
            crowd.grow(size)
            time.sleep(1.5)
            if answered(server.port) <= PROBES / 2:
                break
        else:
            return None, None
        crowd.is_silent = True
        began = time.monotonic()
        while time.monotonic() - began < LONGEST_WAIT:
            if answered(server.port) == PROBES:
                return size, time.monotonic() - began
        return size, None
    finally:
        crowd.close()


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    print("| server | threads | clients | stop the ratings at | back after they fall silent |")
    print("| --- | ---: | --- | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory(prefix="scoring-slow.") as folder:
        for name in sys.argv[1:] or THREADS:
            server = Server(name, folder)
            server.install()
            for kind in KINDS:
                server.start()
                try:
                    size, seconds = measure(server, kind)
                finally:
                    server.stop()
                stop = f"{size}" if size else f"not by {STEPS[-1]:,}"
                back = "–" if size is None else f"{seconds:.0f} s" if seconds else f"not within {LONGEST_WAIT} s"
                print(f"| {name} | {THREADS[name]} | {kind} | {stop} | {back} |", flush=True)


if __name__ == "__main__":
    main()
