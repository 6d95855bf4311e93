"""What the rate limits cost: the CPU of a rating without them, with Redis and with the database (`make bench-limits`).

First in one process as `make profile` does, one rating after another; then under granian with 16 and 64 connections.
The rounds alternate, and each compares its figures with those without limits. Each rating has a number of its own and
one of 65,536 addresses. The floor is one PING to Redis by a bare socket: no exact count outside the process can cost
less. The environment sets BENCH_ROUNDS (20).
"""

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from statistics import median

import MySQLdb
from load import send_ratings
from processes import Failure, cpu_seconds, end_in_order, free_port
from stacks import make_site, project_server
from store import Store

ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 20)
FOLDER = os.environ["TMPDIR"]
COUNT = 400  # ratings of a round in one process
CONNECTIONS, SECONDS = (16, 64), 1
FLOOR = "without limits, and one PING to Redis by a bare socket"
LIMITS = {"RATE_LIMIT_ACCOUNT": "1000/3600", "RATE_LIMIT_ADDRESS": "999999/3600"}  # no rating meets them


def start_redis():
    """The port of an empty Redis server that ends with this program."""
    port = free_port()
    command = ["setpriv", "--pdeathsig", "KILL", "redis-server", "--port", str(port), "--bind", "127.0.0.1"]
    subprocess.Popen([*command, "--save", "", "--dir", FOLDER], stdout=subprocess.DEVNULL)
    time.sleep(1)
    return port


def ways(redis_port):
    return {
        "without limits": dict.fromkeys(LIMITS, ""),
        "Redis": LIMITS | {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"},
        "the database": LIMITS | {"REDIS_URL": ""},
    }


def measure_in_process(ways, url, redis_port):
    ways = ways | {FLOOR: ways["without limits"]}
    os.environ |= {"DATABASE_URL": url, "ENV_FILE": "", "SECRET_KEY": "for-benchmarks-only-but-long-enough"}
    from django.conf import settings
    from profile_path import environ, rate

    numbers = iter(range(10_000_000))
    connection = socket.create_connection(("127.0.0.1", redis_port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cpu_milliseconds(way):
        for name, value in ways[way].items():
            setattr(settings, name, value)
        requests = [environ(number) | {"HTTP_X_FORWARDED_FOR": address(number)} for number in take(numbers, COUNT)]
        begun = time.process_time()
        for request in requests:
            rate([request])
            if way == FLOOR:
                connection.sendall(b"PING\r\n")
                connection.recv(64)
        return (time.process_time() - begun) / COUNT * 1000

    return rounds(ways, cpu_milliseconds)


def take(numbers, count):
    return [next(numbers) for _ in range(count)]


def address(number):
    return f"10.9.{number // 256 % 256}.{number % 256}"


def measure_granian(ways, store):
    """Yield the number of connections and the figures of each."""
    os.environ["BENCH_ADDRESSES"] = "1"  # read by score.lua
    with ExitStack() as running:
        servers = {}
        for position, (way, settings) in enumerate(ways.items()):
            database = f"bench_limits_{position}"
            make_site(store, database)
            server = project_server(store, "granian", database, FOLDER)
            server.environment |= settings
            servers[way] = running.enter_context(server)

        def cpu_milliseconds(way, connections):
            server = servers[way]
            begun = cpu_seconds(server.process.pid)
            answers = send_ratings(server, connections, SECONDS)["answers"]
            return (cpu_seconds(server.process.pid) - begun) / answers * 1000

        for connections in CONNECTIONS:
            yield connections, rounds(ways, partial(cpu_milliseconds, connections=connections))


def rounds(ways, cpu_milliseconds):
    """CPU milliseconds of a rating: {way: one figure for each round}."""
    for way in ways:
        cpu_milliseconds(way)  # warm-up
    figures = {way: [] for way in ways}
    for number in range(ROUNDS):
        for way in list(ways)[:: -1 if number % 2 else 1]:
            figures[way].append(cpu_milliseconds(way))
    return figures


def table(title, figures):
    print(f"\n| {title} | CPU ms each | more |\n| --- | ---: | ---: |")
    base = figures["without limits"]
    for way, values in figures.items():
        more = median(value / other for value, other in zip(values, base, strict=True)) - 1
        spread = f"{median(values):.3f} ({min(values):.3f}–{max(values):.3f})"
        print(f"| {way} | {spread} | {f'{more:+.1%}' if values is not base else '–'} |", flush=True)


def main():
    end_in_order()
    store = Store()
    redis_port = start_redis()
    chosen = ways(redis_port)
    figures = measure_in_process(chosen, make_site(store, "bench_limits"), redis_port)
    table("one rating after another, in one process", figures)
    for connections, figures in measure_granian(chosen, store):
        table(f"granian, {connections} connections", figures)


if __name__ == "__main__":
    try:
        main()
    except (Failure, MySQLdb.Error, OSError) as error:
        sys.exit(f"bench-limits: {error}")
