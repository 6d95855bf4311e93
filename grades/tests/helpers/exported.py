"""Ratings read back from an export, and the same ratings as the export should have them."""

import csv
import io
import tempfile
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from grades.exports import About, ratings_table, write_export
from grades.models import Account, Grade

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
    "dispatched on",
    "customer name",
    "area",
    "product",
]
ABOUT = About(filter="review: New", slug="review-new", by="boss")


def export(file_format, queryset, about=ABOUT, **options):
    """The bytes of an export."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        options.setdefault("expected", queryset.count())
        write_export(ratings_table(queryset), about, file_format, path, **options)
        return path.read_bytes()


def load(queryset, **options):
    """The workbook of an export, as openpyxl reads it."""
    return load_workbook(io.BytesIO(export("xlsx", queryset, **options)))


def read_xlsx(queryset):
    """The sheets of the XLSX of `queryset` without the last, with the format's escapes resolved."""
    return [
        [[unescape(value) if isinstance(value, str) else value for value in row] for row in sheet.values]
        for sheet in load(queryset).worksheets[:-1]
    ]


def read_csv(queryset):
    return parse_csv(export("csv", queryset))


def parse_csv(content):
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


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
            *dispatch_of(grade),
        ]
        for grade in Grade.objects.select_related("reviewer").order_by("-insert_time", "-id")
    ]


def dispatch_of(grade):
    day = grade.insert_time.astimezone(SHANGHAI).date()
    dispatches = Account.objects.filter(number=grade.number, dispatched_on__lte=day)
    if not (found := sorted(dispatches, key=lambda dispatch: (dispatch.dispatched_on, dispatch.pk))):
        return [None, "", "", ""]
    newest = found[-1]
    return [newest.dispatched_on, newest.customer_name, newest.area, newest.product]


def as_cells(rows):
    """Rows of `table` as a spreadsheet has them: empty cells, not empty texts; days as midnights."""

    def cell(value):
        is_day = isinstance(value, date) and not isinstance(value, datetime)
        return datetime.combine(value, time()) if is_day else None if value == "" else value

    return [[cell(value) for value in row] for row in rows]


def as_text(rows):
    """Rows of `table` as the CSV has them, without the guard before formulas."""
    return [["" if value is None else str(value) for value in row] for row in rows]
