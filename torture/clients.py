"""Clients that send ratings over bad connections until each is acknowledged, and count the answers."""

# ruff: noqa: S311 - random numbers guard no secret

import itertools
import json
import socket
import struct
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from random import Random
from urllib.parse import urlencode

from .machines import HOST

FIELDS = ("acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")
STORED = f"SELECT {', '.join(FIELDS)}, submission_id FROM scoring.grade"  # noqa: S608 - no foreign input
SUCCESS = "数据提交成功"
FAILURE = "数据提交失败"
REMARKS = (
    "",
    "很好👍",
    "态度不错，𠮷 👨‍👩‍👧",
    "a \"b\" 'c' \\ %s;--",
    "一\n二\t三",
    " 两边有空格 ",
    "null",
    "😀" * 500,
)

SLOWEST_ALLOWED = 10  # seconds until an answer
TIMEOUT = SLOWEST_ALLOWED + 1
LONGEST_WAIT = 1  # seconds between two attempts; shorter than Retry-After, for more load
# Seconds after which a server has certainly accepted a request. A later stop that closes the listening socket also
# drops requests in the kernel's queue; these count as refused, not as cut off.
ACCEPTED_AFTER = 0.3

# How a request ends, in percent: the reply is read; or the client hangs up before the request is whole, before the
# reply, or in the middle of the reply.
MANNERS = {"whole": 82, "half request": 6, "no reply": 6, "half reply": 6}


@dataclass(eq=False)
class Rating:
    content: tuple  # the values of the seven FIELDS
    submission_id: str | None
    is_whole: bool = False  # perhaps sent whole at least once: a row is allowed
    is_acknowledged: bool = False  # a row is required

    @property
    def row(self):
        return (*self.content, self.submission_id)

    def encode(self, random):
        """Encode as a mini program's form or as JSON; returns the content type and the body."""
        fields = dict(zip(FIELDS, self.content, strict=True))
        if self.submission_id:
            fields["submission_id"] = str(uuid.UUID(self.submission_id))
        if random.random() < 0.5:
            form = {name: json.dumps(value, ensure_ascii=False) for name, value in fields.items()}
            return "application/x-www-form-urlencoded", urlencode(form).encode()
        return "application/json", json.dumps(fields, ensure_ascii=random.random() < 0.5).encode()


@dataclass
class Answer:
    status: int
    body: str
    media_type: str | None
    retry_after: str | None
    reason: str | None

    def is_allowed(self, expected):
        """Whether the contract allows this answer: the status `expected`, or 503 with Retry-After."""
        words = SUCCESS if self.status == 200 else FAILURE
        is_ours = self.media_type == "application/json" and self.body == json.dumps(words, ensure_ascii=False)
        if self.status == 503:
            return is_ours and (self.retry_after or "").isdecimal()
        return is_ours and self.status == expected

    def __str__(self):
        return f"{self.status} {self.media_type} {self.reason or ''} {self.body[:200]}"


@dataclass(frozen=True)
class Comparison:
    """The rows of the table against the ratings that were sent and acknowledged."""

    rows: int
    lost: int
    doubled: int
    never_sent: int


