"""What an import changed, as rows of a file: each row of the list, and the values that were different before."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from .accounts import Values, shown
from .headings import HEADINGS, label


def change_headings() -> list[str]:
    return [_("Import"), *map(label, HEADINGS), _("Changes")]


def change_rows(kind: str, rows: list[tuple[Values, Values]]) -> Iterator[list[Any]]:
    """The rows of `ImportResult.on_changes`, with the columns of `change_headings`."""
    name = {"created": _("added"), "updated": _("changed"), "unchanged": _("unchanged")}[kind]
    for values, old in rows:
        changes = (f"{label(column)}: {shown(column, old[column])} → {shown(column, values[column])}" for column in old)
        yield [name, *(shown(column, values[column]) for column in HEADINGS), "\n".join(changes)]
