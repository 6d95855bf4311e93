"""Compare the stacks side by side and print the tables of docs/performance.md: `make bench`.

The environment sets BENCH_SECONDS (1), BENCH_ROUNDS (10), BENCH_CONNECTIONS (1,16,64), BENCH_ROWS (1000000),
BENCH_STACKS (separated by commas; all by default) and BENCH_OUT (the file to write the tables into).
"""

import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import lookups
from load import check, send_ratings, wrk
from output import publish
from processes import Failure, cpu_seconds, end_in_order
from stacks import PEERS, PROJECT_SERVERS, make_site, manage, office_server, peer_server, project_server
from store import PEER_TABLE, Store, file_system, flush_milliseconds

SECONDS = int(os.environ.get("BENCH_SECONDS") or 1)
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 10)
CONNECTIONS = [int(number) for number in (os.environ.get("BENCH_CONNECTIONS") or "1,16,64").split(",")]
ROWS = int(os.environ.get("BENCH_ROWS") or 1_000_000)
FOLDER = os.environ["TMPDIR"]

DATABASE_ALONE = {"database": "the database alone", "database-indexes": "the database alone, this project's table"}
NAMES = [*PROJECT_SERVERS, *PEERS, *DATABASE_ALONE, "lookups"]
WARM_UP_SECONDS = 1


class Subject:
    """A stack under measurement; the CPU time of a run does not include `before` and `after`."""

    def cpu_seconds(self):
        return cpu_seconds(self.server.process.pid)

    def before(self):
        pass

    def after(self, report):
        pass


class Ratings(Subject):
    """Ratings sent to a server."""

    def __init__(self, server, store):
        self.server, self.store, self.label = server, store, server.label
        check(server, store)
        send_ratings(server, 16, WARM_UP_SECONDS)

    def before(self):
        self.rows = self.store.rows(self.server.table)

    def run(self, connections):
        return send_ratings(self.server, connections, SECONDS)

    def after(self, report):
        stored = self.store.rows(self.server.table) - self.rows
        if stored < report["answers"]:
            raise self.server.failure(f"answered {report['answers']:.0f} ratings and stored {stored}")


class LookUps(Subject):
    """Requests from a file (see lookups.py), sent to a server."""

    def __init__(self, server, label, *arguments):
        self.server, self.label, self.arguments = server, label, arguments
        self.run(16, WARM_UP_SECONDS)

    def run(self, connections, seconds=SECONDS):
        return wrk(self.server, "lookup.lua", self.arguments, connections, seconds)


