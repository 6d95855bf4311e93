"""Rows out, as CSV and XLSX; knows nothing of HTTP."""

from .csv import csv_chunks
from .xlsx import xlsx_file

__all__ = ["csv_chunks", "xlsx_file"]
