"""What the servers need before Django is there: their own settings, from the environment or from `.env`."""

import os
import re
import sys
from pathlib import Path

from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
stored = dotenv_values(ENV_FILE) if ENV_FILE else {}


def read(name, default):
    return os.environ.get(name) or stored.get(name) or default


def whole_number(name, default, highest):
    """A setting from 1 to `highest`; anything else ends the start with the line that mends it."""
    value = str(read(name, default))
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= highest:
        sys.exit(
            f"{name} must be a whole number from 1 to {highest}. "
            f"Set it in {ENV_FILE or 'the environment'}: {name}={default}"
        )
    return int(value)


def one_of(name, choices):
    """A setting that is one of `choices`, the first by default."""
    value = read(name, choices[0])
    if value not in choices:
        sys.exit(
            f"{name} must be {' or '.join(choices)}. Set it in {ENV_FILE or 'the environment'}: {name}={choices[0]}"
        )
    return value
