"""What both stores of counters share."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(slots=True)
class Submission:
    """The counters of one submission; once it is counted, the limit that it exceeds, if any."""

    counters: Sequence[Counter]
    is_counted: bool = False
    excess: Excess | None = None
