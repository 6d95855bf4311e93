"""The format of log records."""

import copy
import logging
import re
import traceback

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


class PrivateFormatter(logging.Formatter):
    """Write a record as one line of printable text, with a traceback that has no messages.

    A database driver quotes the offending value in its message ("Duplicate entry '138…'"), and a log must not hold
    personal data. File, line, code and exception type are enough to find a fault. A message that quotes a path can
    hold a line feed, which would forge a line of the log. A refused request has no traceback: anyone can send one.
    """

    def format(self, record):
        if record.exc_info and is_refusal(record):
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        return super().format(record)

    def formatMessage(self, record):  # noqa: N802 - the name is logging's
        return CONTROLS.sub(
            lambda match: match[0].encode("unicode_escape").decode(), without_codes(super().formatMessage(record))
        )

    def formatException(self, exc_info):  # noqa: N802 - the name is logging's
        parts, exc, seen = [], exc_info[1], set()
        while exc is not None and id(exc) not in seen:
            seen.add(id(exc))
            frames = "".join(traceback.format_tb(exc.__traceback__, limit=-FRAMES))
            parts.append(f"{type(exc).__module__}.{type(exc).__qualname__} at\n{frames}".rstrip())
            exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
        return "\ncaused by ".join(parts)
