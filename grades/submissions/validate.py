"""The submission contract: what each field may hold."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from ..models import ACC_NBR_LENGTH, REMARK_LENGTH
from .decode import Number


class SubmissionField(serializers.Field):
    """Base of the fields. The messages go into a header: ASCII English, never the customer's text."""

    default_error_messages = {"required": "required"}


class AccountNumberField(SubmissionField):
    """An account number: a string, or a JSON integer whose digits are kept."""

    default_error_messages = {
        "type": "must be a string or an integer",
        "length": "must have 1 to {max_length} characters",
        "characters": "has a character that is not allowed",
    }

    def to_internal_value(self, data: Any) -> str:
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

    def to_internal_value(self, data: Any) -> int:
        if data.__class__ is Number and len(data) == 1 and settings.GRADE_MIN <= int(data) <= settings.GRADE_MAX:
            return int(data)  # the common case: one digit
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
    """A remark: any Unicode except C0 control characters; tab, line feed and carriage return are allowed."""

    default_error_messages = {
        "type": "must be text",
        "length": "longer than {max_length} characters",
        "characters": "has a control character or half a surrogate pair",
    }
    refused = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

    def to_internal_value(self, data: Any) -> str:
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

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not self.form.fullmatch(data):
            self.fail("type")
        return UUID(data)


class LoginCodeField(SubmissionField):
    """A code of wx.login: a string."""

    default_error_messages = {"type": "must be a string of 1 to 128 characters of ASCII"}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or isinstance(data, Number) or not re.fullmatch(r"[\x21-\x7e]{1,128}", data):
            self.fail("type")
        return data


class LoginSerializer(serializers.Serializer):
    code = LoginCodeField()


class SubmissionSerializer(serializers.Serializer):
    """One rating as a client sends it. Faults are named in the order of the fields."""

    acc_nbr = AccountNumberField()
    grade1 = GradeField()
    grade2 = GradeField()
    grade3 = GradeField()
    txt1 = RemarkField(default="")
    txt2 = RemarkField(default="")
    txt3 = RemarkField(default="")
    submission_id = SubmissionIdField(required=False)


class SubmissionError(Exception):
    """The contract refuses the submission; the message names the first field at fault and the reason."""


# The fields of one serializer serve every request: DRF copies all of them for each new serializer.
SUBMISSION_FIELDS = tuple(SubmissionSerializer().fields.items())


def validate(fields: dict[str, Any]) -> dict[str, Any]:
    """Validate decoded fields as `SubmissionSerializer` does; returns the values by name.

    Raises `SubmissionError`, e.g. "grade1: out of range".
    """
    submission: dict[str, Any] = {}
    for name, field in SUBMISSION_FIELDS:
        value = fields.get(name)
        if value is not None:
            try:
                submission[name] = field.to_internal_value(value)
            except serializers.ValidationError as error:
                [reason] = error.detail
                raise SubmissionError(f"{name}: {reason}") from error
        elif field.required:
            raise SubmissionError(f"{name}: {field.error_messages['required']}")
        elif field.default is not serializers.empty:
            submission[name] = field.default
    return submission
