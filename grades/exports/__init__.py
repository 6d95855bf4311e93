"""Rows out, as CSV and XLSX; knows nothing of HTTP."""

from .columns import DAY, NUMBER, Column, FigureTable, ListTable, Table, dispatches_table, ratings_table
from .credits import credits_table
from .duplicates import conflicts_table, repeats_table
from .files import FORMATS, About, is_disk_full, write_export

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
    "dispatches_table",
    "is_disk_full",
    "ratings_table",
    "repeats_table",
    "write_export",
]
