"""The columns of an export of duplicates, and of one of conflicts."""

from typing import Any

from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from ..database.localtime import LocalText
from ..models import CONTENT, Conflict, Grade, Repeat
from .columns import NUMBER, TEXT, TIME, Column, ListTable, heading

GRADES = ("grade1", "grade2", "grade3")


def rating_name(field: str) -> Any:
    """A rating as the lists show it, `#7`; empty for none."""
    text = Concat(Value("#"), Cast(field, CharField(max_length=20)), output_field=CharField())
    return Case(When(**{f"{field}__isnull": False}, then=text), default=Value(""), output_field=CharField())


def repeats_table(queryset: QuerySet) -> ListTable:
    """Duplicates, newest first, each with the rating that it repeats."""
    return ListTable(
        subject="duplicates",
        title=str(Repeat._meta.verbose_name_plural),
        columns=[
            Column(heading(Repeat, "repeated_at"), 20, TIME),
            Column(heading(Repeat, "grade"), 12, TEXT),
            Column(heading(Grade, "acc_nbr"), 20, TEXT),
            Column(heading(Grade, "insert_time"), 20, TIME),
        ],
        queryset=queryset.order_by("-repeated_at", "-id"),
        values=[
            LocalText("repeated_at"),
            rating_name("grade_id"),
            F("grade__acc_nbr"),
            LocalText("grade__insert_time"),
        ],
    )


def conflicts_table(queryset: QuerySet) -> ListTable:
    """Conflicts, newest first: what was received, and beside it what is stored."""
    columns = [
        Column(heading(Conflict, "acc_nbr"), 20, TEXT),
        Column(heading(Conflict, "received_at"), 20, TIME),
        Column(_("state"), 12, TEXT),
    ]
    values: list[Any] = [
        F("acc_nbr"),
        LocalText("received_at"),
        Case(When(kept_as=None, then=Value(_("Open"))), default=Value(_("Kept")), output_field=CharField()),
    ]
    for name in CONTENT[1:]:
        kind, width, wraps = (NUMBER, 12, False) if name in GRADES else (TEXT, 40, True)
        for text, field in ((_("stored: %(name)s"), f"grade__{name}"), (_("received: %(name)s"), name)):
            columns.append(Column(text % {"name": heading(Conflict, name)}, width, kind, wraps))
            values.append(F(field))
    columns += [Column(heading(Conflict, name), 12, TEXT) for name in ("grade", "kept_as")]
    values += [rating_name("grade_id"), rating_name("kept_as_id")]
    return ListTable(
        subject="conflicts",
        title=str(Conflict._meta.verbose_name_plural),
        columns=columns,
        queryset=queryset.prefetch_related(None).order_by("-received_at", "-id"),
        values=values,
    )
