"""Each reply that nginx makes itself on /score: provoked over TLS, and read by the mini program."""

import json
import subprocess
import threading
import time
from collections import Counter

from .machine import ROOT, Failed
from .site import DOMAIN, FAILURE, expect

HEAD = f"POST /score HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Type: application/json\r\n"
TOO_LARGE = 256 * 1024 + 1

# What is sent: its name, the bytes, the status and the cause.
REQUESTS = [
    ("a malformed request line", b"POST\x01 /score\r\n\r\n", 400, "request: malformed"),
    ("a malformed header", f"{HEAD}Bad Header\x01: 1\r\n\r\n".encode(), 400, "request: malformed"),
    ("no Host", b"POST /score HTTP/1.1\r\n\r\n", 400, "request: malformed"),
    ("two lengths", f"{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n".encode(), 400, "request: malformed"),
    ("headers of 9 KB", f"{HEAD}X: {'x' * 9000}\r\n\r\n".encode(), 400, "request: malformed"),
    ("TRACE", f"TRACE /score HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode(), 405, "method: only POST is allowed"),
    ("a body that is too large", f"{HEAD}Content-Length: {TOO_LARGE}\r\n\r\n".encode(), 413, "body: too large"),
    ("the same with Expect", f"{HEAD}Expect: 100-continue\r\nContent-Length: {TOO_LARGE}\r\n\r\n".encode(), 413,
     "body: too large"),
    ("a chunk that is too large", f"{HEAD}Transfer-Encoding: chunked\r\n\r\nfffffff\r\n".encode() + b"x" * 300_000, 413,
     "body: too large"),
    ("the same at /score/", f"POST /score/ HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: {TOO_LARGE}\r\n\r\n".encode(),
     413, "body: too large"),
    ("an address of 9 KB", f"POST /score?{'x' * 9000} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode(), 414,
     "request: malformed"),
    ("another transfer encoding", f"{HEAD}Transfer-Encoding: gzip\r\n\r\n".encode(), 501, "server: error"),
    ("HTTP 9", f"POST /score HTTP/9.1\r\nHost: {DOMAIN}\r\n\r\n".encode(), 505, "server: error"),
]  # fmt: skip

# The mini program shows one of these for a status; anything else means that it did not know the reply for ours.
REFUSED, WAITING, UNCONFIRMED = "refused", "waiting", "unconfirmed"
FOREIGN = "收到的内容不是来自评分服务器"


def check(name, reply, status, cause):
    """The contract of a reply that nginx made."""
    seen_status, headers, body = reply
    text = json.loads(body)
    seen = (seen_status, headers["Content-Type"], text, headers["X-Score-Error"])
    expect(name, (status, "application/json", FAILURE, cause), seen)
    if len(text) > 7 or not headers["X-Request-Id"]:
        raise Failed(f"{name}: {len(text)} characters, request id {headers['X-Request-Id']}")
    return {"status": status, "body": body.decode(), "headers": dict(headers)}


def flood(site):
    """More requests at once than the limit of an address allows: the first 429."""
    statuses, refused = Counter(), []

    def send():
        for _ in range(60):
            reply = site.request("GET", "/score")
            statuses[reply[0]] += 1
            if reply[0] == 429:
                refused.append(reply)

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not refused:
        raise Failed(f"no 429 in a flood: {statuses}")
    return refused[0]


def without_space(site):
    """A body in chunks of one byte, which does not fit in nginx's buffer, while it has no temporary files."""
    site.machine.run("mv /var/lib/nginx/body /var/lib/nginx/body.away")
    try:
        data = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n"
        return check("no space for the body", site.raw(data), 500, "server: error")
    finally:
        site.machine.run("mv /var/lib/nginx/body.away /var/lib/nginx/body")


def with_stopped_programs(site, signal, cause):
    """A rating while both copies are dead (KILL) or hang (STOP): 502 or 504."""
    machine = site.machine
    pids = machine.run(
        "for port in 18101 18102; do ss -Hltnp sport = :$port; done | grep -o 'pid=[0-9]*' | cut -d = -f 2"
    ).split()
    if signal == "STOP":
        machine.run(f"kill -STOP {' '.join(pids)}")
        try:
            return check("hanging programs", site.rate(), 504, cause)
        finally:
            machine.run(f"kill -CONT {' '.join(pids)}")
    site.control("stop", "score-a", "score-b")
    try:
        return check("stopped programs", site.rate(), 502, cause)
    finally:
        site.control("start", "score-a", "score-b")
        site.wait_until_ready()


def replies_of_nginx(site):
    replies = [check(name, site.raw(data), status, cause) for name, data, status, cause in REQUESTS]
    status, _location, body = site.plain("GET", "/", port=443)
    expect("plain HTTP at the port of TLS", (400, f'"{FAILURE}"'), (status, body))
    replies.append(check("a flood", flood(site), 429, "rate: too many requests"))
    time.sleep(1)
    replies.append(without_space(site))
    replies.append(with_stopped_programs(site, "KILL", "server: unreachable"))
    replies.append(with_stopped_programs(site, "STOP", "server: timed out"))
    done = subprocess.run(
        ["node", "stack/phone.js", "read"], input=json.dumps(replies).encode(), cwd=ROOT, capture_output=True,
        timeout=60, check=True,
    )  # fmt: skip
    for reply, outcome in zip(replies, json.loads(done.stdout), strict=True):
        status = reply["status"]
        wanted = WAITING if status == 429 else REFUSED if status < 500 else UNCONFIRMED
        expect(f"the mini program's outcome of {status}", wanted, outcome["state"])
        if FOREIGN in outcome["text"]:
            raise Failed(f"the mini program does not know the {status} for ours")
    statuses = sorted({reply["status"] for reply in replies})
    return f"{len(replies) + 1} provoked: {' '.join(map(str, statuses))}"
