"""`make bench-office`: the pages of the back office at two sizes, through the real site with one worker.

The environment sets BENCH_OFFICE_ROWS (10000000,10000: ratings; there is one dispatch for five of them),
BENCH_ROUNDS (7) and BENCH_OUT (the file to write the table into). A database with sample data is not filled again.
"""

import http.client
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from processes import Failure, Server, cpu_seconds, end_in_order
from stacks import PROJECT, PROJECT_PYTHON, PROJECT_SETTINGS, manage
from store import Store

SIZES = [int(rows) for rows in (os.environ.get("BENCH_OFFICE_ROWS") or "10000000,10000").split(",")]
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 7)
BEGIN, END = "<!-- made by make bench-office: begin -->", "<!-- made by make bench-office: end -->"
MEDIAN_MS, WORST_MS = 100, 300

RATINGS, DISPATCHES = "/admin/grades/grade/", "/admin/grades/account/"
LISTS = [
    ("ratings", RATINGS, {}),
    ("ratings: new", RATINGS, {"review": "new"}),
    ("ratings: closed", RATINGS, {"review": "closed"}),
    ("ratings: 1 or below", RATINGS, {"lowest": "1"}),
    ("ratings: 4 or below", RATINGS, {"lowest": "4"}),
    ("ratings: with remarks", RATINGS, {"remarks": "yes"}),
    ("ratings: without remarks", RATINGS, {"remarks": "no"}),
    ("ratings: new, 2 or below", RATINGS, {"review": "new", "lowest": "2"}),
    ("ratings: new, 2 or below, with remarks", RATINGS, {"review": "new", "lowest": "2", "remarks": "yes"}),
    ("ratings: 2 or below, with remarks", RATINGS, {"lowest": "2", "remarks": "yes"}),
    ("ratings: the last 7 days", RATINGS, {"from": "-7"}),
    ("ratings: a year", RATINGS, {"from": "-500", "to": "-135"}),
    ("ratings: a month, 2 or below", RATINGS, {"from": "-60", "to": "-30", "lowest": "2"}),
    ("ratings: a month, without remarks", RATINGS, {"from": "-60", "to": "-30", "remarks": "no"}),
    ("ratings: of a number", RATINGS, {"q": '"13800138000"'}),
    ("ratings: of a number with 1,000 ratings, new", RATINGS, {"q": '"13800130002"', "review": "new"}),
    ("ratings: prefix of 7 digits", RATINGS, {"q": "1380230"}),
    ("ratings: prefix of 7 digits, new, 1 or below", RATINGS, {"q": "1380230", "review": "new", "lowest": "1"}),
    ("ratings: prefix of 3 digits", RATINGS, {"q": "138"}),
    ("ratings: words in remarks", RATINGS, {"words": "掉线"}),
    ("ratings: words in remarks, new, 2 or below", RATINGS, {"words": "掉线", "review": "new", "lowest": "2"}),
    ("ratings: last four digits", RATINGS, {"q": "*8000"}),
    ("ratings: a customer's name", RATINGS, {"q": "王秀英"}),
    ("dispatch list", DISPATCHES, {}),
    ("dispatch list: a month", DISPATCHES, {"from": "-60", "to": "-30"}),
    ("dispatch list: prefix of 7 digits", DISPATCHES, {"q": "1380230"}),
    ("dispatch list: last four digits", DISPATCHES, {"q": "*8000"}),
    ("dispatch list: a customer's name", DISPATCHES, {"q": "王秀英"}),
    ("dispatch list: the beginning of a name", DISPATCHES, {"q": "王"}),
    ("dispatch list: an area", DISPATCHES, {"area": "城东"}),
    ("dispatch list: an area, a month", DISPATCHES, {"area": "城东", "from": "-60", "to": "-30"}),
    ("credits", "/admin/grades/credit/", {}),
    ("conflicts", "/admin/grades/conflict/", {}),
    ("conflicts: open", "/admin/grades/conflict/", {"state": "open"}),
]  # fmt: skip

SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
user = get_user_model().objects.get(username="admin")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.save()
print(session.session_key)
"""


class Browser:
    """A logged-in member of staff with a kept connection."""

    def __init__(self, server, store, session):
        self.server, self.store = server, store
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self.headers = {"Cookie": f"sessionid={session}", "Accept-Language": "en"}

    def get(self, address):
        """Returns (milliseconds, text)."""
        begin = time.perf_counter()
        self.connection.request("GET", address, headers=self.headers)
        reply = self.connection.getresponse()
        text = reply.read().decode()
        took = (time.perf_counter() - begin) * 1000
        if reply.status == 302 and reply.headers["Location"].endswith("?e=1"):
            return took, ""  # refused with a message
        if reply.status != 200:
            raise Failure(f"{address} answers {reply.status}")
        return took, text

    def time(self, address):
        """(median, worst, CPU of worker and database for each) of ROUNDS after one to warm up, in milliseconds."""
        self.get(address)
        before = self.cpu_seconds()
        times = [self.get(address)[0] for _round in range(ROUNDS)]
        return median(times), max(times), (self.cpu_seconds() - before) / ROUNDS * 1000

    def cpu_seconds(self):
        return cpu_seconds(self.server.process.pid) + self.store.cpu_seconds()


def addresses(browser, path, filters, newest):
    """{page: address} of the first, next and last page of a list; days are relative to the newest rating."""
    days = {name: str(newest + int(text)) for name, text in filters.items() if name in ("from", "to")}
    query = {
        **filters,
        **{name: time.strftime("%Y-%m-%d", time.gmtime(int(day) * 86400)) for name, day in days.items()},
    }
    address = f"{path}?{urlencode(query)}"
    text = browser.get(address)[1].replace("&amp;", "&")
    found = {"first": address} if text else {"refused": address}
    for page in ("next", "last"):
        if match := re.search(f'<a rel="{page}" href="([^"]+)"', text):
            found[page] = path + match[1]
    return found


def measure(store, rows, folder):
    """{(list, page): (median, worst, CPU)} at this number of ratings."""
    database = f"office_{rows}"
    url = store.url(database)
    begin = time.monotonic()
    manage(url, "migrate", "--no-input", "--verbosity=0")
    manage(url, "sample_data", "--if-empty", f"--grades={rows}", f"--accounts={rows // 5}")
    print(f"{rows:,} ratings: filled in {time.monotonic() - begin:.0f} s", file=sys.stderr)
    store.query(f"ANALYZE TABLE {database}.grade, {database}.account")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "DATABASE_URL": url, **PROJECT_SETTINGS}
    command = [PROJECT_PYTHON, PROJECT / "manage.py", "shell", "--verbosity=0", "--command", SESSION]
    session = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()[-1]
    [(newest,)] = store.query(f"SELECT DATEDIFF(MAX(insert_time), '1970-01-01') FROM {database}.grade")
    gunicorn = [PROJECT / ".venv/bin/gunicorn", "--config", PROJECT / "deploy/gunicorn.conf.py"]
    settings = {**PROJECT_SETTINGS, "DATABASE_URL": url, "PORT": "{port}", "WEB_WORKERS": 1}
    with Server(database, gunicorn, folder, **settings) as server:
        browser = Browser(server, store, session)
        return {
            (name, page): browser.time(address)
            for name, path, filters in LISTS
            for page, address in addresses(browser, path, filters, newest).items()
        }


def table(figures):
    """The figures of each size side by side, and the ratio of the medians of the largest to the smallest."""
    lines = [
        "| list | page | " + " | ".join(f"{rows:,}: median (worst) | CPU" for rows in figures) + " | ratio |",
        "| --- | --- |" + " ---: |" * (2 * len(figures) + 1),
    ]
    for name, page in max(figures.values(), key=len):
        cells = [sizes.get((name, page)) for sizes in figures.values()]
        texts = [f"{cell[0]:.0f} ({cell[1]:.0f}) | {cell[2]:.0f}" if cell else "– | –" for cell in cells]
        ratio = f"{cells[0][0] / cells[-1][0]:.1f}" if all(cells) else "–"
        lines.append(f"| {name} | {page} | {' | '.join(texts)} | {ratio} |")
    return "\n".join(lines)


def main():
    store = Store()
    with tempfile.TemporaryDirectory() as folder:
        manage(store.url(), "collectstatic", "--no-input", "--verbosity=0")
        figures = {rows: measure(store, rows, folder) for rows in sorted(SIZES, reverse=True)}
    slow = [key for key, (mid, worst, _cpu) in figures[max(figures)].items() if mid > MEDIAN_MS or worst > WORST_MS]
    about = (
        f"MariaDB {store.version}, Python {platform.python_version()}, {os.cpu_count()} cores, one worker of gunicorn. "
        f"Milliseconds, of {ROUNDS} requests after one to warm up. CPU: of worker and database, for each request. "
        f"The load of the machine was {os.getloadavg()[2]:.1f} over the last 15 minutes."
    )
    over = f"Over {MEDIAN_MS} ms at the median or {WORST_MS} ms at worst: {len(slow)} of {len(figures[max(figures)])}."
    text = f"{about}\n\n{table(figures)}\n\n{over}"
    print(text)
    if path := os.environ.get("BENCH_OUT"):
        before, _begin, rest = Path(path).read_text().partition(BEGIN)
        Path(path).write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    end_in_order()
    main()
