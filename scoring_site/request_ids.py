"""One id for each request: in the proxy's log, in every record that is logged for the request, and in the reply."""

import re
import uuid
from contextvars import ContextVar

FORM = re.compile(r"[0-9a-f]{32}")  # of nginx's $request_id
UNKNOWN = ""  # the request has no id until somebody asks for it: most ratings need none

current: ContextVar[str | None] = ContextVar("request_id", default=None)  # None outside of a request


def begin(environ):
    """Note the id that the proxy on this machine gave to the request; others could write theirs into our log."""
    given = environ.get("HTTP_X_REQUEST_ID", UNKNOWN)
    is_trusted = given and environ.get("REMOTE_ADDR") == "127.0.0.1" and FORM.fullmatch(given)
    current.set(given if is_trusted else UNKNOWN)


def end():
    """Forget the request: this thread goes on to one that cannot be read."""
    current.set(None)


def request_id():
    """The id of the request that this thread serves, made now if it has none; None outside of a request."""
    value = current.get()
    if value == UNKNOWN:
        value = uuid.uuid4().hex
        current.set(value)
    return value


def known_id():
    """The id that somebody has asked for, or that the proxy gave; else None."""
    return current.get() or None
