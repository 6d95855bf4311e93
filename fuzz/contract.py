"""A model of `POST /score`, written from docs/api.md: what a submission must be answered with, and which rows remain.

It shares no code with the server. Only the JSON parser is the same, that of the standard library.
"""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

FIELDS = ("acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")
SUCCESS, FAILURE = "数据提交成功", "数据提交失败"
LONGEST_BODY = 256 * 1024
MOST_FIELDS = 100
LOWEST, HIGHEST = 1, 5  # the default range of a grade
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
ACC_NBR = re.compile(r"[0-9A-Za-z._@+-]{1,32}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


class Refused(Exception):
    """The contract refuses the body; `status` and `cause` are those of the reply."""

    def __init__(self, cause, status=400):
        super().__init__(cause)
        self.refusal = (status, cause)


@dataclass(frozen=True)
class Written:
    """A JSON number in the form in which it was written."""

    text: str


@dataclass(frozen=True)
class Submission:
    content: tuple  # the values of FIELDS
    id: str | None = None  # 32 hexadecimal digits


def refuse_twice(pairs):
    if len({name for name, _value in pairs}) < len(pairs):
        raise Refused("body")
    return dict(pairs)


def read_json(text):
    def constant(name):
        raise ValueError(name)

    return json.loads(text, parse_int=Written, parse_float=Written, parse_constant=constant)


def read_form(body):
    pairs = [part.partition(b"=")[::2] for part in body.split(b"&") if part]
    if len(pairs) > MOST_FIELDS:
        raise Refused("body")
    texts = [[unquote_to_bytes(side.replace(b"+", b" ")).decode() for side in pair] for pair in pairs]
    return refuse_twice([(name, read_form_value(value)) for name, value in texts])


def read_form_value(text):
    if text == "undefined":
        return None
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text


def read_object(body):
    text = body.decode()

    def constant(name):
        raise ValueError(name)

    hooks = {"parse_int": Written, "parse_float": Written, "parse_constant": constant}
    try:
        fields = json.loads(text, object_pairs_hook=refuse_twice, **hooks)
    except (ValueError, RecursionError):
        raise Refused("body") from None
    if not isinstance(fields, dict):
        raise Refused("body")
    return fields


def read_acc_nbr(value):
    if isinstance(value, Written) and re.fullmatch(r"-?\d+", value.text):
        value = value.text
    if isinstance(value, str) and ACC_NBR.fullmatch(value):
        return value
    raise Refused("acc_nbr")


def read_grade(name, value):
    if isinstance(value, str) and re.fullmatch(r"[0-9]+", value):
        value = Written(value)
    if isinstance(value, Written):
        sign, whole, fraction, exponent = NUMBER.fullmatch(value.text).groups(default="")
        digits = (whole + fraction).lstrip("0")
        zeros = len(digits) - len(digits.rstrip("0"))
        power = int(exponent or 0) - len(fraction) + zeros if len(exponent) < 20 else None
        digits = digits.rstrip("0")
        if not sign and power == 0 and len(digits) == 1 and LOWEST <= int(digits) <= HIGHEST:
            return int(digits)
    raise Refused(name)


def read_remark(name, value):
    text = value.text if isinstance(value, Written) else value
    if isinstance(text, str) and len(text) <= 500:
        if not any((ch < " " and ch not in "\t\n\r") or "\ud800" <= ch <= "\udfff" for ch in text):
            return text
    raise Refused(name)


def read_submission(content_type, body):
    """The submission in a body; raises `Refused` with the status and the cause of the first fault."""
    if len(body) > LONGEST_BODY:
        raise Refused("body", 413)
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (FORM, JSON) and (media_type or body):
        raise Refused("content-type", 415)
    try:
        fields = read_object(body) if media_type == JSON else read_form(body)
    except UnicodeDecodeError:
        raise Refused("body") from None
    values = {name: value for name, value in fields.items() if value is not None}
    for name in FIELDS[:4]:
        if name not in values:
            # The faults are named in the order of the fields, so an earlier one may be at fault first.
            values[name] = []
    content = [read_acc_nbr(values["acc_nbr"])]
    content += [read_grade(name, values[name]) for name in FIELDS[1:4]]
    content += [read_remark(name, values.get(name, "")) for name in FIELDS[4:]]
    identity = values.get("submission_id")
    if isinstance(identity, Written):
        identity = identity.text
    if identity is not None and not (isinstance(identity, str) and UUID.fullmatch(identity)):
        raise Refused("submission_id")
    return Submission(tuple(content), identity and identity.replace("-", "").lower())


@dataclass
class Ledger:
    """The rows that the table must hold after the answers so far, and those that it may hold."""

    required: set = field(default_factory=set)  # (content, openid, id) of acknowledged ratings
    perhaps: set = field(default_factory=set)  # sent whole, and the answer was not read
    conflicts: set = field(default_factory=set)  # (content, openid) of submissions that may be conflicts
    by_id: dict = field(default_factory=dict)  # (content, openid) of each acknowledged id
    unsure_ids: set = field(default_factory=set)  # of unanswered ratings

    def expected(self, submission, openid):
        """The statuses that the contract allows for a submission without a fault."""
        if submission.id in self.by_id:
            content, person = self.by_id[submission.id]
            is_conflict = content != submission.content or bool(openid and person and openid != person)
            return {409} if is_conflict else {200}
        return {200, 409} if submission.id in self.unsure_ids else {200}

    def acknowledge(self, submission, openid):
        """Note an answer of 200. A duplicate adds no row."""
        if submission.id:
            if submission.id not in self.by_id:
                self.by_id[submission.id] = (submission.content, openid)
                self.required.add((submission.content, openid, submission.id))
        else:
            self.required.add((submission.content, openid, None))

    def note_unanswered(self, submission, openid):
        self.perhaps.add((submission.content, openid, submission.id))
        if submission.id:
            self.unsure_ids.add(submission.id)
            self.conflicts.add((submission.content, openid))

    def note_conflict(self, submission, openid):
        self.conflicts.add((submission.content, openid))

    def compare(self, rows, conflicts):
        """Faults of the stored rows: lists of (content, openid, id), and of the conflicts' (content, openid)."""
        counted = {}
        for row in rows:
            counted[row] = counted.get(row, 0) + 1
        kept = {(content, openid, None) for content, openid in self.conflicts}  # staff may keep a conflict
        faults = [("an acknowledged rating is not stored", row) for row in self.required - counted.keys()]
        for row, number in counted.items():
            if row not in self.required | self.perhaps | kept:
                faults.append(("a row that the contract refuses is stored", row))
            elif number > 1 and row not in kept:
                faults.append(("a rating is stored twice", row))
        faults += [("a conflict that was never sent is stored", row) for row in set(conflicts) - self.conflicts]
        return faults
