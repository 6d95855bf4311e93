"""Rows out, as CSV, XLSX and Parquet; knows nothing of HTTP."""

from .columns import DAY, NUMBER, Column, FigureTable, ListTable, Table, dispatches_table, ratings_table
from .credits import credits_table
from .csv import csv_text
from .duplicates import conflicts_table, repeats_table
from .files import FORMATS, About, is_disk_full, write_export
from .parquet import has_pyarrow

__all__ = [
    "DAY",
    "FORMATS",
    "NUMBER",
    "About",
    "Column",
    "FigureTable",
    "ListTable",
    "Table",
    "conflicts_table",
    "credits_table",
    "csv_text",
    "dispatches_table",
    "has_pyarrow",
    "is_disk_full",
    "ratings_table",
    "repeats_table",
    "write_export",
]
