"""Phones that send ratings without an end and never send one again, while something happens to the site."""

import http.client
import json
import select
import socket
import threading
import time
import uuid
from collections import Counter

from .machine import Failed
from .site import DOMAIN, SUCCESS, expect

KEPT, FRESH = 8, 4  # connections that are kept, and phones that open one for each rating
PAUSE = 0.05  # seconds between two ratings of a phone
STORED = "stored"


class Load:
    """`with Load(site) as load:` sends ratings and asks for a page of the office; then `load.check()`."""

    def __init__(self, site):
        self.site = site
        self.prefix = f"138{time.time_ns() // 1000 % 10**6:06d}"
        self.outcomes, self.pages = Counter(), Counter()
        self.acknowledged = set()
        self.slowest = 0.0
        self.lock = threading.Lock()
        self.is_over = threading.Event()
        # An address each: nginx limits the rate of one address.
        addresses = site.machine.network.add_phones(KEPT + FRESH + 1)
        self.threads = [
            threading.Thread(target=self.send, args=(f"{self.prefix}{index:02d}", address, index < KEPT))
            for index, address in enumerate(addresses[:-1])
        ]
        self.threads.append(threading.Thread(target=self.read_pages, args=(addresses[-1],)))

    def connect(self, address):
        plain = socket.create_connection((self.site.machine.address, 443), 20, source_address=(address, 0))
        connection = http.client.HTTPConnection(DOMAIN)
        connection.sock = self.site.context.wrap_socket(plain, server_hostname=DOMAIN)
        connection.auto_open = 0  # a second connection would be a second attempt
        return connection

    def send(self, number, address, keeps):
        connection = None
        while not self.is_over.wait(PAUSE):
            submission, began = uuid.uuid4().hex, time.monotonic()
            try:
                # A connection that the server has closed meanwhile is not used, as in each library for HTTP.
                if connection and select.select([connection.sock], [], [], 0)[0]:
                    connection.close()
                    connection = None
                connection = connection or self.connect(address)
                outcome = self.rate(connection, number, submission)
            except Exception as error:  # whatever it is, the customer's rating failed
                outcome = f"{type(error).__name__}: {error}"
            with self.lock:
                self.outcomes[outcome] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                if outcome == STORED:
                    self.acknowledged.add(submission)
            if connection and (not keeps or outcome != STORED or not connection.sock):
                connection.close()
                connection = None

    def rate(self, connection, number, submission):
        rating = {"acc_nbr": number, "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "好", "submission_id": submission}
        connection.request("POST", "/score", json.dumps(rating), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read().decode()
        return STORED if (reply.status, text) == (200, f'"{SUCCESS}"') else f"{reply.status} {text[:80]}"

    def read_pages(self, address):
        while not self.is_over.wait(PAUSE * 2):
            try:
                connection = self.connect(address)
                connection.request("GET", "/query")  # without a session: a redirect, by the office
                outcome = str(connection.getresponse().status)
                connection.close()
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
            self.pages[outcome] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def check(self):
        """Fail unless each rating was acknowledged and is stored once, and each page came; a remark for the table."""
        sent, pages = self.outcomes.total(), self.pages.total()
        if self.outcomes[STORED] != sent or sent < 100:
            raise Failed(f"{sent - self.outcomes[STORED]} of {sent} ratings failed: {self.outcomes.most_common(5)}")
        rows = self.site.query(f"SELECT submission_id FROM grade WHERE acc_nbr LIKE '{self.prefix}%'")
        expect("lost ratings", set(), self.acknowledged - set(rows))
        expect("rows of the ratings", sent, len(rows))
        if self.pages["302"] != pages:
            raise Failed(f"{pages - self.pages['200']} of {pages} pages failed: {self.pages.most_common(5)}")
        return f"0 of {sent} failed, slowest {self.slowest:.1f} s"
