"""The application with a defect that the run must notice: `make fuzz-negative` serves each."""

import sys
import time
import traceback

from grades.replies import SUCCESS
from scoring_site.wsgi import application

slept: list[bool] = []
TOAST = f'"{SUCCESS}"'.encode()


def reply(start_response, status, body, media_type="application/json", *headers):
    length = ("Content-Length", str(len(body)))
    start_response(status, [("Content-Type", media_type), length, *headers])
    return [body]


def is_rating(environ):
    return environ["PATH_INFO"] == "/score" and environ["REQUEST_METHOD"] == "POST"


def lost(environ, start_response):
    """Acknowledges ratings with one digit of their length and does not store them."""
    if is_rating(environ) and environ.get("CONTENT_LENGTH", "").endswith(("1", "3", "5")):
        statuses = []
        application({**environ, "PATH_INFO": "/nowhere"}, lambda status, headers: statuses.append(status))
        return reply(start_response, "200 OK", TOAST, "application/json", ("X-Grade-Receipt", "x" * 40))
    return application(environ, start_response)


def hidden(environ, start_response):
    """Stores ratings and refuses them."""

    def refuse(status, headers):
        start_response("400 Bad Request" if is_rating(environ) else status, headers)

    return application(environ, refuse)


def generous(environ, start_response):
    """Acknowledges ratings with a malformed grade."""
    seen = []
    body = application(environ, lambda *head: seen.append(head))
    status, headers = seen[0]
    if ("X-Score-Error", "grade1: required") in headers or any("grade" in value for _name, value in headers):
        return reply(start_response, "200 OK", TOAST, "application/json", ("X-Grade-Receipt", "x" * 40))
    start_response(status, headers)
    return body


def page(environ, start_response):
    """Answers a mistyped address with a page."""
    if environ["PATH_INFO"].startswith(("/score/", "/score;")):
        return reply(start_response, "404 Not Found", b"<html>", "text/html")
    return application(environ, start_response)


def crash(environ, start_response):
    """Answers an unknown character set with 500."""
    if "charset" in environ.get("CONTENT_TYPE", ""):
        return reply(start_response, "500 Internal Server Error", b"<html>", "text/html")
    return application(environ, start_response)


def silent(environ, start_response):
    """Does not answer the first GET of each process within the time limit."""
    if environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"] == "/graderesult" and not slept:
        slept.append(True)
        time.sleep(12)
    return application(environ, start_response)


def talkative(environ, start_response):
    """Writes the account numbers of receipts' queries into the log."""
    if "phonenum" in environ["QUERY_STRING"]:
        sys.stderr.write(f"{environ['QUERY_STRING']}\n")
    return application(environ, start_response)


def noisy(environ, start_response):
    """Writes a traceback for a wrong Host, and answers correctly."""
    if "evil" in environ.get("HTTP_HOST", ""):
        try:
            raise ValueError
        except ValueError:
            traceback.print_exc()
    return application(environ, start_response)
