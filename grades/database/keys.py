"""Primary keys as texts, which people can write into an address or a form."""

import re


def is_key(text: str) -> bool:
    """Whether a row can have this primary key: a number that every database holds."""
    return re.fullmatch("[0-9]{1,18}", text) is not None
