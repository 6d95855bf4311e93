"""scoring_site/logs.py: a traceback in the log has no data of customers."""

import json
import logging
import re

import pytest

from scoring_site import request_ids
from scoring_site.logs import FORMATTERS, JsonFormatter, PrivateFormatter

NUMBER = "13800138000"
GIVEN = "0123456789abcdef" * 2


@pytest.fixture
def in_request():
    """Begin a request with these items of its environ."""

    def begin(**environ):
        request_ids.begin({"REMOTE_ADDR": "127.0.0.1", **environ})

    yield begin
    request_ids.end()


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


def test_a_refusal_by_djangos_security_does_not_quote_the_query():
    name, message = "django.security.DisallowedModelAdminToField", "The field 13800138000 cannot be referenced."
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, None, None)
    text = PrivateFormatter("%(levelname)s %(name)s: %(message)s").format(record)
    assert text == f"ERROR {name}: refused a request"


def test_json_has_no_personal_data_either():
    try:
        raise ValueError(f"Duplicate entry '{NUMBER}'")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("grades", logging.ERROR, __file__, 1, "a\nfailure at /r/%s", ("AAAA",), exc_info)
    line = JsonFormatter().format(record)
    fields = json.loads(line)
    assert list(fields) == ["time", "level", "logger", "message", "exception"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", fields["time"])
    assert [fields["level"], fields["logger"], fields["message"]] == ["ERROR", "grades", "a\\nfailure at /r/-"]
    assert fields["exception"].startswith("builtins.ValueError at\n")
    assert "\n" not in line
    assert NUMBER not in line


def test_json_does_not_quote_a_refused_query():
    error = ValueError(NUMBER)
    name, message = "django.security.DisallowedModelAdminToField", f"The field {NUMBER} cannot be referenced."
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, None, (ValueError, error, None))
    fields = json.loads(JsonFormatter().format(record))
    assert {name: fields[name] for name in fields if name != "time"} == {
        "level": "ERROR",
        "logger": name,
        "message": "refused a request",
    }


@pytest.mark.parametrize("form", FORMATTERS)
def test_a_record_outside_of_a_request_has_no_id(form):
    line = FORMATTERS[form]("%(message)s").format(logging.makeLogRecord({"name": "grades", "msg": "started"}))
    assert (line == "started") if form == "plain" else ("request_id" not in json.loads(line))


@pytest.mark.parametrize("form", FORMATTERS)
def test_all_records_of_a_request_have_the_id_of_the_proxy(in_request, form):
    in_request(HTTP_X_REQUEST_ID=GIVEN)
    line = FORMATTERS[form]("%(message)s").format(logging.makeLogRecord({"name": "grades", "msg": "slow"}))
    assert (line == f"slow [{GIVEN}]") if form == "plain" else (json.loads(line)["request_id"] == GIVEN)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_X_REQUEST_ID": ""},
        {"HTTP_X_REQUEST_ID": GIVEN.upper()},
        {"HTTP_X_REQUEST_ID": GIVEN[1:]},
        {"HTTP_X_REQUEST_ID": f"{GIVEN}\n"},
        {"HTTP_X_REQUEST_ID": "13800138000"},
        {"HTTP_X_REQUEST_ID": GIVEN, "REMOTE_ADDR": "10.0.0.7"},
    ],
)
def test_another_id_is_made_once_for_the_first_record(in_request, environ):
    in_request(**environ)
    assert request_ids.known_id() is None
    made = request_ids.request_id()
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert made != GIVEN
    assert (request_ids.request_id(), request_ids.known_id()) == (made, made)
