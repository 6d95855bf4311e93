"""`make bench-office`: the pages of the back office at two sizes, and stock admin beside it, each with one worker.

The environment sets BENCH_OFFICE_ROWS (10000000,10000: ratings; there is one dispatch for five of them),
BENCH_ROUNDS (7) and BENCH_OUT (the file to write the tables into).
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import office_downloads as downloads
from office_browser import LIMIT_SECONDS, ROUNDS, Site
from office_pages import TIME_ZONE, Choices, linked_page, lists, page_at, single_pages, tasks, tuned
from output import publish
from processes import Failure, Server, end_in_order
from stacks import BENCH, PROJECT, PROJECT_PYTHON, PROJECT_SETTINGS, manage
from store import URL, Store

SIZES = sorted({int(rows) for rows in (os.environ.get("BENCH_OFFICE_ROWS") or "10000000,10000").split(",")})
EXPORTS = (10_000, 100_000)  # rows
MEDIAN_MS, WORST_MS, RATIO = 100, 300, 2
SETTINGS = {**PROJECT_SETTINGS, "TIME_ZONE": TIME_ZONE}
WORKER = {"WEB_WORKERS": 1, "WEB_THREADS": 4}
STOCK_GUNICORN = [BENCH / "peers/stock_admin/.venv/bin/gunicorn", "--bind=127.0.0.1:{port}", f"--chdir={BENCH}"]
# as in deploy/gunicorn.conf.py
STOCK_GUNICORN += ["--worker-class=gthread", "--workers=1", "--threads=4", "--timeout=60"]
STOCK_GUNICORN += ["--no-control-socket", "--access-logfile=-", "peers.stock_admin.wsgi"]

# What sample_data does not make: the work of the user who asks, withdrawals, and jobs. Prints the key of a session.
PREPARE = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from grades.models import Account, Credit, Grade, Job, Withdrawal
from grades.models.reviews import Assignment
user = get_user_model().objects.get(username="admin")
for state in ("new", "followed_up"):
    ratings = Grade.objects.in_state(state).at_or_below(2).newest_first()[:300]
    Assignment.objects.bulk_create(Assignment(grade=rating, assignee=user) for rating in ratings)
if not Credit.objects.exists():  # a small sample
    Credit.objects.bulk_create(
        Credit(account=dispatch, credit_amount=dispatch.credit_amount, confirmed_by=user)
        for dispatch in Account.objects.all()[::20]
    )
credits = Credit.objects.order_by("-confirmed_at", "-id")[:100_000]
Withdrawal.objects.bulk_create(
    (Withdrawal(credit=credit, reason="Confirmed for another number", withdrawn_by=user) for credit in credits[::20]),
    batch_size=1000,
)
job = {"kind": "export", "owner": user, "state": "done", "done": 30_000, "total": 30_000}
Job.objects.bulk_create(Job(**job, finished_at=timezone.now()) for _job in range(60))
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.save()
print(session.session_key)
"""


@dataclass
class Results:
    """What one database gave: see `time_pages`, `time_tasks` and `time_exports`."""

    pages: dict = field(default_factory=dict)
    tasks: dict = field(default_factory=dict)
    exports: dict = field(default_factory=dict)
    failures: list = field(default_factory=list)


class Jobs(Server):
    """The process of the background jobs; it listens to nobody."""

    def wait_until_it_listens(self):
        pass


def say(text):
    print(text, file=sys.stderr, flush=True)


def fill(store, database, rows):
    url = store.url(database)
    begin = time.monotonic()
    manage(url, "migrate", "--no-input", "--verbosity=0")
    manage(url, "sample_data", f"--grades={rows}", f"--accounts={rows // 5}")
    say(f"{rows:,} ratings: filled in {time.monotonic() - begin:.0f} s")
    store.query(f"ANALYZE TABLE {database}.grade, {database}.account, {database}.credit")
    days = "SELECT DATEDIFF(MAX(insert_time), MIN(insert_time)) FROM {0}.grade"
    counted = "SELECT COUNT(*) FROM {0}.daily_score WHERE until IS NOT NULL"
    [(missing,)] = store.query(f"SELECT ({days}) - ({counted}) > 1".format(database))
    if missing or not store.query(f"SELECT * FROM {database}.recounted_until"):
        begin = time.monotonic()
        manage(url, "rebuild_daily_scores")
        say(f"{rows:,} ratings: figures computed in {time.monotonic() - begin:.0f} s")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "DATABASE_URL": url, **SETTINGS}
    command = [PROJECT_PYTHON, PROJECT / "manage.py", "shell", "--verbosity=0", "--command", PREPARE]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


