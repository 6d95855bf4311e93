"""Ratings as rows, and rows as CSV and XLSX; knows nothing of HTTP."""


def csv_chunks(queryset):
    """The ratings of `queryset`, newest first, as CSV: an iterator of bytes."""
    raise NotImplementedError


def xlsx_file(queryset):
    """The ratings of `queryset`, newest first, as XLSX: an open temporary file at its beginning."""
    raise NotImplementedError
