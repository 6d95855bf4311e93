"""Rows in, from files and from the original program's table. Knows no HTTP.

Imports run downwards: faulty and changes → accounts; accounts and template → cells → headings; accounts and legacy →
files → process; all of them → refusals. `grades.reader` reads the files, in a process of its own.
"""

from .accounts import ImportResult, RowError, import_accounts, import_in_steps
from .cells import ValueRefused, check_acct_id, check_day, check_digits, check_text
from .changes import change_headings, change_rows
from .faulty import faulty_rows
from .process import COMMAND, PAGE
from .refusals import ImportFailed
from .template import account_template

__all__ = [
    "COMMAND",
    "PAGE",
    "ImportFailed",
    "ImportResult",
    "RowError",
    "ValueRefused",
    "account_template",
    "change_headings",
    "change_rows",
    "check_acct_id",
    "check_day",
    "check_digits",
    "check_text",
    "faulty_rows",
    "import_accounts",
    "import_in_steps",
]
