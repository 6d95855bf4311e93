"""Rows out, as CSV and XLSX; knows nothing of HTTP."""

from .credits import CREDIT_WIDTHS, credits_table
from .csv import csv_chunks
from .tables import csv_table, xlsx_table
from .xlsx import xlsx_file

__all__ = ["CREDIT_WIDTHS", "credits_table", "csv_chunks", "csv_table", "xlsx_file", "xlsx_table"]
