"""What the pages with figures share: a figure, and the link to the list that it counts."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.shortcuts import redirect
from django.urls import reverse

from ..downloads import ExportFailed, export_response
from ..exports import FORMATS, NUMBER, About, Column


@dataclass
class Figure:
    """One number: its name, its value now and before, the template filter that writes it, and the list it counts."""

    name: str
    value: Any
    before: Any
    kind: str = "count"
    link: str = ""
    note: str = ""

    @property
    def change(self):
        """The change in percent, or None."""
        return round(100 * (self.value - self.before) / self.before) if self.value is not None and self.before else None


def list_link(model, period=None, page="changelist", **filters):
    """The address of a list, or of its export."""
    days = {"from": period.first, "to": period.last} if period else {}
    return reverse(f"admin:grades_{model}_{page}", query={**filters, **days})


def share(part, whole):
    return part / whole if whole else None


def percent_number(share):
    """A share from 0 to 1 as the number of percent in a cell; an empty cell if there is none."""
    return "" if share is None else round(100 * share, 1)


def number_columns(*headings):
    return [Column(heading, 14, NUMBER) for heading in headings]


def page_link(name, period):
    """The address of a page with the figures of a period."""
    return reverse(name, query={"from": period.first, "to": period.last})


def export_table(request, page, period, tables):
    """The one of `tables`, by name, that a button of a page with figures asks for."""
    table, file_format = tables.get(request.POST.get("table")), request.POST.get("format")
    if table is None or file_format not in dict(FORMATS):
        raise BadRequest("The table or the format is unknown.")
    about = About(
        filter=f"{period.first} – {period.last}",
        slug=f"{period.first}_{period.last}",
        by=request.user.get_username(),
    )
    try:
        return export_response(table, about, file_format, len(table.lines))
    except ExportFailed as failed:
        messages.error(request, str(failed))
        return redirect(page_link(page, period))