class Inserts(Subject):
    """Inserts by mariadb-slap, without an application server."""

    def __init__(self, store, table, label):
        self.store, self.table, self.label = store, table, label
        self.rates = {clients: clients * 100 / store.slap(table, clients, clients * 100) for clients in CONNECTIONS}

    def cpu_seconds(self):
        return 0

    def run(self, clients):
        inserts = max(int(self.rates[clients] * SECONDS) // clients, 1) * clients
        seconds = self.store.slap(self.table, clients, inserts)
        self.rates[clients] = inserts / seconds
        return {"answers": inserts, "seconds": seconds}


def measure_once(subject, connections, store):
    subject.before()
    app, database = subject.cpu_seconds(), store.cpu_seconds()
    report = subject.run(connections)
    app, database = subject.cpu_seconds() - app, store.cpu_seconds() - database
    subject.after(report)
    answers = report["answers"]
    return {
        "rate": answers / report["seconds"],
        "app": app / answers * 1000,
        "database": database / answers * 1000,
        "load": report.get("load_cpu", 0) / answers * 1000,
        **{name: report[name] for name in ("p50", "p99") if name in report},
    }


def measure(subjects, store):
    """Measure every subject at each number of connections, in rounds.

    Returns for each (connections, label) the figures by name, a list with one value per round.
    """
    figures = {}
    for number in range(ROUNDS):
        for connections in CONNECTIONS:
            # Every other round in reverse order: after a run the database still writes its pages, and the next
            # subject pays for that.
            for subject in subjects[:: -1 if number % 2 else 1]:
                figure = measure_once(subject, connections, store)
                for name, value in figure.items():
                    figures.setdefault((connections, subject.label), {}).setdefault(name, []).append(value)
                shown = ", ".join(f"{name} {value:.3g}" for name, value in figure.items())
                print(f"round {number + 1}, {connections} connections, {subject.label}: {shown}", flush=True)
    return figures


def measure_ratings(names, store):
    with ExitStack() as running:
        subjects = []
        for name in names:
            if name in PROJECT_SERVERS:
                make_site(store, f"bench_{name}")
                server = project_server(store, name, f"bench_{name}", FOLDER)
            elif name in PEERS:
                server = peer_server(store, name, FOLDER)
            else:
                continue
            subjects.append(Ratings(running.enter_context(server), store))
        if "database" in names:
            store.query(PEER_TABLE.format("rating_database"))
            subjects.append(Inserts(store, "rating_database", DATABASE_ALONE["database"]))
        if "database-indexes" in names:
            make_site(store, "bench_site")
            store.query("CREATE TABLE rating_indexes LIKE bench_site.grade")
            subjects.append(Inserts(store, "rating_indexes", DATABASE_ALONE["database-indexes"]))
        return measure(subjects, store)


def measure_lookups(store):
    url = make_site(store, "bench_site")
    manage(url, "collectstatic", "--no-input", "--verbosity=0")  # a page without static files fails
    began = time.monotonic()
    accounts = store.fill("bench_site", ROWS)
    print(f"{ROWS} ratings and dispatches of {accounts} accounts in {time.monotonic() - began:.0f} s", flush=True)
    with ExitStack() as running:
        office = running.enter_context(office_server(store, "bench_site", FOLDER))
        file = lookups.queries(url, office, accounts, FOLDER)
        subjects = [LookUps(office, "`POST /query`, gunicorn", "POST", "/query", file)]
        for name in PROJECT_SERVERS:
            server = running.enter_context(project_server(store, name, "bench_site", FOLDER))
            file = lookups.results(server, accounts, FOLDER)
            subjects.append(LookUps(server, f"`GET /graderesult`, {name}", "GET", "/graderesult", file))
        return measure(subjects, store)


# --- The tables -----------------------------------------------------------------------------------


def median_and_range(values, form):
    """The median; with several rounds also the least and the greatest value."""
    text = format(median(values), form)
    return text if len(values) < 2 else f"{text} ({min(values):{form}}–{max(values):{form}})"


def ratio(own, other, key):
    """The median of the rounds' ratios: the speed of a shared machine drifts, and least within a round."""
    return f"{median(one / another for one, another in zip(own[key], other[key], strict=True)):.2f}"


def row(label, figure, compared):
    """A row of a table; `compared` is FastAPI's figure, or None if it did not run."""
    cells = [label, median_and_range(figure["rate"], ".0f")]
    cells += [median_and_range(figure[name], ".1f") if name in figure else "–" for name in ("p50", "p99")]
    if any(figure["app"]):
        cells.append(median_and_range(figure["app"], ".2f"))
        if compared is not None:
            cells.append(ratio(figure, compared, "app"))
    else:
        cells += ["–"] * (1 if compared is None else 2)
    return f"| {' | '.join([*cells, median_and_range(figure['database'], '.2f')])} |"


def table(figures, connections, subject, compared=None):
    heads = [subject, "per second", "p50 ms", "p99 ms", "CPU ms each", *(["of FastAPI's"] if compared else [])]
    heads.append("database's CPU ms each")
    yield f"| {' | '.join(heads)} |"
    yield "| --- |" + " ---: |" * (len(heads) - 1)
    for (number, label), figure in figures.items():
        if number == connections:
            yield row(label, figure, compared)


def ratios(figures, connections):
    """The table of ratios: this project beside four of its peers."""
    yield "| this project / peer | CPU | rate | p99 | database's CPU |"
    yield "| --- |" + " ---: |" * 4
    for label in PROJECT_SERVERS.values():
        for peer in (PEERS[name].label for name in ("fastapi", "fastapi-tuned", "drf", "fastify")):
            own, other = (figures.get((connections, name)) for name in (label, peer))
            if own and other:
                cells = (ratio(own, other, key) for key in ("app", "rate", "p99", "database"))
                yield f"| {label} / {peer} | {' | '.join(cells)} |"


def output(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine(store, load):
    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model.split(': ')[1]}), {memory:.0f} GiB, Linux {platform.release()};"
        f" load before the run {load:.1f}. MariaDB {store.version}, every commit flushed, on {file_system(FOLDER)},"
        f" where a flush takes {flush_milliseconds(FOLDER):.2f} ms; Python {platform.python_version()},"
        f" Node {output(['node', '--version'])}. {ROUNDS} rounds of {SECONDS} s: the median (least–greatest)."
    )


def tables(about, ratings, found):
    yield f"{time.strftime('%Y-%m-%d')}: {about}"
    for connections in CONNECTIONS if ratings else ():
        yield f"\n**`POST /score`, {connections} connection{'s' if connections > 1 else ''}**\n"
        compared = ratings.get((connections, PEERS["fastapi"].label))
        yield from table(ratings, connections, "stack", compared)
    middle = CONNECTIONS[len(CONNECTIONS) // 2]
    if len(lines := list(ratios(ratings, middle))) > 2:  # more than the head
        yield f"\n**Ratios, {middle} connections**\n"
        yield from lines
    for connections in CONNECTIONS if found else ():
        yield f"\n**Look-ups among {ROWS:,} rows, {connections} connection{'s' if connections > 1 else ''}**\n"
        yield from table(found, connections, "request")
    own = [value for figure in [*ratings.values(), *found.values()] for value in figure["load"] if value]
    yield f"\nThe load generator itself took {min(own):.3f} to {max(own):.3f} ms of CPU per request." if own else ""


def main():
    names = (os.environ.get("BENCH_STACKS") or ",".join(NAMES)).split(",")
    if unknown := set(names) - set(NAMES):
        sys.exit(f"BENCH_STACKS has unknown names: {','.join(sorted(unknown))}. The names are {','.join(NAMES)}")
    load = os.getloadavg()[0]
    store = Store()
    about = machine(store, load)
    print(about, flush=True)
    try:
        ratings = measure_ratings(names, store)
        found = measure_lookups(store) if "lookups" in names else {}
    except Failure as failure:
        sys.exit(f"bench: FAILED: {failure}")
    print()
    publish("\n".join(tables(about, ratings, found)).strip(), "make bench")


if __name__ == "__main__":
    end_in_order()
    main()