class Crowd:
    """The clients. Each sends one rating after another until `stop`, to the servers in turn."""

    def __init__(self, servers, seed, size):
        self.servers = servers
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.ratings = []
        self.is_over = False  # no new ratings; the retries go on
        self.is_given_up = False  # no retries either
        self.answers = Counter()
        self.unexpected = Counter()
        self.requests = self.no_answers = self.acknowledged = self.conflicts = 0
        self.finished = self.cut_off = 0  # requests that a server had accepted when SIGTERM came
        self.refused_by_stop = 0  # unanswered requests that came too late to be accepted
        self.too_slow = 0
        self.slowest = 0.0
        self.longest_gap = 0.0  # seconds between two acknowledgements
        self.threads = [
            threading.Thread(target=self.send_ratings, args=(Random(f"{seed} client {number}"),), daemon=True)
            for number in range(size)
        ]

    def start(self):
        self.last_acknowledgement = time.monotonic()
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Start no new ratings; retry those that are not acknowledged."""
        self.is_over = True
        with self.lock:
            self.longest_gap = max(self.longest_gap, time.monotonic() - self.last_acknowledgement)

    def waiting(self):
        """The number of clients that still retry."""
        return sum(thread.is_alive() for thread in self.threads)

    def compare(self, rows):
        """Compare the rows of the query STORED with the ratings."""
        stored = Counter(rows)
        return Comparison(
            rows=stored.total(),
            lost=sum(rating.is_acknowledged and rating.row not in stored for rating in self.ratings),
            doubled=stored.total() - len(stored),
            never_sent=len(stored.keys() - {rating.row for rating in self.ratings if rating.is_whole}),
        )

    def send_ratings(self, random):
        while not self.is_over:
            rating = self.make_rating(random)
            if random.random() < 0.03:  # a client that hangs up and never retries
                self.send(
                    rating, random, random.randrange(2), random.choice(["half request", "no reply", "half reply"])
                )
                continue
            self.deliver_copies(rating, random, random.choices((1, 2, 3), (80, 15, 5))[0])
            if rating.submission_id and rating.is_acknowledged and random.random() < 0.06:
                self.reuse_id(rating, random)
            if random.random() < 0.06:
                earlier = random.choice(self.ratings)
                if earlier.is_acknowledged:
                    self.deliver(earlier, random)

    def make_rating(self, random):
        content = (
            f"{random.randrange(10**11):011}",
            *(random.randint(1, 5) for _ in range(3)),
            f"第 {next(self.numbers)} 条 {random.choice(REMARKS[:-1])}",
            *random.choices(REMARKS, k=2),
        )
        rating = Rating(content, f"{random.getrandbits(128):032x}" if random.random() < 0.5 else None)
        with self.lock:
            self.ratings.append(rating)
        return rating

    def deliver_copies(self, rating, random, copies):
        """Deliver the same rating several times at once, the first attempts to different servers."""
        first = random.randrange(2)
        others = [
            threading.Thread(target=self.deliver, args=(rating, Random(random.random()), first + n), daemon=True)
            for n in range(1, copies)
        ]
        for thread in others:
            thread.start()
        self.deliver(rating, random, first)
        for thread in others:
            thread.join()

    def reuse_id(self, rating, random):
        """Send the id with other content, which must be refused: it is not in `ratings`, so no row is allowed."""
        other = Rating((*rating.content[:-1], "另一条"), rating.submission_id)
        if self.deliver(other, random, expected=409):
            with self.lock:
                self.conflicts += 1

    def deliver(self, rating, random, first=0, expected=200):
        """Send a rating until the answer is `expected`; returns whether that happened."""
        for turn in itertools.count(first):
            if self.is_given_up:
                return False
            manner = random.choices(list(MANNERS), MANNERS.values())[0]
            answer = self.send(rating, random, turn, manner)
            if answer is None:
                time.sleep(random.uniform(0, 0.2))
                continue
            if not answer.is_allowed(expected):
                with self.lock:
                    self.unexpected[str(answer)] += 1
            if answer.status >= 500:
                time.sleep(random.uniform(0, LONGEST_WAIT))
                continue
            if answer.status == expected == 200:
                self.acknowledge(rating)
            return answer.status == expected

    def acknowledge(self, rating):
        with self.lock:
            now = time.monotonic()
            self.longest_gap = max(self.longest_gap, now - self.last_acknowledgement)
            self.last_acknowledgement = now
            self.acknowledged += not rating.is_acknowledged
            rating.is_acknowledged = True

    def send(self, rating, random, turn, manner):
        """Send one request; returns its Answer, or None if it was not read or did not arrive."""
        server = self.servers[turn % len(self.servers)]
        media_type, body = rating.encode(random)
        head = (
            f"POST /score HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request = head.encode() + body
        answer = sent = None
        began = time.monotonic()
        try:
            with socket.create_connection((HOST, server.port), timeout=TIMEOUT) as connection:
                if manner == "half request":
                    connection.sendall(request[: random.randrange(1, len(request))])
                else:
                    rating.is_whole = True
                    connection.sendall(request)
                    sent = time.monotonic()
                if manner == "half reply":
                    connection.recv(random.randrange(1, 100))
                elif manner == "whole":
                    answer = read_answer(connection)
                elif random.random() < 0.5:  # hang up with a reset instead of FIN
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, HTTPException):
            pass
        self.count(server, manner, answer, began, sent, time.monotonic())
        return answer

    def count(self, server, manner, answer, began, sent, now):
        with self.lock:
            self.requests += 1
            self.too_slow += now - began > SLOWEST_ALLOWED
            if manner != "whole":
                return
            if answer:
                self.answers[answer.status] += 1
                self.slowest = max(self.slowest, now - began)
            else:
                self.no_answers += 1
            if sent and sent + ACCEPTED_AFTER <= server.terminated_at <= now:
                if answer:
                    self.finished += 1
                else:
                    self.cut_off += 1
            elif sent and not answer and server.is_stopping:
                self.refused_by_stop += 1


def read_answer(connection):
    response = HTTPResponse(connection, method="POST")
    response.begin()
    body = response.read().decode(errors="replace")
    headers = [response.headers.get(name) for name in ("Content-Type", "Retry-After", "X-Score-Error")]
    return Answer(response.status, body, *headers)
