"""Ratings as rows of an export: which columns, in which order, with which values."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from ..models import Grade, GradeQuerySet

# The columns in order, and the width of each in XLSX, in characters.
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


# Excel holds 32,767 characters in a cell; some take more than one of these.
CELL_LENGTH = 30_000


def read_table(queryset: GradeQuerySet) -> tuple[list[str], Iterator[list[Any]]]:
    """Headings and rows of an export, newest first: one list of values per rating.

    Translated texts are resolved here, because a streamed response runs the iterator after the active
    language is reset.
    """
    fields = {field.name: field for field in Grade._meta.fields}
    headings = [str(fields[name].verbose_name) for name in WIDTHS]
    states = {value: str(label) for value, label in Grade.ReviewState.choices}
    zone = timezone.get_default_timezone()
    if queryset.query.is_sliced:
        # A slice cannot be ordered again, and on MySQL it cannot be a subquery of IN.
        queryset = Grade.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))

    def local(moment: datetime | None) -> datetime | None:
        """The wall-clock time at the site, to the second; spreadsheets know no time zones."""
        return moment and timezone.make_naive(moment, zone).replace(microsecond=0)

    def rows() -> Iterator[list[Any]]:
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
                thread_text(grade, local),
                grade.reviewer.username if grade.reviewer else "",
                local(grade.reviewed_at),
            ]

    return headings, rows()


def thread_text(grade: Grade, local: Callable[[datetime | None], datetime | None]) -> str:
    """The notes of a rating as one text, a paragraph each; the beginning is left out if a cell cannot hold it."""
    notes = [f"{local(note.written_at)} {note.author_name}: {note.text}" for note in grade.thread if note.text]
    text = "\n".join(notes)
    return text if len(text) <= CELL_LENGTH else f"…{text[1 - CELL_LENGTH :]}"
