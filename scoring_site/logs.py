"""The format of log records."""

import copy
import json
import logging
import re
import traceback
from datetime import datetime

from .request_ids import request_id

FRAMES = 20  # the innermost, of each exception in a chain
# A printed code stands for an account number, so a log has the address of its page without it.
CODE = re.compile(r"(?<=/r/)[^\s?#]+")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def without_codes(text):
    return CODE.sub("-", text)


def is_refusal(record):
    """Whether Django logs that it refused a request: 400, 403 or 404."""
    return record.name.startswith("django.security.") or (
        record.name == "django.request" and record.levelno < logging.ERROR
    )


def private(record):
    """The record without what Django quotes of a refused request."""
    if is_refusal(record):
        record = copy.copy(record)
        record.exc_info = record.exc_text = None
        if record.name.startswith("django.security."):
            record.msg, record.args = "refused a request", None
    return record


def printable(text):
    return CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), without_codes(text))


class PrivateFormatter(logging.Formatter):
    """Write a record as one line of printable text, with a traceback that has no messages.

    A database driver quotes the offending value in its message ("Duplicate entry '138…'"), and a log must not hold
    personal data. File, line, code and exception type are enough to find a fault. A message that quotes a path can
    hold a line feed, which would forge a line of the log. A refused request has no traceback: anyone can send one.
    Django's security log quotes the query ("The field 138… cannot be referenced"), so its messages are left out.
    """

    def format(self, record):
        return super().format(private(record))

    def formatMessage(self, record):  # noqa: N802 - the name is logging's
        line = printable(super().formatMessage(record))
        return f"{line} [{number}]" if (number := request_id()) else line

    def formatException(self, exc_info):  # noqa: N802 - the name is logging's
        parts, exc, seen = [], exc_info[1], set()
        while exc is not None and id(exc) not in seen:
            seen.add(id(exc))
            frames = "".join(traceback.format_tb(exc.__traceback__, limit=-FRAMES))
            parts.append(f"{type(exc).__module__}.{type(exc).__qualname__} at\n{frames}".rstrip())
            exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
        return "\ncaused by ".join(parts)


class JsonFormatter(PrivateFormatter):
    """The same as one JSON object a line (LOG_FORMAT=json)."""

    def format(self, record):
        record = private(record)
        fields = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **self.content(record),
        }
        if number := request_id():
            fields["request_id"] = number
        return json.dumps(fields)

    def content(self, record):
        fields = {"message": printable(record.getMessage())}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return fields


class JsonAccessFormatter(JsonFormatter):
    """A request of gunicorn's access log; `record.args` are gunicorn's atoms."""

    def content(self, record):
        atoms = record.args
        return {
            "method": atoms["m"],
            "path": atoms["U"],
            "status": int(atoms["s"]),
            "bytes": atoms["B"],
            "seconds": float(atoms["L"]),
        }


FORMATTERS = {"plain": PrivateFormatter, "json": JsonFormatter}
