"""Files of rows, in; knows nothing of HTTP."""

from .accounts import ImportResult, RowError, account_template, import_accounts
from .files import ImportFailed

__all__ = ["ImportFailed", "ImportResult", "RowError", "account_template", "import_accounts"]
