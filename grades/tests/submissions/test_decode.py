"""Decoding of a body: forms of JSON or bare text, and JSON objects."""

import json
import random
from urllib.parse import parse_qsl

import pytest

from grades.submissions import decode
from grades.submissions.decode import BodyError, Number, decode_body, decode_form, decode_form_value

from ..helpers.submissions import FORM


def test_a_form_is_decoded_as_the_standard_library_does():
    chance = random.Random(4)
    pieces = ["a", "0", "=", "&", "+", "%", "%4", "%zz", "%41", "%22", "%e5%BE%88", "%E5%A5", "%BD", "很", "\n", ";"]
    refused = 0
    for _ in range(20_000):
        body = "".join(chance.choices(pieces, k=chance.randrange(12)))
        try:
            pairs = parse_qsl(body, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            refused += 1
            with pytest.raises(UnicodeDecodeError):
                decode_form(body.encode())
            continue
        if len(dict(pairs)) < len(pairs):
            with pytest.raises(BodyError, match="given twice"):
                decode_form(body.encode())
        else:
            assert decode_form(body.encode()) == {name: decode_form_value(value) for name, value in pairs}, body
    assert 1000 < refused < 19_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", "5"),
        ("1.50", "1.50"),
        ("4.9999999999999999999", "4.9999999999999999999"),
        ('"很好"', "很好"),
        ("很好", "很好"),
        ("013800", "013800"),
        ("NaN", "NaN"),
        ('"cut', '"cut'),
        ("", ""),
        ("null", None),
        ("undefined", None),
        ("true", True),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_form_value_is_its_json_or_the_plain_text(text, value):
    decoded = decode_form_value(text)
    assert (decoded, isinstance(decoded, bool)) == (value, isinstance(value, bool))


def test_a_json_number_keeps_how_it_was_written():
    fields = decode_body(
        "application/json", b'{"grade1": 5.0, "txt1": 1.50, "acc_nbr": 12345678901234567890123456789012}'
    )
    assert fields == {"grade1": "5.0", "txt1": "1.50", "acc_nbr": "12345678901234567890123456789012"}
    assert {type(value) for value in fields.values()} == {Number}


@pytest.mark.parametrize(
    ("media_type", "body"), [(FORM, b"a=null&b=undefined&c=1"), ("application/json", b'{"a": null, "c": 1}')]
)
def test_null_fields_are_left_out(media_type, body):
    assert decode_body(media_type, body) == {"c": "1"}


def test_an_unknown_media_type_is_a_key_error():
    with pytest.raises(KeyError):
        decode_body("text/plain", b"a=1")


def test_a_form_has_at_most_a_hundred_fields():
    fields = [f"f{number}=1" for number in range(decode.MAX_FIELDS)]
    assert len(decode_form("&".join(fields).encode())) == decode.MAX_FIELDS == 100
    with pytest.raises(BodyError, match="too many fields"):
        decode_form("&".join([*fields, "f100=1"]).encode())


def test_only_short_parts_of_a_form_are_cached():
    decode.decode_short_form_part.cache_clear()
    values = ["5", "%22%22", "13800138000", json.dumps("我不满意")]
    for _ in range(2):
        for value in values:
            decode_form(b"txt1=" + value.encode())
    cached = decode.decode_short_form_part.cache_info()
    assert (cached.currsize, cached.hits, cached.misses) == (2, 2, 2)
