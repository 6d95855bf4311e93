"""Coverage: of the dispatches of a period, how many were rated, and which were not."""

from collections import Counter
from time import monotonic

from django.contrib import admin
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ..access import SEE_COVERAGE, staff_route
from ..database.routers import from_readers
from ..database.snapshots import snapshot
from ..exports import FORMATS, Column, FigureTable
from ..formats import percent
from ..forms import PERIODS, PeriodForm
from ..models import Account, dispatch_figures, low_limit
from ..models.coverage import catch_up
from ..models.figures import LOOK_SECONDS, known_days, read, refresh
from .figures import Figure, export_table, list_link, number_columns, page_link, percent_number, share

COUNTS = ("total", "rated", "low", "repeated", "credited")
# Seconds for days that are stale. The others are counted at once, which takes less time than storing them one by one.
REFRESH_SECONDS = 1


@staff_route(SEE_COVERAGE)
@require_safe
def coverage(request):
    """`GET /admin/coverage/`, with `days` or `from` and `to`: the days of the dispatches."""
    form = PeriodForm(request.GET)
    period = form.period
    deadline = monotonic() + LOOK_SECONDS
    complete = catch_up(deadline)
    groups = count(period)
    total = add(groups["area"].values())
    context = {
        **admin.site.each_context(request),
        "title": _("Coverage"),
        "period_form": form,
        "periods": PERIODS,
        "period": period,
        "incomplete": not complete,
        "figures": figures(total, off_list(period, deadline), period),
        "tables": tables(groups, period),
        "not_rated": total["total"] - total["rated"],
        # The list of those not yet rated has the export.
        "not_rated_export": list_link("account", period, "export", rated="no"),
        "export_formats": FORMATS,
        "export_url": page_link("coverage-export", period),
    }
    return render(request, "admin/grades/coverage.html", context, status=200 if form.is_valid() else 400)


@staff_route(SEE_COVERAGE)
@require_POST
def export(request):
    """`POST table, format` at the query string of the page: one of its tables as a file."""
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return redirect(f"{reverse('coverage')}?{request.GET.urlencode()}")
    catch_up(monotonic() + LOOK_SECONDS)
    files = {table["name"]: file_of(table) for table in tables(count(form.period), form.period)}
    return export_table(request, "coverage", form.period, files)


def count(period):
    """{"area": {area: counts}, "product": {product: counts}} of the dispatches of a period; counts by COUNTS."""
    dispatch_figures.refresh(*period, monotonic() + REFRESH_SECONDS)
    with snapshot():
        figures = dispatch_figures.read(*period)
    low = {f"lowest{value}" for value in range(low_limit() + 1)}
    groups = {column: {} for column in dispatch_figures.COLUMNS}
    for name, number in figures.items():
        column, counted, value = name.split(":", 2)
        counts = groups[column].setdefault(value, Counter())
        counts["low" if counted in low else counted] += number
    return groups


def add(groups):
    """The sum of several counts."""
    return {name: sum(counts[name] for counts in groups) for name in COUNTS}


def off_list(period, deadline):
    days = known_days(period.first, period.last)
    refresh(days, deadline)
    with from_readers():
        by_day = read(days, deadline, only="off_list").by_day
    return sum(figures["off_list"] for figures in by_day.values())


def links(period, **filters):
    def link(**more):
        return list_link("account", period, **filters, **more)

    return {
        "total": link(),
        "rated": link(rated="yes"),
        "not_rated": link(rated="no"),
        "low": link(rated="low"),
        "repeated": link(rated="more"),
        "credited": link(credited="yes"),
    }


def figures(total, off_list, period):
    link = links(period)
    parts = [
        ("rated", _("Rated"), total["rated"]),
        ("not_rated", _("Not yet rated"), total["total"] - total["rated"]),
        ("low", _("Rated low"), total["low"]),
        ("repeated", _("Rated more than once"), total["repeated"]),
        ("credited", _("Credited"), total["credited"]),
    ]
    shown = [Figure(_("Dispatches"), total["total"], None, link=link["total"])]
    for name, label, value in parts:
        note = _("%(share)s of dispatches") % {"share": percent(share(value, total["total"]))}
        shown.append(Figure(label, value, None, link=link[name], note=note))
    off = list_link("grade", period, listed="no")
    return [*shown, Figure(_("Ratings not on the dispatch list"), off_list, None, link=off, note=_("by day of rating"))]


def tables(groups, period):
    """The tables by area and by product."""
    counted = [_("Dispatches"), _("Rated"), _("Not yet rated"), _("Rated low"), _("More than once"), _("Credited")]
    return [
        {
            "name": name,
            "title": title,
            "column": Account._meta.get_field(name).verbose_name,
            "counted": counted,
            "rows": rows(name, groups[name], period),
        }
        for name, title in [("area", _("By area")), ("product", _("By product"))]
    ]


def file_of(table):
    return FigureTable(
        f"coverage-{table['name']}",
        table["title"],
        [Column(str(table["column"]), 24), *number_columns(*table["counted"], _("Share rated, in percent"))],
        [
            (row["name"] or _("(none)"), *(count for count, _link in row["cells"]), percent_number(row["share"]))
            for row in table["rows"]
        ],
    )


def rows(column, groups, period):
    """One row for each area or product, those with the most dispatches that are not rated first."""
    table = []
    for name, total in groups.items():
        total["not_rated"] = total["total"] - total["rated"]
        link = links(period, **{column: name})
        cells = [(total[key], link[key]) for key in ("total", "rated", "not_rated", "low", "repeated", "credited")]
        table.append({"name": name, "cells": cells, "share": share(total["rated"], total["total"])})
    return sorted(table, key=lambda row: (-row["cells"][2][0], row["name"]))
