"""Ratings read back from an export, and the same ratings as the export should have them."""

import csv
import io
from zoneinfo import ZoneInfo

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from grades.exports import csv_chunks, xlsx_file
from grades.models import Grade

SHANGHAI = ZoneInfo("Asia/Shanghai")

HEADINGS = [
    "account number",
    "服务态度",
    "专业水平",
    "响应速度",
    "服务态度如何？",
    "专业水平如何？",
    "还有什么要说的？",
    "submitted at",
    "review",
    "review note",
    "reviewed by",
    "reviewed at",
]


def read_xlsx(queryset):
    """The sheets of the XLSX of `queryset`, as openpyxl reads them, with the format's escapes resolved."""
    with xlsx_file(queryset) as file:
        workbook = load_workbook(file)
    return [
        [[unescape(value) if isinstance(value, str) else value for value in row] for row in sheet.values]
        for sheet in workbook
    ]


def read_csv(queryset):
    return parse_csv(csv_chunks(queryset))


def parse_csv(chunks):
    return list(csv.reader(io.StringIO(b"".join(chunks).decode("utf-8-sig"), newline="")))


def to_the_second(moment):
    return moment and moment.astimezone(SHANGHAI).replace(tzinfo=None, microsecond=0)


def table():
    """Every rating, newest first, read without the code of the export."""
    return [
        [
            grade.acc_nbr,
            grade.grade1,
            grade.grade2,
            grade.grade3,
            grade.txt1,
            grade.txt2,
            grade.txt3,
            to_the_second(grade.insert_time),
            grade.get_review_state_display(),
            "\n".join(
                f"{to_the_second(note.written_at)} {note.author_name}: {note.text}" for note in grade.notes.all()
            ),
            grade.reviewer.username if grade.reviewer else "",
            to_the_second(grade.reviewed_at),
        ]
        for grade in Grade.objects.select_related("reviewer").order_by("-insert_time", "-id")
    ]


def as_cells(rows):
    """Rows of `table` as a spreadsheet has them: empty cells, not empty texts."""
    return [[None if value == "" else value for value in row] for row in rows]


def as_text(rows):
    """Rows of `table` as the CSV has them, without the guard before formulas."""
    return [["" if value is None else str(value) for value in row] for row in rows]