def measure(store, rows, folder):
    database = f"office_{rows}"
    session = fill(store, database, rows)
    choices, results = Choices(store, database), Results()
    settings = {**SETTINGS, **WORKER, "DATABASE_URL": store.url(database), "PORT": "{port}"}
    own = {"DJANGO_SETTINGS_MODULE": "office_settings", "PYTHONPATH": BENCH, "JOBS_DIR": Path(folder, database)}
    gunicorn = [PROJECT / ".venv/bin/gunicorn", "--config", PROJECT / "deploy/gunicorn.conf.py"]
    run_jobs = [PROJECT_PYTHON, PROJECT / "manage.py", "run_jobs"]
    with Site("office", gunicorn, folder, store, database, session, **settings, **own) as office:
        begin = time.monotonic()
        results.pages = time_pages(office, choices)
        say(f"{rows:,} ratings: the pages took {time.monotonic() - begin:.0f} s")
        with (
            Site("stock", STOCK_GUNICORN, folder, store, database, session, **settings) as stock,
            Jobs("jobs", run_jobs, folder, **settings, **own) as jobs,
        ):
            begin = time.monotonic()
            results.tasks = time_tasks(office, stock, choices)
            results.exports = time_exports(office, jobs, stock, choices)
            say(f"{rows:,} ratings: the pages and exports beside stock admin took {time.monotonic() - begin:.0f} s")
            results.failures = office.failures + stock.failures
    return results


def time_pages(office, choices):
    """{group: {name: {place: Timing}}}; a page without a list has the place "first" alone."""
    timings = {
        group: {name: {"first": office.time(page)} for name, page in pages.items()}
        for group, pages in single_pages(choices).items()
    }
    for group, pages in lists(choices).items():
        timings[group] = {name: time_list(office, first) for name, first in pages.items()}
    return timings


def time_list(office, first):
    timings = {"first": office.time(first)}
    for place in ("next", "last"):
        if page := linked_page(first, timings["first"].text, place):
            timings[place] = office.time(page)
    return timings


def time_tasks(office, stock, choices):
    """{task: (Timing of the office, of stock admin, of stock admin without its slow options)}."""
    return {
        task: (office.time(page_at(office, ours, place)), stock.time(stocks), stock.time(tuned(stocks)))
        for task, (ours, place, stocks) in tasks(choices).items()
    }


