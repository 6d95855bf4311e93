"""scoring_site/logs.py: a traceback in the log has no data of customers."""

import logging
import re

import pytest

from scoring_site.logs import PrivateFormatter


def formatted(exc_info):
    record = logging.LogRecord("grades", logging.ERROR, __file__, 1, "a submission failed", None, exc_info)
    return PrivateFormatter("%(levelname)s %(name)s: %(message)s").format(record)


def test_a_logged_traceback_has_types_and_places_but_no_messages():
    number = "13800138000"
    try:
        try:
            raise KeyError(number)
        except KeyError as error:
            raise ValueError(f"Duplicate entry '{number}'") from error
    except ValueError as error:
        text = formatted((type(error), error, error.__traceback__))
    # Lines of code are indented by four; each frame's place, by two.
    lines = [re.sub(r", line \d+,", ",", line) for line in text.splitlines() if not line.startswith("    ")]
    place = f'  File "{__file__}", in test_a_logged_traceback_has_types_and_places_but_no_messages'
    assert lines == [
        "ERROR grades: a submission failed",
        "builtins.ValueError at",
        place,
        "caused by builtins.KeyError at",
        place,
    ]
    assert number not in text


def test_the_context_of_an_exception_is_logged_unless_suppressed():
    def failure(suppress):
        try:
            try:
                raise KeyError("138")
            except KeyError:
                if suppress:
                    raise ValueError("139") from None
                raise ValueError("139")  # noqa: B904 - the point of the test
        except ValueError as error:
            return formatted((type(error), error, error.__traceback__))

    assert "caused by builtins.KeyError at" in failure(suppress=False)
    assert "caused by" not in failure(suppress=True)


def test_a_circular_chain_of_exceptions_ends():
    first, second = ValueError("138"), KeyError("139")
    first.__cause__, second.__cause__ = second, first
    assert formatted((ValueError, first, None)).splitlines() == [
        "ERROR grades: a submission failed",
        "builtins.ValueError at",
        "caused by builtins.KeyError at",
    ]


@pytest.mark.parametrize(
    ("name", "level", "has_traceback"),
    [
        ("django.security.DisallowedModelAdminLookup", logging.ERROR, False),
        ("django.request", logging.WARNING, False),
        ("django.request", logging.ERROR, True),
        ("grades.api", logging.WARNING, True),
    ],
)
def test_a_refused_request_has_no_traceback(name, level, has_traceback):
    error = ValueError("138")
    record = logging.LogRecord(name, level, __file__, 1, "refused", None, (ValueError, error, None))
    text = PrivateFormatter("%(message)s").format(record)
    assert text.startswith("refused")
    assert ("builtins.ValueError at" in text) == has_traceback
    assert record.exc_info  # other handlers keep it


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        ("Method Not Allowed (POST): /r/AAAAAAAAAAFP-g", "Method Not Allowed (POST): /r/-"),
        ("Not Found: /r/a/b?c end", "Not Found: /r/-?c end"),
        ("Not Found: /score/r and /r/", "Not Found: /score/r and /r/"),
    ],
)
def test_a_printed_code_is_not_logged(message, logged):
    record = logging.LogRecord("django.request", logging.WARNING, __file__, 1, message, None, None)
    assert PrivateFormatter("%(message)s").format(record) == logged
