"""Hostile files on the import page of a real server: refused within seconds, and the site answers meanwhile."""

import http.client
import os
import re
import threading
import time
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry

from grades.models import Account

from ..helpers.files import CHINESE, csv_file
from ..helpers.hostile import many_texts, one_text_in_many_cells, two_sheets_of_one_name
from ..helpers.office import IMPORT, log_in
from ..helpers.servers import request
from ..helpers.submissions import FORM, raw_form

pytestmark = pytest.mark.django_db(transaction=True)

CSRF = "c" * 32
HEADING = (",".join(CHINESE) + "\n").encode()
SECONDS = 5  # of a machine that has nothing else to do


def upload(server, user, content, name):
    """(status, the page as text) after an upload in the back office."""
    session = log_in(user).cookies["sessionid"].value
    body = (
        f'--b\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{CSRF}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
    connection.request(
        "POST",
        IMPORT,
        body + content + b"\r\n--b--\r\n",
        {
            "Accept-Language": "en",
            "Cookie": f"sessionid={session}; csrftoken={CSRF}",
            "Content-Type": "multipart/form-data; boundary=b",
        },
    )
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    return response.status, page


def limit():
    """SECONDS, and as many times more as this machine has runnable processes for each processor."""
    return SECONDS * max(1, os.getloadavg()[0] / os.cpu_count())


def errors(page):
    """The texts of the errors on the import page."""
    found = re.findall(r'<ul class="errorlist"[^>]*>(.*?)</ul>|<p class="errornote"[^>]*>(.*?)</p>', page, re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]*>", "", "".join(texts))).split()) for texts in found]


class Visitor(threading.Thread):
    """Opens the first page and sends ratings until it is stopped; `answers` are (status, seconds)."""

    def __init__(self, server):
        super().__init__()
        self.server, self.answers, self.stopped = server, [], threading.Event()

    def run(self):
        while not self.stopped.is_set():
            for method, path, body in [("GET", "/", None), ("POST", "/score", raw_form())]:
                began = time.monotonic()
                status, _, _ = request(self.server, method, path, body, {"Content-Type": FORM})
                self.answers.append((status, time.monotonic() - began))


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (
            two_sheets_of_one_name,
            "list.xlsx",
            "Two sheets of the workbook have the same name: rename one of them.",
        ),
        (
            many_texts,
            "list.xlsx",
            "The workbook has too many cells or texts: split it, or save it as .csv.",
        ),
        (
            one_text_in_many_cells,
            "list.xlsx",
            "The cells of the workbook hold too much text: split it, or save it as .csv.",
        ),
        (lambda: HEADING + b"\n" * 19_000_000, "list.csv", "The file has more than 1048576 blank rows: delete them."),
        (
            lambda: HEADING + b"x\n" * 9_000_000,
            "list.csv",
            "More than 1000 errors were found. Nothing was imported, and the rest of the file was not checked.",
        ),
    ],
    ids=["two sheets of one name", "many texts", "one text in many cells", "line feeds", "bad rows"],
)
def test_a_hostile_file_is_refused_while_the_site_answers(server, superuser, make, name, message):
    content = make()
    assert len(content) < 20_000_000
    visitor = Visitor(server)
    visitor.start()
    began = time.monotonic()
    try:
        status, page = upload(server, superuser, content, name)
        seconds = time.monotonic() - began
    finally:
        visitor.stopped.set()
        visitor.join()
    assert (status, errors(page)) == (200, [message])
    assert seconds < limit()
    assert {status for status, _seconds in visitor.answers} == {200}
    assert max(seconds for _status, seconds in visitor.answers) < limit()
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_file_over_the_limit_is_refused_before_it_is_sent(server, superuser):
    session = log_in(superuser).cookies["sessionid"].value
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=10)
    connection.putrequest("POST", IMPORT)
    connection.putheader("Accept-Language", "en")
    connection.putheader("Cookie", f"sessionid={session}; csrftoken={CSRF}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(settings.IMPORT_MAX_MB * 1024 * 1024 + 64 * 1024 + 1))
    connection.endheaders()
    response = connection.getresponse()  # waits for no byte of the body
    assert response.status == 413
    assert "On the server, manage.py import_accounts takes a dispatch list of any size." in response.read().decode()
    connection.close()
    assert not Account.objects.exists()


def test_a_list_is_imported_after_hostile_files(server, superuser):
    upload(server, superuser, two_sheets_of_one_name(), "list.xlsx")
    status, _page = upload(server, superuser, csv_file({}).getvalue(), "list.csv")
    assert status == 200
    assert Account.objects.count() == 1
