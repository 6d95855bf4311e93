"""Rows in, from files and from the original program's table. Knows no HTTP.

Imports run downwards: accounts and template → cells → headings; accounts and legacy → files → csv and
workbook; all of them → tables.
"""

from .accounts import ImportResult, RowError, import_accounts
from .tables import ImportFailed
from .template import account_template

__all__ = ["ImportFailed", "ImportResult", "RowError", "account_template", "import_accounts"]
