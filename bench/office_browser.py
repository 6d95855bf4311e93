"""A member of staff with a browser, and the site that answers: the office, or stock admin on the same database."""

import http.client
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import SimpleCookie
from statistics import median
from urllib.parse import urlencode

import MySQLdb
from processes import Failure, Server, cpu_seconds, most_memory

ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 7)
LIMIT_SECONDS = 60  # of one request
PAGE_SECONDS = 10  # of all rounds of a slow page
FORM = "/admin/password_change/"  # of both sites; sets the cookie against forged requests


class TooSlow(Exception):
    """No answer within LIMIT_SECONDS; `memory` is the most that a process of the server had, in MiB."""

    def __init__(self, memory=None):
        self.memory = memory


@dataclass(frozen=True)
class Page:
    address: str
    expects: str  # a regular expression that shows that this is the page
    fields: dict | None = None  # of a POST
    may_be_refused: bool = False


@dataclass(frozen=True)
class Timing:
    """Milliseconds; CPU is that of worker and database for each request. They are None if there is a problem."""

    median: float | None = None
    worst: float | None = None
    cpu: float | None = None
    text: str = ""  # empty if the page was refused
    problem: str = ""


class Site:
    """A logged-in member of staff at a site with one worker. `with` starts and stops the server."""

    def __init__(self, name, command, folder, store, database, session, **environment):
        self.arguments = (name, command, folder)
        self.environment = environment
        self.store, self.database = store, database
        self.cookies = {"sessionid": session}
        self.server = None
        self.failures = []  # of pages; the others are measured nevertheless

    def __enter__(self):
        self.server = Server(*self.arguments, **self.environment).__enter__()
        return self

    def __exit__(self, *exception):
        self.server.__exit__(*exception)

    def restart(self):
        """Worker and database would go on with a request whose browser has left."""
        self.kill_queries()
        self.__exit__()
        self.kill_queries()  # the request may have begun another one
        self.__enter__()

    def kill_queries(self):
        running = "SELECT id FROM information_schema.processlist WHERE db = %s AND command <> 'Sleep'"
        for (number,) in self.store.query(running, [self.database]):
            with suppress(MySQLdb.OperationalError):  # it has ended
                self.store.query(f"KILL {number}")

    def send(self, method, address, fields=None, **headers):
        """Returns (status, headers, body). Raises `TooSlow`, with a restarted server."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers |= {"Cookie": cookies, "Accept-Language": "en"}
        body = None
        if fields is not None:
            if "csrftoken" not in self.cookies:
                self.send("GET", FORM)
            body = urlencode([("csrfmiddlewaretoken", self.cookies["csrftoken"]), *fields.items()])
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        # A connection for each request: the server closes one that was idle between two.
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=LIMIT_SECONDS)
        try:
            connection.request(method, address, body, headers)
            reply = connection.getresponse()
            content = reply.read()
        except TimeoutError:
            memory = most_memory(self.server.process.pid)
            self.restart()
            raise TooSlow(memory) from None
        except ConnectionError:
            raise self.server.failure("does not answer") from None
        finally:
            connection.close()
        for line in reply.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return reply.status, reply.headers, content

    def ask(self, page):
        """The text of a page, "" if it was refused with a message. Any other answer is a failure."""
        if page.fields is None:
            status, headers, content = self.send("GET", page.address)
        else:
            # as the script of the query page
            ajax = {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}
            status, headers, content = self.send("POST", page.address, page.fields, **ajax)
        if page.may_be_refused and status == 302 and headers["Location"].endswith("?e=1"):
            return ""
        text = content.decode()
        if status != 200:
            raise self.server.failure(f"answers {page.address} with {status}")
        if not re.search(page.expects, text):
            raise Failure(f"{page.address} does not match {page.expects}")
        return text

    def time(self, page):
        """The `Timing` of ROUNDS requests, of a slow page fewer, after one to warm up."""
        try:
            begin = time.perf_counter()
            text = self.ask(page)
            rounds = max(1, min(ROUNDS, int(PAGE_SECONDS / (time.perf_counter() - begin))))
            times, cpu = [], self.cpu_seconds()
            for _round in range(rounds):
                begin = time.perf_counter()
                self.ask(page)
                times.append((time.perf_counter() - begin) * 1000)
        except TooSlow:
            return Timing(problem=f"> {LIMIT_SECONDS} s")
        except Failure as failure:
            self.failures.append(str(failure))
            return Timing(problem="failed")
        cpu = (self.cpu_seconds() - cpu) / rounds * 1000
        return Timing(median(times), max(times), cpu, text)

    def cpu_seconds(self):
        return cpu_seconds(self.server.process.pid) + self.store.cpu_seconds()
