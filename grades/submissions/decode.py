"""Decode the body of a submission: a form whose values are JSON or bare text, or a JSON object."""

import functools
import json
import re
from binascii import unhexlify
from typing import Any, NoReturn

MAX_FIELDS = 100


class BodyError(Exception):
    """The body cannot be decoded; the message says why, in ASCII English."""


class Number(str):
    """A JSON number as it was written.

    A float would round 4.9999999999999999999 to 5, and turn the bare remark 1.50 into 1.5.
    """


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# The arguments of every decoder of JSON.
AS_WRITTEN: dict[str, Any] = {"parse_int": Number, "parse_float": Number, "parse_constant": refuse_constant}
decode_json = json.JSONDecoder(**AS_WRITTEN).decode


def decode_form_value(text: str) -> Any:
    """Decode a form value: its JSON, or the text as it stands; None for absent."""
    if text == "undefined":  # a mini program sends this for a variable without a value
        return None
    try:
        return decode_json(text)
    except (ValueError, RecursionError):
        return text


def refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BodyError("a field is given twice")
    return fields


decode_json_object = json.JSONDecoder(object_pairs_hook=refuse_repeated_keys, **AS_WRITTEN).decode

PERCENT_RUN = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


def unquote(value: bytes) -> str:
    """Decode a name or value of a form; a % that does not begin an escape stays.

    The standard library decodes byte by byte, which would be the most expensive step of a rating.
    """
    if b"%" in value or b"+" in value:
        value = PERCENT_RUN.sub(lambda run: unhexlify(run[0].replace(b"%", b"")), value.replace(b"+", b" "))
    return value.decode()


def decode_form_part(name: bytes, value: bytes) -> tuple[str, Any]:
    """Decode the two sides of a form's `=`."""
    return unquote(name), decode_form_value(unquote(value))


# Cache short values only, such as grades and empty remarks; longer ones are personal and do not recur.
SHORT = 6  # bytes
decode_short_form_part = functools.lru_cache(maxsize=1000)(decode_form_part)


def decode_form(body: bytes) -> dict[str, Any]:
    """Decode an `application/x-www-form-urlencoded` body; each value is JSON or bare text."""
    pairs = [pair.partition(b"=") for pair in body.split(b"&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise BodyError("too many fields")
    decoded = []
    for name, _equals, value in pairs:
        is_short = len(name) <= SHORT and len(value) <= SHORT
        decoded.append((decode_short_form_part if is_short else decode_form_part)(name, value))
    return refuse_repeated_keys(decoded)


def decode_object(body: bytes) -> dict[str, Any]:
    """Decode an `application/json` body."""
    text = body.decode()
    try:
        fields = decode_json_object(text)
    except (ValueError, RecursionError) as error:
        raise BodyError("not JSON") from error
    if not isinstance(fields, dict):
        raise BodyError("not an object")
    return fields


DECODERS = {"application/x-www-form-urlencoded": decode_form, "application/json": decode_object}


def decode_body(media_type: str, body: bytes) -> dict[str, Any]:
    """Decode a body into fields; fields that are null are left out.

    Raises KeyError for an unknown media type, and BodyError for a body that does not decode: it is refused
    whole, never stored with replacement characters.
    """
    decode = DECODERS[media_type]
    try:
        fields = decode(body)
    except UnicodeDecodeError as error:
        raise BodyError("not UTF-8") from error
    return {name: value for name, value in fields.items() if value is not None}
