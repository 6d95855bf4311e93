"""Rows out, as CSV and XLSX; knows nothing of HTTP."""

from .columns import Table, dispatches_table, ratings_table
from .files import FORMATS, About, is_disk_full, write_export

__all__ = ["FORMATS", "About", "Table", "dispatches_table", "is_disk_full", "ratings_table", "write_export"]
