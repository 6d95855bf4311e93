"""Rows out, as CSV, XLSX and Parquet; knows nothing of HTTP."""

from .columns import Table, dispatches_table, ratings_table
from .credits import credits_table
from .csv import csv_text
from .files import FORMATS, About, is_disk_full, write_export
from .parquet import has_pyarrow

__all__ = [
    "FORMATS",
    "About",
    "Table",
    "credits_table",
    "csv_text",
    "dispatches_table",
    "has_pyarrow",
    "is_disk_full",
    "ratings_table",
    "write_export",
]
