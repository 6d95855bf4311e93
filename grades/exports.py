"""Ratings as rows, and rows as CSV and XLSX; knows nothing of HTTP."""

import csv
import io
import tempfile
from itertools import islice

from django.utils import timezone
from rustpy_xlsxwriter import Format, write_worksheets

from .models import Grade

# The columns in their order, and how wide each is in XLSX, in characters.
WIDTHS = {
    "acc_nbr": 20,
    "grade1": 9,
    "grade2": 9,
    "grade3": 9,
    "txt1": 40,
    "txt2": 40,
    "txt3": 40,
    "insert_time": 20,
    "review_state": 12,
    "review_note": 40,
    "reviewer": 16,
    "reviewed_at": 20,
}

# Rows per sheet. Excel ends at 1,048,576; the rest is room on the last sheet for ratings that come
# in after the sheets were counted out.
SHEET_ROWS = 1_000_000

# Rows per chunk of CSV.
CHUNK_ROWS = 500

# What a spreadsheet takes for the start of a formula, in the full-width forms of a Chinese keyboard too.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def read_table(queryset):
    """(headings, an iterator of rows), newest first: one list of values per rating.

    All that depends on the active language is resolved here and not in the iterator, which a
    streamed response runs after the language is gone.
    """
    headings = [str(Grade._meta.get_field(name).verbose_name) for name in WIDTHS]
    states = {value: str(label) for value, label in Grade.ReviewState.choices}
    zone = timezone.get_default_timezone()
    if queryset.query.is_sliced:
        # A slice can neither be ordered anew nor, on MySQL, be a subquery of IN.
        queryset = Grade.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))

    def local(moment):
        """The wall-clock time at the site, to the second; spreadsheets know no time zones."""
        return moment and timezone.make_naive(moment, zone).replace(microsecond=0)

    def rows():
        for grade in queryset.in_batches():
            yield [
                grade.acc_nbr,
                grade.grade1,
                grade.grade2,
                grade.grade3,
                grade.txt1,
                grade.txt2,
                grade.txt3,
                local(grade.insert_time),
                states[grade.review_state],
                grade.review_note,
                grade.reviewer.username if grade.reviewer else "",
                local(grade.reviewed_at),
            ]

    return headings, rows()


def csv_chunks(queryset):
    """The ratings of `queryset`, newest first, as CSV: an iterator of bytes.

    UTF-8 with a byte order mark, without which Excel garbles Chinese; lines end in CRLF.
    """
    headings, rows = read_table(queryset)

    def chunks():
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        buffer.write("\ufeff")
        writer.writerow(headings)
        while batch := list(islice(rows, CHUNK_ROWS)):
            writer.writerows([csv_value(value) for value in row] for row in batch)
            yield take(buffer)
        yield take(buffer)  # the headings, if there was no row

    return chunks()


def take(buffer):
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def csv_value(value):
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return value  # csv writes a datetime by str(): YYYY-MM-DD HH:MM:SS, for it has no microseconds


def xlsx_file(queryset):
    """The ratings of `queryset`, newest first, as XLSX: an open temporary file at its beginning.

    Every text is a text cell, whatever it looks like. What XML cannot hold is written as the format
    has it, `_xFFFE_`, and what looks like that as `_x005F_xFFFE_`; Excel reads both back.
    """
    count = queryset.count()
    headings, rows = read_table(queryset)
    records = (dict(zip(headings, row, strict=True)) for row in rows)
    full = (count - 1) // SHEET_ROWS if count else 0
    name = str(Grade._meta.verbose_name_plural)
    sheets = [(f"{name} {number + 1}", sheet(islice(records, SHEET_ROWS), headings)) for number in range(full)]
    sheets.append((f"{name} {full + 1}" if full else name, sheet(records, headings)))
    # By its name: into an open file the writer would put the whole workbook from memory at once.
    file = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller closes it
    write_worksheets(
        sheets,
        file.name,
        header_format={"general": Format().set_bold()},
        freeze_panes={"general": {"row": 1, "col": 0}},
        autofilter={"general": True},
        column_widths={"general": list(WIDTHS.values())},
        datetime_format="yyyy-mm-dd hh:mm:ss",
        # Account numbers are digits stored as text on purpose: no green corners.
        ignore_errors={"general": [headings[0]]},
    )
    return file


def sheet(records, headings):
    """The records of one sheet; the writer takes the headings from the first, so there must be one."""
    first = next(records, None)
    yield first or dict.fromkeys(headings)
    yield from records
