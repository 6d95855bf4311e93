"""Profile one rating in this process, without an HTTP server: `make profile`.

Calls the WSGI application as a server does, on the database of DATABASE_URL: first without a profiler for the CPU
time, then with one. The profiler's counts of calls do not depend on the machine; its times are shares only, because
profiling makes each call slower.
"""

import atexit
import cProfile
import io
import os
import pstats
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from statistics import median
from urllib.parse import parse_qsl, urlencode

BASE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, os.environ.get("PROFILE_CHECKOUT", str(BASE_DIR)))

from scoring_site.wsgi import application  # noqa: E402 - found by the line above

try:
    from grades import metrics
except ImportError:  # an older checkout
    metrics = None

COUNT = 150
ROUNDS = 120  # many short rounds: the speed of a shared machine drifts within seconds
LAYERS = {  # part of a file's path: the layer; the first match counts
    "/rest_framework/": "DRF",
    "/django/db/": "Django's database layer",
    "/MySQLdb/": "mysqlclient",
    "/django/middleware/": "middleware",
    "/whitenoise/": "middleware",
    "/csp/": "middleware",
    "/django/contrib/": "middleware",
    "/django/utils/translation/": "middleware",
    "/django/core/signing": "signing the receipt",
    "/django/": "Django's handler, request and response",
    "/grades/": "the project",
    "~": "built in, of all of them",
}


given = {}  # more items of the environ


def environ(number):
    body = urlencode(
        {
            "acc_nbr": f'"{os.getpid()}.{number}"',
            "grade1": "5",
            "grade2": "4",
            "grade3": '"3"',
            "txt1": '"服务态度很好👍"',
            "txt2": '"师傅准时，讲解清楚"',
            "txt3": '""',
        }
    ).encode()
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/score",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_USER_AGENT": "MicroMessenger",
        "HTTP_ACCEPT": "*/*",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        **given,
    }


def rate(requests):
    answers = []
    for request in requests:
        response = application(request, lambda status, _headers: answers.append(status))
        b"".join(response)
        if hasattr(response, "close"):
            response.close()
    if set(answers) != {"200 OK"}:
        sys.exit(f"/score answered {set(answers)}: is the database migrated?")


@cache
def make_instruments():
    folder = tempfile.mkdtemp(prefix="scoring-metrics-", dir="/dev/shm")
    atexit.register(shutil.rmtree, folder)
    metrics.start(folder)
    made, metrics.instruments = metrics.instruments, None
    return made


@contextmanager
def counting(is_counted=True):
    """Count the ratings, as with METRICS_DIR; or only read the clock around the view, as a count must."""
    if not metrics:
        yield
        return
    view = application.score_view
    application.score_view, metrics.instruments = metrics.counted(view), make_instruments() if is_counted else None
    try:
        yield
    finally:
        application.score_view, metrics.instruments = view, None


@contextmanager
def request_id():
    """Send an id, as nginx does."""
    given["HTTP_X_REQUEST_ID"] = "0123456789abcdef" * 2
    try:
        yield
    finally:
        given.clear()


@contextmanager
def standard_form_decoder():
    """Decode forms with urllib.parse in place of the project's own decoder."""
    try:
        from grades.submissions import decode
    except ImportError:  # an older checkout
        yield
        return

    def decode_form(body):
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=decode.MAX_FIELDS)
        return {name: decode.decode_form_value(value) for name, value in pairs}

    media_type = "application/x-www-form-urlencoded"
    own = decode.DECODERS[media_type]
    decode.DECODERS[media_type] = decode_form
    try:
        yield
    finally:
        decode.DECODERS[media_type] = own


PLAIN = "nothing else"
VARIANTS = {
    PLAIN: nullcontext,
    "metrics": counting,
    "two readings of the clock": partial(counting, is_counted=False),
    "a request id of the proxy": request_id,
    "the standard library's form decoder": standard_form_decoder,
}


def main():
    numbers = iter(range(1_000_000))
    flush = getattr(metrics, "flush", lambda: None)  # absent from an older checkout

    def cpu_milliseconds():
        requests = [environ(next(numbers)) for _ in range(COUNT)]
        begun = time.process_time()
        rate(requests)
        flush()  # once in the time of one round, as the metrics' thread does at COUNT ratings in a second
        return (time.process_time() - begun) / COUNT * 1000

    for _ in range(5):
        cpu_milliseconds()  # warm-up: caches and the connection
    figures = {name: [] for name in VARIANTS}
    for _ in range(ROUNDS):
        # In another order each time: a round pays for the pages that the one before has left to write.
        for name in random.sample(list(VARIANTS), len(VARIANTS)):
            with VARIANTS[name]():
                figures[name].append(cpu_milliseconds())
    rounds = figures.pop(PLAIN)
    spread = f"{min(rounds):.3f}–{max(rounds):.3f}"
    print(f"CPU of one rating: {median(rounds):.3f} ms ({spread}; median of {ROUNDS} rounds)")
    for name, measured in figures.items():
        ratio = median(slow / fast for slow, fast in zip(measured, rounds, strict=True))
        print(f"with {name}: {ratio - 1:+.1%} (median of the rounds' ratios)")
    profiler = cProfile.Profile(time.process_time)  # CPU time: waiting for the database costs nothing
    profiler.runcall(rate, [environ(next(numbers)) for _ in range(COUNT)])
    times, calls = Counter(), Counter()
    stats = pstats.Stats(profiler)
    for (path, _line, _name), (_primitive, count, own_time, _cumulative, _callers) in stats.stats.items():
        layer = next((layer for part, layer in LAYERS.items() if part in path), "the standard library")
        times[layer] += own_time
        calls[layer] += count
    print("\n| where | share | calls |\n| --- | ---: | ---: |")
    for layer, own_time in times.most_common():
        print(f"| {layer} | {own_time / times.total():.0%} | {calls[layer] / COUNT:.0f} |")
    print(f"| **all** | 100% | {calls.total() / COUNT:.0f} |")
    if len(sys.argv) > 1:
        stats.sort_stats(sys.argv[1]).print_stats(45)


if __name__ == "__main__":
    main()
