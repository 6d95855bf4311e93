"""Exports by a browser: the time until the file is there, and the most memory of a process that makes it."""

import csv
import io
import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from office_browser import LIMIT_SECONDS, TooSlow
from office_pages import RATINGS, STOCK, address, stock_days
from processes import Failure, most_memory, reset_most_memory

FORMATS = ("csv", "xlsx")


@dataclass(frozen=True)
class Download:
    seconds: float | None = None  # None for more than LIMIT_SECONDS
    memory: float | None = None  # MiB


def measure(site, export, file_format, rows, servers):
    """The `Download` of an export that one of `servers` makes, and a check of its rows."""
    for server in servers:
        reset_most_memory(server.process.pid)
    begin = time.perf_counter()
    try:
        content = export(site, file_format)
    except TooSlow as slow:
        return Download(None, slow.memory)
    took = time.perf_counter() - begin
    if file_format == "csv":
        found = sum(1 for _row in csv.reader(io.StringIO(content.decode("utf-8-sig")))) - 1
        if found != rows:
            raise Failure(f"{site.database}: an export has {found} rows, not {rows}")
    elif content[:2] != b"PK":
        raise Failure(f"{site.database}: an export is not XLSX")
    return Download(took, max(most_memory(server.process.pid) for server in servers))


def export_of_office(first, last):
    """The button on our list: the file, or the page of the job that makes it."""

    def export(site, file_format):
        end = time.monotonic() + LIMIT_SECONDS
        path = address(f"{RATINGS}export/", {"from": first, "to": last})
        status, headers, content = site.send("POST", path, {"format": file_format})
        if status == 200:
            return content
        job = urlsplit(headers["Location"]).path
        if not re.fullmatch("/jobs/[0-9]+", job):
            raise Failure(f"{path} leads to {job}")
        while b"data-finished" not in (page := site.send("GET", job)[2]):
            if time.monotonic() > end:
                raise TooSlow
            time.sleep(0.1)
        if b"This job is done" not in page:
            raise Failure(f"{path}: the job has failed")
        return site.send("GET", f"{job}/file")[2]

    return export


def export_of_stock(first, last):
    """The form of django-import-export, with all columns ticked, as it is shown."""

    def export(site, file_format):
        path = address(f"{STOCK[RATINGS]}export/", stock_days("insert_time", first, last))
        form = site.send("GET", path)[2].decode()
        columns = re.findall(r'<input type="checkbox" name="([^"]+)"', form)
        fields = dict.fromkeys(columns, "on") | {"resource": "0", "format": str(FORMATS.index(file_format))}
        status, headers, content = site.send("POST", path, fields)
        if status != 200 or "attachment" not in headers.get("Content-Disposition", ""):
            raise Failure(f"{path} answers {status} without a file")
        return content

    return export
