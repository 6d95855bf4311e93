"""The contract of the fields: `validate` gives the same as a serializer."""

import pytest

from grades.submissions.decode import BodyError, decode_body
from grades.submissions.validate import SubmissionError, SubmissionSerializer, validate

from ..helpers.submissions import CONTENT, corpus


def by_serializer(fields):
    """The values that a serializer makes of decoded fields, or its first error."""
    serializer = SubmissionSerializer(data=fields)
    if serializer.is_valid():
        return dict(serializer.validated_data)
    field, reasons = next(iter(serializer.errors.items()))
    return f"{field}: {reasons[0]}"


def by_validate(fields):
    try:
        return validate(fields)
    except SubmissionError as error:
        return str(error)


@pytest.mark.parametrize("case", corpus())
def test_a_corpus_case_is_validated_as_by_the_serializer(case):
    media_type = case["content_type"].partition(";")[0].lower()
    try:
        fields = decode_body(media_type, case["body"].encode())
    except (KeyError, BodyError):
        assert case["error"] in ("body", "content-type")
        return
    result = by_validate(fields)
    assert result == by_serializer(fields)
    if case["row"]:
        assert {name: result[name] for name in CONTENT} == case["row"]
        assert [type(result[name]) for name in CONTENT] == [str, int, int, int, str, str, str]
    else:
        assert case["error"] in (result.partition(":")[0], "submission_id")


def test_faults_are_named_in_the_order_of_the_fields():
    fields = {"acc_nbr": "138", "grade1": "5", "grade2": "x", "grade3": "9", "txt1": False, "submission_id": 1}
    assert by_validate(fields) == "grade2: must be a whole number"
    assert by_validate(fields | {"acc_nbr": ""}) == "acc_nbr: must have 1 to 32 characters"
