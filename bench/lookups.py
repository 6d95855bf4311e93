"""Request files for the look-ups: `POST /query` with a clerk's session, `GET /graderesult` with receipts."""

import http.cookiejar
import json
import re
import secrets
import urllib.parse
import urllib.request
from pathlib import Path
from random import Random

from load import post_rating
from processes import Failure
from stacks import manage
from store import FIRST_ACCOUNT

NUMBERS = 400  # account numbers in a file; wrk repeats them


def numbers(accounts):
    return [str(FIRST_ACCOUNT + offset) for offset in Random(1).choices(range(accounts), k=NUMBERS)]


def write(path, requests):
    Path(path).write_text("".join("\t".join(parts) + "\n" for parts in requests))
    return path


def queries(url, server, accounts, folder):
    """Write a file for lookup.lua: `POST /query` for many numbers, by one clerk."""
    password = secrets.token_urlsafe(12)
    login = {"DJANGO_SUPERUSER_USERNAME": "clerk", "DJANGO_SUPERUSER_PASSWORD": password}
    manage(url, "createsuperuser", "--no-input", "--email=clerk@example.cn", "--verbosity=0", **login)
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    site = f"http://127.0.0.1:{server.port}"

    def token(path):
        with browser.open(site + path) as page:
            return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())[1]

    form = {"csrfmiddlewaretoken": token("/admin/login/"), "username": "clerk", "password": password, "next": "/query"}
    browser.open(f"{site}/admin/login/", urllib.parse.urlencode(form).encode()).close()
    fields = {"csrfmiddlewaretoken": token("/query")}
    headers = ["Accept: application/json", "Cookie: " + "; ".join(f"{c.name}={c.value}" for c in jar)]
    bodies = [urllib.parse.urlencode(fields | {"acc_nbr": number}) for number in numbers(accounts)]
    first = urllib.request.Request(f"{site}/query", bodies[0].encode(), dict(line.split(": ", 1) for line in headers))
    with urllib.request.urlopen(first) as reply:
        rows = json.load(reply)
    if not rows or len(rows[0]) != 9:
        raise Failure(f"/query answers {rows}")
    return write(f"{folder}/queries", ([body, *headers] for body in bodies))


def results(server, accounts, folder):
    """Write a file for lookup.lua: `GET /graderesult` for many numbers, each with the receipt of a rating."""
    requests = []
    for number in numbers(accounts):
        status, _reply, receipt = post_rating(server, acc_nbr=number)
        if status != 200 or not receipt:
            raise Failure(f"no receipt: {status}")
        requests.append([f"phonenum={number}", f"X-Grade-Receipt: {receipt}"])
    return write(f"{folder}/{server.name}-results", requests)
