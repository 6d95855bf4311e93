"""Bytes to a server and back: one connection, the answers on it, and how it ended."""

import contextlib
import re
import socket
import time
from dataclasses import dataclass

HOST = "127.0.0.1"
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])( [\x20-\x7e]*)?")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
LONGEST_ANSWER = 64 * 1024 * 1024


class Garbage(Exception):
    """The server sent bytes that are not an answer of HTTP/1."""


@dataclass
class Answer:
    status: int
    headers: list  # (name in small letters, value)
    body: bytes

    def header(self, name):
        """The value of a header that may occur once; None without it."""
        values = [value for known, value in self.headers if known == name]
        return ", ".join(values) if values else None

    @property
    def media_type(self):
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def __str__(self):
        shown = ("content-type", "x-score-error", "location", "server")
        headers = "".join(f" {name}: {value}" for name, value in self.headers if name in shown)
        return f"{self.status}{headers} {self.body[:160]!r}"


@dataclass
class Talk:
    """What came back on one connection; `ending` is answered, closed, hang or garbage."""

    answers: list
    ending: str
    seconds: float


class Reader:
    def __init__(self, connection, deadline):
        self.connection = connection
        self.deadline = deadline
        self.buffer = b""

    def fill(self):
        """Read more bytes; returns whether there were any."""
        self.connection.settimeout(max(self.deadline - time.monotonic(), 0.001))
        try:
            chunk = self.connection.recv(1 << 18)
        except ConnectionError:
            chunk = b""
        self.buffer += chunk
        return bool(chunk)

    def line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > 1 << 17 or not self.fill():
                raise EOFError
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                raise EOFError
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def rest(self):
        while len(self.buffer) < LONGEST_ANSWER and self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def answer(self, method):
        """The next answer, without its interim ones; None if the connection is closed before it."""
        while self.buffer or self.fill():
            match = STATUS_LINE.fullmatch(self.line())
            if not match:
                raise Garbage
            status, headers = int(match[1]), []
            while line := self.line():
                if not (header := HEADER.fullmatch(line)):
                    raise Garbage
                headers.append((header[1].decode().lower(), header[2].decode("latin1")))
            if status >= 200:
                answer = Answer(status, headers, b"")
                if method != b"HEAD" and status not in (204, 304):
                    answer.body = self.body(answer)
                return answer
        return None

    def body(self, answer):
        if answer.header("transfer-encoding") == "chunked":
            parts = []
            while size := int(self.line().partition(b";")[0], 16):
                parts.append(self.exactly(size))
                self.line()
            while self.line():
                pass
            return b"".join(parts)
        length = answer.header("content-length")
        return self.rest() if length is None else self.exactly(int(length))


def talk(port, data, methods, limit, to_the_end=False):
    """Send `data` on a new connection and read an answer for each of `methods`.

    With `to_the_end` the sending side is closed after `data`, and all answers are read until the server closes.
    """
    began = time.monotonic()
    answers, ending = [], "answered"
    try:
        with socket.create_connection((HOST, port), timeout=limit) as connection:
            with contextlib.suppress(ConnectionError):  # an answer may be there all the same
                connection.sendall(data)
                if to_the_end:
                    connection.shutdown(socket.SHUT_WR)
            reader = Reader(connection, began + limit)
            while to_the_end or len(answers) < len(methods):
                answer = reader.answer(methods[min(len(answers), len(methods) - 1)])
                if answer is None:
                    ending = "closed"
                    break
                answers.append(answer)
    except EOFError:
        ending = "closed"
    except TimeoutError:
        ending = "hang"
    except (Garbage, ValueError):
        ending = "garbage"
    except OSError:
        ending = "closed"
    return Talk(answers, ending, time.monotonic() - began)


def abandon(port, data, limit):
    """Send `data` and hang up with a reset, without reading."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=limit) as connection:
        connection.sendall(data)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
