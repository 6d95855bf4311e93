"""Rows out, as CSV and XLSX; knows nothing of HTTP."""

from .csv import csv_chunks
from .dispatches import dispatches_csv, dispatches_xlsx
from .xlsx import xlsx_file

__all__ = ["csv_chunks", "dispatches_csv", "dispatches_xlsx", "xlsx_file"]
