"""A member of staff who opens the list of ratings again and again: an answer is the list, or a page that says wait."""

import http.client
import threading
import time
from collections import Counter

from torture.machines import HOST

LIST = "/admin/grades/grade/"
PAUSE = 0.3  # seconds between two pages
TIMEOUT = 30
LOG_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.create_superuser("cluster"))
print(client.cookies["sessionid"].value)
"""


class Office(threading.Thread):
    def __init__(self, server, session):
        super().__init__(daemon=True)
        self.server = server
        self.headers = {"Cookie": f"sessionid={session}", "Accept-Language": "en"}
        self.is_over = False
        self.answers = Counter()
        self.unexpected = Counter()
        self.slowest = 0.0

    def run(self):
        while not self.is_over:
            began = time.monotonic()
            status, page = self.look()
            self.answers[status] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if (status, is_list(page), is_notice(page)) not in ((200, True, False), (503, False, True)):
                self.unexpected[f"{status} {page[:200]!r}"] += 1
            time.sleep(PAUSE)

    def look(self):
        connection = http.client.HTTPConnection(HOST, self.server.port, timeout=TIMEOUT)
        try:
            connection.request("GET", LIST, headers=self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as error:
            return type(error).__name__, ""
        finally:
            connection.close()


def is_list(page):
    return 'id="result_list"' in page


def is_notice(page):
    return "<h1>The data cannot be reached</h1>" in page