def time_exports(office, jobs, stock, choices):
    """{(rows, format): (Download of the office, Download of stock admin)}."""
    found = {}
    for wanted in sorted({min(number, choices.ratings // 2) for number in EXPORTS}):
        first, last, rows = choices.period_of(wanted)
        ours, stocks = downloads.export_of_office(first, last), downloads.export_of_stock(first, last)
        for file_format in downloads.FORMATS:
            found[rows, file_format] = (
                downloads.measure(office, ours, file_format, rows, [office.server, jobs]),
                downloads.measure(stock, stocks, file_format, rows, [stock.server]),
            )
    return found


def load_time_zones():
    """Stock admin's navigation by date asks the database for its time zones."""
    for zone in ("UTC", TIME_ZONE):
        command = ["mariadb-tzinfo-to-sql", f"/usr/share/zoneinfo/{zone}", zone]
        sql = subprocess.run(command, check=True, capture_output=True).stdout
        client = ["mariadb", "--no-defaults", f"--host={URL.hostname}", f"--port={URL.port}", f"--user={URL.username}"]
        subprocess.run([*client, "mysql"], env=os.environ | {"MYSQL_PWD": URL.password}, input=sql, check=True)


# --- Tables ---------------------------------------------------------------------------------------


def written(timing):
    if timing is None:
        return "–"
    if timing.problem:
        return timing.problem
    text = f"{timing.median:,.0f} ({timing.worst:,.0f})"
    return text if timing.text else f"refused: {text}"


def ratio(large, small):
    """How much longer a page takes in the large database, or None if the small one has not half as much to show."""
    if not (large and small and large.median and small.median) or len(small.text) < len(large.text) / 2:
        return None
    return large.median / small.median


def highest(values, form):
    return form.format(max(found)) if (found := [value for value in values if value is not None]) else "–"


def table_of_pages(group, large, small, sizes):
    """A row for each page or list: the large database in full, of the small one the highest median."""
    places = sorted({place for timings in large.values() for place in timings}, key=("first", "next", "last").index)
    headings = [group, *(places if len(places) > 1 else ["median (worst)"]), "CPU"]
    if small:
        headings += [f"at {sizes[0]:,}", "ratio"]
    lines = [f"| {' | '.join(headings)} |", f"| --- |{' ---: |' * (len(headings) - 1)}"]
    for name, timings in large.items():
        cells = [name, *(written(timings.get(place)) for place in places)]
        cells.append(highest((timing.cpu for timing in timings.values()), "{:,.0f}"))
        if small:
            cells.append(highest((timing.median for timing in small[name].values()), "{:,.0f}"))
            ratios = (ratio(timing, small[name].get(place)) for place, timing in timings.items())
            cells.append(highest(ratios, "{:.1f}"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(large, small):
    all_timings = [
        (timing, small.get(group, {}).get(name, {}).get(place))
        for group, rows in large.items()
        for name, timings in rows.items()
        for place, timing in timings.items()
    ]
    slow = sum(1 for each, _small in all_timings if each.problem or each.median > MEDIAN_MS or each.worst > WORST_MS)
    text = f"Over {MEDIAN_MS} ms at the median or {WORST_MS} ms at worst: {slow} of {len(all_timings)} pages."
    if small:
        ratios = [found for pair in all_timings if (found := ratio(*pair))]
        slower = sum(found > RATIO for found in ratios)
        text += f" Over {RATIO} times what the small database takes: {slower} of {len(ratios)}."
    return text


def table_of_tasks(results):
    sizes = sorted(results, reverse=True)
    headings = " | ".join(f"{rows:,}: ours | stock admin | tuned" for rows in sizes)
    lines = [f"| page | {headings} |", f"| --- |{' ---: |' * (3 * len(sizes))}"]
    for task in results[sizes[0]].tasks:
        cells = [written(timing) for rows in sizes for timing in results[rows].tasks[task]]
        lines.append(f"| {task} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table_of_exports(exports):
    lines = [
        "| export | ours: s | MiB | django-import-export: s | MiB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for (number, file_format), both in exports.items():
        cells = [f"{number:,} ratings, {file_format.upper()}"]
        for each in both:
            cells.append(f"> {LIMIT_SECONDS}" if each.seconds is None else f"{each.seconds:.1f}")
            cells.append("–" if each.memory is None else f"{each.memory:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(store, results):
    sizes = sorted(results)
    large, small = results[sizes[-1]].pages, results[sizes[0]].pages if len(sizes) > 1 else {}
    about = (
        f"MariaDB {store.version}, Python {platform.python_version()}, {os.cpu_count()} cores, one worker of gunicorn. "
        f"{sizes[-1]:,} ratings. Milliseconds: the median of {ROUNDS} requests after one to warm up, and the worst. "
        f"The load of the machine was {os.getloadavg()[2]:.1f} over the last 15 minutes."
    )
    pages = [table_of_pages(group, rows, small.get(group), sizes) for group, rows in large.items()]
    beside = ["**Beside stock admin**", table_of_tasks(results), table_of_exports(results[sizes[-1]].exports)]
    return "\n\n".join([about, *pages, summary(large, small), *beside])


def main():
    store = Store()
    load_time_zones()
    with tempfile.TemporaryDirectory() as folder:
        manage(store.url(), "collectstatic", "--no-input", "--verbosity=0")
        try:
            results = {rows: measure(store, rows, folder) for rows in SIZES}
        except Failure as failure:
            sys.exit(f"bench-office: FAILED: {failure}")
    text = report(store, results)
    if failures := [failure for found in results.values() for failure in found.failures]:
        print(text)
        sys.exit("\n".join(["bench-office: FAILED:", *failures]))
    publish(text, "make bench-office")


if __name__ == "__main__":
    end_in_order()
    main()
