"""What both stores of counters share."""

from typing import NamedTuple


class Counter(NamedTuple):
    """A counter of `subject`, by its `key` of 32 hexadecimal digits: at most `most` in `seconds`."""

    subject: str
    key: str
    most: int
    seconds: int


class Excess(NamedTuple):
    """The limit of `subject` is exceeded; after `retry_after` seconds its window ends."""

    subject: str
    retry_after: int
