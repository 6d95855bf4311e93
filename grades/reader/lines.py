"""The lines that the reader sends: JSON, because the process that reads them must not trust the sender.

The first is `["table", headings, size]`. Then follow the rows, `[number, cells]`, and `["end"]`, again and again:
the receiver stops when it needs no further pass. `["refused", code, [[name, value], …]]` may come at any place and
is the last line.
"""

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from types import NoneType
from typing import Any

from .tables import BROKEN_CELL, BrokenCell

# The longest line, and so the longest row, in bytes.
MAX_LINE = 4 << 20

CELL_TYPES = {str, int, float, bool, date, datetime, time, timedelta, BrokenCell, NoneType}
# A value that JSON does not know is an object with one entry.
DECODERS: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "duration": lambda parts: timedelta(*parts),
    "broken": lambda _nothing: BROKEN_CELL,
}


def encode_cell(cell: Any) -> dict[str, Any]:
    if isinstance(cell, BrokenCell):
        return {"broken": None}
    if isinstance(cell, timedelta):
        return {"duration": [cell.days, cell.seconds, cell.microseconds]}
    return {type(cell).__name__: cell.isoformat()}


def decode_cell(encoded: dict[str, Any]) -> Any:
    ((kind, value),) = encoded.items()
    return DECODERS[kind](value)


encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=encode_cell).encode
decode = json.JSONDecoder(object_hook=decode_cell).decode


def is_row(message: Any) -> bool:
    """Whether a decoded line is a row with values that a cell may have."""
    return (
        isinstance(message, list)
        and len(message) == 2
        and type(message[0]) is int
        and isinstance(message[1], list)
        and CELL_TYPES.issuperset(map(type, message[1]))
    )
