"""The submission contract, once: how a body is decoded, and what each field may hold."""

import functools
import json
import re
from binascii import unhexlify
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from .models import ACC_NBR_LENGTH, REMARK_LENGTH

MAX_FIELDS = 100


class BodyError(Exception):
    """A body that cannot be decoded; the message says why, in plain ASCII English."""


class Number(str):
    """A JSON number as it was written.

    A float would round 4.9999999999999999999 to 5, and turn the bare remark 1.50 into 1.5.
    """


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


_decode_json = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant).decode


def decode_form_value(text):
    """What a client meant by a form value: its JSON, or else the text as it stands; None for absent."""
    if text == "undefined":  # what a mini program sends for a variable it never set
        return None
    try:
        return _decode_json(text)
    except (ValueError, RecursionError):
        return text


PERCENT_RUN = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


def unquote(value):
    """A name or value (bytes) of a form as text; a % that begins no byte stays.

    A run of bytes at a time: one by one, as in the standard library, it would be the dearest step of a rating.
    """
    if b"%" in value or b"+" in value:
        value = PERCENT_RUN.sub(lambda run: unhexlify(run[0].replace(b"%", b"")), value.replace(b"+", b" "))
    return value.decode()


def decode_form_part(name, value):
    """A field's name and what a client meant by its value, from the bytes on the two sides of a form's =."""
    return unquote(name), decode_form_value(unquote(value))


# Grades and empty remarks are the same few parts in every form. A longer one would fill the memory, or be somebody's.
SHORT = 6  # bytes
decode_short_form_part = functools.lru_cache(maxsize=1000)(decode_form_part)


