"""Coverage: of the dispatches of a period, how many were rated, and which were not."""

from time import monotonic

from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..access import SEE_COVERAGE, staff_route
from ..database.paging import bounded_count
from ..downloads import DIRECT_ROWS, ExportFailed, export_response
from ..exports import About, dispatches_table
from ..formats import percent
from ..forms import PERIODS, PeriodForm
from ..models import Account, low_limit
from ..models.coverage import catch_up
from ..models.figures import LOOK_SECONDS, known_days, read, refresh
from .figures import Figure, list_link, share

COUNTS = ("total", "rated", "low", "repeated", "credited")


@staff_route(SEE_COVERAGE)
@require_safe
def coverage(request):
    """`GET /admin/coverage/`, with `days` or `from` and `to`: the days of the dispatches."""
    form = PeriodForm(request.GET)
    period = form.period
    deadline = monotonic() + LOOK_SECONDS
    complete = catch_up(deadline)
    groups = count(Account.objects.dispatched_between(*period))
    context = {
        **admin.site.each_context(request),
        "title": _("Coverage"),
        "period_form": form,
        "periods": PERIODS,
        "period": period,
        "incomplete": not complete,
        "figures": figures(add(groups.values()), off_list(period, deadline), period),
        "tables": [
            {
                "title": title,
                "column": Account._meta.get_field(name).verbose_name,
                "rows": rows(name, by_place(groups, place), period),
            }
            for place, (name, title) in enumerate([("area", _("By area")), ("product", _("By product"))])
        ],
        "query": f"from={period.first}&to={period.last}",
    }
    return render(request, "admin/grades/coverage.html", context, status=200 if form.is_valid() else 400)


def count(dispatches):
    """{(area, product): (dispatches, rated, rated low, rated more than once, credited)}, from an index alone."""
    groups = dispatches.order_by().values_list("area", "product")
    counted = groups.annotate(
        total=Count("pk"),
        rated=Count("pk", filter=Q(rating_count__gt=0)),
        low=Count("pk", filter=Q(lowest_grade__lte=low_limit())),
        repeated=Count("pk", filter=Q(rating_count__gt=1)),
    )
    # By outer joins: with `credited()` MariaDB begins with all credits of all time. A dispatch has at most one credit
    # that is not withdrawn.
    credits = groups.annotate(total=Count("credits") - Count("credits__withdrawal"))
    credited = {tuple(group): total for *group, total in credits}
    return {(area, product): (*counts, credited.get((area, product), 0)) for area, product, *counts in counted}


def add(counts):
    sums = [sum(column) for column in zip(*counts, strict=True)] or [0] * len(COUNTS)
    return dict(zip(COUNTS, sums, strict=True))


def off_list(period, deadline):
    days = known_days(period.first, period.last)
    refresh(days, deadline)
    return sum(figures["off_list"] for figures in read(days, deadline).by_day.values())


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


def by_place(groups, place):
    """{area: [counts]} or {product: [counts]}."""
    found = {}
    for group, counts in groups.items():
        found.setdefault(group[place], []).append(counts)
    return found


def rows(column, groups, period):
    """One row for each area or product, those with the most dispatches that are not rated first."""
    table = []
    for name, counts in groups.items():
        total = add(counts)
        total["not_rated"] = total["total"] - total["rated"]
        link = links(period, **{column: name})
        cells = [(total[key], link[key]) for key in ("total", "rated", "not_rated", "low", "repeated", "credited")]
        table.append({"name": name, "cells": cells, "share": share(total["rated"], total["total"])})
    return sorted(table, key=lambda row: (-row["cells"][2][0], row["name"]))


@staff_route(SEE_COVERAGE)
@require_safe
def not_rated(request, file_format):
    """`GET /admin/coverage/not-rated.xlsx` or `.csv`: the dispatches of a period that were not rated, to phone."""
    form = PeriodForm(request.GET)
    if file_format not in ("xlsx", "csv") or not form.is_valid():
        raise Http404
    catch_up(monotonic() + LOOK_SECONDS)
    period = form.period
    dispatches = Account.objects.dispatched_between(*period).not_rated()
    days = f"{period.first} – {period.last}"
    about = About(
        filter=f"{_('Not yet rated')}: {days}",
        slug=f"not-rated_{period.first}_{period.last}",
        by=request.user.get_username(),
    )
    try:
        return export_response(dispatches_table(dispatches), about, file_format, bounded_count(dispatches, DIRECT_ROWS))
    except ExportFailed as failed:
        messages.error(request, str(failed))
        return redirect(f"{reverse('coverage')}?from={period.first}&to={period.last}")
