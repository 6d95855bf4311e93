"""Ratings as rows of an export: which columns, in which order, with which values."""

from collections.abc import Iterator
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
                grade.review_note,
                grade.reviewer.username if grade.reviewer else "",
                local(grade.reviewed_at),
            ]

    return headings, rows()
