"""Send ratings to the score workers and measure their memory: `make bench-memory`.

Fails if a worker reaches 90 MiB, or grows by more than 5 MiB in the last four fifths of the ratings. The environment
sets BENCH_RATINGS (100000) and BENCH_STACKS (granian,gunicorn).
"""

import os
import sys

from load import check, send_ratings
from processes import Failure, end_in_order, memory, tree
from stacks import PROJECT_SERVERS, make_site, project_server
from store import Store

RATINGS = int(os.environ.get("BENCH_RATINGS") or 100_000)
STAGES = [RATINGS // 100, RATINGS // 5, RATINGS // 2, RATINGS]
SETTLED = STAGES[1]  # caches are full from here on, so growth is a leak
HIGHEST_MIB, GROWTH_MIB = 90, 5
CONNECTIONS = 16


def send(server, ratings):
    """Send this many ratings or a few more; returns how many. wrk ends by the clock, so this takes several runs."""
    sent = rate = 0
    while sent < ratings:
        seconds = min(int((ratings - sent) / rate) + 1, 10) if rate else 1
        report = send_ratings(server, CONNECTIONS, seconds, stop_after=ratings - sent)
        sent += int(report["answers"])
        rate = max(rate, report["answers"] / report["seconds"])
    return sent


def watch(server, store):
    """Print a row of the table for each stage; returns the faults found."""
    check(server, store)
    faults, settled, sent = [], {}, 0
    for stage in STAGES:
        sent += send(server, stage - sent)
        if store.rows(server.table) < sent:
            raise server.failure(f"answered {sent} ratings and stored {store.rows(server.table)}")
        workers = {pid: memory(pid) for pid in tree(server.process.pid)[1:]}
        if settled and set(settled) != set(workers):
            faults.append(f"{server.name}: a worker was replaced")
        for pid, (resident, _proportional) in workers.items():
            if resident >= HIGHEST_MIB:
                faults.append(f"{server.name}: a worker has {resident:.1f} MiB after {sent} ratings")
            if resident - settled.get(pid, resident) > GROWTH_MIB:
                faults.append(f"{server.name}: a worker grew from {settled[pid]:.1f} to {resident:.1f} MiB")
            if stage == SETTLED:
                settled[pid] = resident
        cells = (", ".join(f"{values[kind]:.1f}" for values in workers.values()) for kind in (0, 1))
        print(f"| {server.label} | {sent:,} | {' | '.join(cells)} |", flush=True)
    return faults


def main():
    store, faults = Store(), []
    print("| score workers | ratings | resident (RSS), MiB per worker | proportional (PSS), MiB per worker |")
    print("| --- | ---: | ---: | ---: |", flush=True)
    for name in (os.environ.get("BENCH_STACKS") or ",".join(PROJECT_SERVERS)).split(","):
        make_site(store, f"bench_{name}")
        try:
            with project_server(store, name, f"bench_{name}", os.environ["TMPDIR"]) as server:
                faults += watch(server, store)
        except Failure as failure:
            sys.exit(f"bench-memory: FAILED: {failure}")
    if faults:
        sys.exit("bench-memory: FAILED: " + "; ".join(faults))


if __name__ == "__main__":
    end_in_order()
    main()