def decode_form(body):
    """The fields of an `application/x-www-form-urlencoded` body, each value JSON or bare."""
    pairs = [pair.partition(b"=") for pair in body.split(b"&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise BodyError("too many fields")
    fields = {}
    for name, _equals, value in pairs:
        is_short = len(name) <= SHORT and len(value) <= SHORT
        key, meant = (decode_short_form_part if is_short else decode_form_part)(name, value)
        fields[key] = meant
    if len(fields) < len(pairs):
        raise BodyError("a field is given twice")
    return fields


def decode_object(body):
    """The fields of an `application/json` body."""
    text = body.decode()
    try:
        fields = _decode_json(text)
    except (ValueError, RecursionError) as error:
        raise BodyError("not JSON") from error
    if not isinstance(fields, dict):
        raise BodyError("not an object")
    return fields


DECODERS = {"application/x-www-form-urlencoded": decode_form, "application/json": decode_object}


def decode_body(media_type, body):
    """The fields that a body (bytes) gives, without those that are null.

    Raises KeyError for a media type that is not accepted, and BodyError for a body that does not
    decode: it is refused whole, never stored with replacement characters.
    """
    decode = DECODERS[media_type]
    try:
        fields = decode(body)
    except UnicodeDecodeError as error:
        raise BodyError("not UTF-8") from error
    return {name: value for name, value in fields.items() if value is not None}


class SubmissionField(serializers.Field):
    """A field whose messages go into a header: plain ASCII English, never the customer's text."""

    default_error_messages = {"required": "required"}


class AccountNumberField(SubmissionField):
    """An account number: a string, or a JSON integer whose digits are kept."""

    default_error_messages = {
        "type": "must be a string or an integer",
        "length": "must have 1 to {max_length} characters",
        "characters": "has a character that is not allowed",
    }

    def to_internal_value(self, data):
        if isinstance(data, int) and not isinstance(data, bool):
            data = str(data)
        if not isinstance(data, str) or (isinstance(data, Number) and not data.lstrip("-").isdigit()):
            self.fail("type")
        if not 1 <= len(data) <= ACC_NBR_LENGTH:
            self.fail("length", max_length=ACC_NBR_LENGTH)
        if not re.fullmatch(settings.ACC_NBR_PATTERN, data):
            self.fail("characters")
        return str(data)


class GradeField(SubmissionField):
    """A grade: an integer in the range of the settings, as a number (5, 5.0) or ASCII digits ("5")."""

    default_error_messages = {"type": "must be a whole number", "range": "out of range"}

    def to_internal_value(self, data):
        if data.__class__ is Number and len(data) == 1 and settings.GRADE_MIN <= int(data) <= settings.GRADE_MAX:
            return int(data)  # a digit, which nearly every grade is
        if isinstance(data, bool) or not isinstance(data, str | int):
            self.fail("type")
        if isinstance(data, str) and not isinstance(data, Number) and not (data.isascii() and data.isdigit()):
            self.fail("type")
        try:
            value = Decimal(data)
        except InvalidOperation:  # an exponent beyond what Decimal can hold
            self.fail("range")
        # Compared before it is converted: int() of 1e400 would build four hundred digits.
        if not settings.GRADE_MIN <= value <= settings.GRADE_MAX:
            self.fail("range" if value == value.to_integral_value() else "type")
        if value != int(value):
            self.fail("type")
        return int(value)


class RemarkField(SubmissionField):
    """A remark: any Unicode but control characters (C0 without tab, line feed, carriage return)."""

    default_error_messages = {
        "type": "must be text",
        "length": "longer than {max_length} characters",
        "characters": "has a control character or half a surrogate pair",
    }
    refused = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

    def to_internal_value(self, data):
        if isinstance(data, int) and not isinstance(data, bool):
            data = str(data)
        if not isinstance(data, str):
            self.fail("type")
        if len(data) > REMARK_LENGTH:
            self.fail("length", max_length=REMARK_LENGTH)
        if self.refused.search(data):
            self.fail("characters")
        return str(data)


class SubmissionIdField(SubmissionField):
    """The client's own id of this submission: a UUID as text, with or without its hyphens."""

    default_error_messages = {"type": "must be a UUID"}
    form = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)

    def to_internal_value(self, data):
        if not isinstance(data, str) or not self.form.fullmatch(data):
            self.fail("type")
        return UUID(data)


class LoginCodeField(SubmissionField):
    """A code of wx.login: a string."""

    default_error_messages = {"type": "must be a string of 1 to 128 characters of ASCII"}

    def to_internal_value(self, data):
        if not isinstance(data, str) or isinstance(data, Number) or not re.fullmatch(r"[\x21-\x7e]{1,128}", data):
            self.fail("type")
        return data


class LoginSerializer(serializers.Serializer):
    code = LoginCodeField()


class SubmissionSerializer(serializers.Serializer):
    """One rating as a client sends it; the order of the fields is the order in which faults are named."""

    acc_nbr = AccountNumberField()
    grade1 = GradeField()
    grade2 = GradeField()
    grade3 = GradeField()
    txt1 = RemarkField(default="")
    txt2 = RemarkField(default="")
    txt3 = RemarkField(default="")
    submission_id = SubmissionIdField(required=False)


class SubmissionError(Exception):
    """A submission that the contract refuses; the message is the first field at fault and why."""


# The fields of one serializer serve every request: to make a serializer is to copy them all.
SUBMISSION_FIELDS = tuple(SubmissionSerializer().fields.items())


def read_submission(fields):
    """What `SubmissionSerializer` makes of decoded fields: the validated values by name.

    Raises `SubmissionError`, e.g. "grade1: out of range".
    """
    submission = {}
    for name, field in SUBMISSION_FIELDS:
        value = fields.get(name)
        if value is not None:
            try:
                submission[name] = field.to_internal_value(value)
            except serializers.ValidationError as error:
                raise SubmissionError(f"{name}: {error.detail[0]}") from error
        elif field.required:
            raise SubmissionError(f"{name}: {field.error_messages['required']}")
        elif field.default is not serializers.empty:
            submission[name] = field.default
    return submission
