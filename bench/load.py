"""Load by wrk with the scripts beside this file, and single requests that check a stack before it is measured."""

import json
import resource
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from itertools import count

from processes import Failure

SUCCESS, FAILURE = "数据提交成功", "数据提交失败"

# Each run of wrk counts its ratings from another number, so no two runs send equal ratings.
first_numbers = count(1_000_000, 1_000_000)


def children_cpu_seconds():
    """CPU time of the child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def wrk(server, script, arguments, connections, seconds):
    """Run wrk once; returns its report (see report.lua). Raises `Failure` on any wrong answer or broken connection."""
    threads = 2 if connections >= 64 else 1
    command = ["wrk", f"--threads={threads}", f"--connections={connections}", f"--duration={seconds}s", "--timeout=10s"]
    command += [f"--script=bench/{script}", f"http://127.0.0.1:{server.port}", "--", *map(str, arguments)]
    before = children_cpu_seconds()
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode or not result.stdout.rstrip().endswith("}"):
        raise Failure(f"wrk failed: {result.stdout[-1000:]}{result.stderr[-1000:]}")
    report = json.loads(result.stdout.splitlines()[-1])
    if report["refused"] or report["broken"] or not report["answers"]:
        raise server.failure(
            f"failed at {connections} connections: {report['answers']:.0f} answers, of these "
            f"{report['refused']:.0f} unexpected, and {report['broken']:.0f} broken connections"
        )
    report["load_cpu"] = children_cpu_seconds() - before
    return report


def send_ratings(server, connections, seconds, stop_after=None):
    """Send ratings by wrk, each for another account number."""
    arguments = [server.path, next(first_numbers), *([stop_after] if stop_after else [])]
    return wrk(server, "score.lua", arguments, connections, seconds)


def post_rating(server, **changes):
    """Send one rating as the mini program does; returns the status, the reply and the receipt."""
    rating = {"acc_nbr": "13800138000", "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "很好👍", "txt2": "", "txt3": ""}
    body = urllib.parse.urlencode({name: json.dumps(value) for name, value in (rating | changes).items()})
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.path}", body.encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply), reply.headers.get("X-Grade-Receipt")
    except urllib.error.HTTPError as error:
        with error:
            content = error.read()
        try:
            return error.code, json.loads(content), None
        except ValueError:
            return error.code, content[:200], None


INVALID_RATINGS = [
    {"acc_nbr": ""},
    {"acc_nbr": "1" * 33},
    {"acc_nbr": "13800 138000"},
    {"grade1": 0},
    {"grade2": 6},
    {"grade3": 4.7},
    {"txt1": "好" * 501},
    {"txt2": "\x07"},
]


def check(server, store):
    """Check that a stack stores a rating unchanged and refuses invalid ones."""
    status, reply, _receipt = post_rating(server)
    if (status, reply) != (200, SUCCESS):
        raise server.failure(f"answers a rating with {status} {reply}")
    rows = store.query(f"SELECT acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3 FROM {server.table}")
    if list(rows) != [("13800138000", 5, 4, 3, "很好👍", "", "")]:
        raise server.failure(f"stored {rows}")
    for changes in INVALID_RATINGS if server.strict else []:
        status, reply, _receipt = post_rating(server, **changes)
        if (status, reply) != (400, FAILURE):
            raise server.failure(f"answers {str(changes)[:60]} with {status} {reply}")
    if store.rows(server.table) != 1:
        raise server.failure("stored a rating that it refused")
