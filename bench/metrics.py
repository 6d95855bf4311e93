"""The CPU time of a rating with and without metrics, side by side: `make bench-metrics`.

The environment sets BENCH_SECONDS (1), BENCH_ROUNDS (10), BENCH_CONNECTIONS (1,16,64) and BENCH_STACKS
(granian,gunicorn). `make profile` has the same in one process, which varies less.
"""

import os
import sys
from contextlib import ExitStack
from statistics import median, quantiles

from compare import CONNECTIONS, FOLDER, ROUNDS, Ratings, measure_once
from processes import Failure, end_in_order
from stacks import PROJECT_SERVERS, make_site, project_server
from store import Store


def compare(name, store):
    """Print a row of the table for each number of connections."""
    with ExitStack() as running:
        subjects = []
        for suffix, settings in (("without", {}), ("with", {"METRICS_DIR": f"{FOLDER}/metrics-{name}"})):
            make_site(store, f"bench_{name}_{suffix}")
            server = project_server(store, name, f"bench_{name}_{suffix}", FOLDER, **settings)
            subjects.append(Ratings(running.enter_context(server), store))
        for connections in CONNECTIONS:
            figures = [([], []) for _ in subjects]
            for number in range(ROUNDS):
                # Every other round in reverse order: a run pays for the pages that the one before has left to write.
                for position in (1, 0) if number % 2 else (0, 1):
                    figure = measure_once(subjects[position], connections, store)
                    figures[position][0].append(figure["app"])
                    figures[position][1].append(figure["rate"])
            (without, rate), (measured, rate_with) = figures
            ratios = [one / other - 1 for one, other in zip(measured, without, strict=True)]
            low, _middle, high = quantiles(ratios, n=4)
            print(
                f"| {PROJECT_SERVERS[name]} | {connections} | {median(without):.3f} | {median(measured):.3f} "
                f"| {median(ratios):+.1%} ({low:+.1%} to {high:+.1%}) | {median(rate):.0f} | {median(rate_with):.0f} |",
                flush=True,
            )


def main():
    store = Store()
    print(
        "| server | connections | CPU ms without | with | difference: median (quartiles) | per second without | with |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for name in (os.environ.get("BENCH_STACKS") or ",".join(PROJECT_SERVERS)).split(","):
        try:
            compare(name, store)
        except Failure as failure:
            sys.exit(f"bench-metrics: FAILED: {failure}")


if __name__ == "__main__":
    end_in_order()
    main()
