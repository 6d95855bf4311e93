"""The first page of the back office: the figures of a period, each against the period before."""

from time import monotonic

from django.conf import settings
from django.contrib import admin
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..access import SEE_OVERVIEW, may, staff_route
from ..database.paging import bounded_count, count_label
from ..database.snapshots import snapshot
from ..exports import DAY, FORMATS, Column, FigureTable
from ..formats import percent
from ..forms import PERIODS, PeriodForm
from ..models import Account, Conflict, Grade, end_of, low_limit, start_of
from ..models.figures import LOOK_SECONDS, days_between, known_days, read, refresh
from ..models.statistics import add
from .charts import HEIGHT, WIDTH, split, trend
from .figures import Figure, export_table, list_link, number_columns, page_link, percent_number, share

WORST_SHOWN = 5
WORST_RATINGS = 5  # an area with fewer is not compared
REMARKS_SHOWN = 5
GRADES_SHOWN = 11  # a larger range shows the grades that were given


def overview(request):
    """`GET /admin/`, with `days` or `from` and `to`."""
    form = PeriodForm(request.GET)
    context = {"period_form": form, "periods": PERIODS, "app_list": sorted_apps(request)}
    if may(request.user, SEE_OVERVIEW):
        context |= collect(form.period, request.user)
    response = admin.site.index(request, context)
    response.status_code = 200 if form.is_valid() else 400
    return response


@staff_route(SEE_OVERVIEW)
@require_POST
def export(request):
    """`POST table, format` at the query string of the overview: one of its tables as a file."""
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return redirect(f"{reverse('overview')}?{request.GET.urlencode()}")
    return export_table(request, "overview", form.period, files(collect(form.period, request.user)))


def files(found):
    """{name: table} of what `collect` has found."""
    count, low, share = _("Ratings"), _("Low ratings"), _("Share in percent")
    days = [Column(_("From"), 14, DAY), Column(_("To"), 14, DAY)]
    bars = [(str(bar.period.first), str(bar.period.last), bar.ratings, bar.low) for bar in found["trend"]]
    tables = {"trend": FigureTable("overview-trend", _("Trend"), [*days, *number_columns(count, low)], bars)}
    for question in found["questions"]:
        tables[question["name"]] = FigureTable(
            f"overview-{question['name']}",
            str(question["mean"].name),
            number_columns(_("Grade"), count, share),
            [(grade["value"], grade["count"], percent_number(grade["share"])) for grade in question["grades"]],
        )
    for group in found["worst"]:
        tables[group["name"]] = FigureTable(
            f"overview-worst-{group['name']}",
            group["title"],
            [Column(str(group["column"]), 24), *number_columns(count, low, share, _("Before, in percent"))],
            [
                (
                    row["name"] or _("(none)"),
                    row["ratings"],
                    row["low"],
                    percent_number(row["share"]),
                    percent_number(row["share_before"]),
                )
                for row in group["rows"]
            ],
        )
    return tables


def sorted_apps(request):
    """The lists of this site first; users and groups are rarely needed."""
    return sorted(admin.site.get_app_list(request), key=lambda app: app["app_label"] != "grades")


def collect(period, user):
    """The template context of a period."""
    deadline = monotonic() + LOOK_SECONDS
    days = known_days(period.before.first, period.last)
    refresh(days, deadline)
    with snapshot():
        by_day, pending = read(days, deadline)
        ratings = Grade.objects.between(start_of(period.first), end_of(period.last))
        remarks = ratings.newest_low_remarks(REMARKS_SHOWN)
        conflicts = bounded_count(Conflict.objects.open()) if user.has_perm("grades.view_conflict") else None
    parts = {part: of_period(by_day, part) for part in split(period)}
    now, before = add(parts.values()), of_period(by_day, period.before)
    bars = trend((part, figures["ratings"], low_of(figures)[0]) for part, figures in parts.items())
    return {
        "period": period,
        "pending": pending,
        "figures": [*figures(now, before, period), *conflict_figures(conflicts)],
        "questions": questions(now, before, period),
        "trend": bars,
        "trend_rows": [
            {
                "bar": bar,
                "link": list_link("grade", bar.period),
                "low_link": list_link("grade", bar.period, lowest=low_limit()),
            }
            for bar in bars
        ],
        "highest": max(bar.ratings for bar in bars),
        "chart": {"width": WIDTH, "height": HEIGHT},
        "worst": worst(now, before, period) if user.has_perm("grades.view_account") else [],
        "export_formats": FORMATS,
        "export_url": page_link("overview-export", period),
        "remarks": remarks,
        "remarks_link": list_link("grade", period, lowest=low_limit(), remarks="yes"),
    }


def of_period(by_day, period):
    return add(by_day[day] for day in days_between(*period) if day in by_day)


def low_of(figures):
    """(low ratings, those of them that were followed up, the seconds that this took)."""
    values = range(low_limit() + 1)
    new = sum(figures[f"lowest:{value}:new"] for value in values)
    reviewed = sum(figures[f"lowest:{value}:{state}"] for value in values for state in ("followed_up", "closed"))
    return new + reviewed, reviewed, sum(figures[f"seconds:{value}"] for value in values)


def figures(now, before, period):
    low, reviewed, seconds = low_of(now)
    low_before, reviewed_before, seconds_before = low_of(before)
    filters = {"lowest": low_limit()}
    duplicates = share(now["duplicates"], now["duplicates"] + now["ratings"])
    followed_up = list_link("grade", period, **filters, review="reviewed")
    return [
        Figure(_("Ratings"), now["ratings"], before["ratings"], link=list_link("grade", period)),
        Figure(
            _("Low ratings"),
            low,
            low_before,
            link=list_link("grade", period, **filters),
            note=_("%(share)s of ratings") % {"share": percent(share(low, now["ratings"]))},
        ),
        Figure(
            _("Open low ratings"),
            low - reviewed,
            low_before - reviewed_before,
            link=list_link("grade", period, **filters, review="new"),
        ),
        Figure(
            _("Low ratings followed up"),
            reviewed,
            reviewed_before,
            link=followed_up,
            note=_("%(share)s of low ratings") % {"share": percent(share(reviewed, low))},
        ),
        Figure(
            _("Mean time to follow-up"),
            share(seconds, reviewed),
            share(seconds_before, reviewed_before),
            kind="duration",
            link=followed_up,
            note=_("to the last change of the review"),
        ),
        Figure(
            _("Ratings not on the dispatch list"),
            now["off_list"],
            before["off_list"],
            link=list_link("grade", period, listed="no"),
            note=_("%(share)s of ratings") % {"share": percent(share(now["off_list"], now["ratings"]))},
        ),
        Figure(
            _("Duplicates"),
            now["duplicates"],
            before["duplicates"],
            link=list_link("repeat", period),
            note=_("%(share)s of submissions") % {"share": percent(duplicates)},
        ),
    ]


def conflict_figures(count):
    if count is None:
        return []
    link = list_link("conflict", state="open")
    return [Figure(_("Open conflicts"), count_label(count), None, kind="text", link=link, note=_("of all days"))]


def questions(now, before, period):
    """For each question its mean, and the ratings with each grade."""
    return [
        {
            "name": name,
            "mean": Figure(
                Grade._meta.get_field(name).verbose_name,
                mean_of(now, name),
                mean_of(before, name),
                kind="mean",
                link=list_link("grade", period),
            ),
            "grades": [
                {
                    "value": value,
                    "count": now[f"{name}:{value}"],
                    "share": share(now[f"{name}:{value}"], now["ratings"]),
                    "width": round(100 * (share(now[f"{name}:{value}"], now["ratings"]) or 0), 1),
                    "is_low": value <= low_limit(),
                    "link": list_link("grade", period, **{name: value}),
                }
                for value in grades_given(now, name)
            ],
        }
        for name in ("grade1", "grade2", "grade3")
    ]


def histogram(figures, name):
    return {int(key.partition(":")[2]): count for key, count in figures.items() if key.startswith(f"{name}:")}


def mean_of(figures, name):
    counts = histogram(figures, name)
    return share(sum(value * count for value, count in counts.items()), sum(counts.values()))


def grades_given(figures, name):
    """The grades of a distribution, the best one first."""
    offered = range(settings.GRADE_MIN, settings.GRADE_MAX + 1)
    given = {value for value, count in histogram(figures, name).items() if count}
    return sorted(given.union(offered if len(offered) <= GRADES_SHOWN else ()), reverse=True)


def worst(now, before, period):
    """The areas and the products with the highest shares of low ratings."""
    return [
        {
            "name": column,
            "title": title,
            "column": Account._meta.get_field(column).verbose_name,
            "rows": worst_rows(column, now, before, period),
        }
        for column, title in (("area", _("Worst areas")), ("product", _("Worst products")))
    ]


def worst_rows(column, now, before, period):
    current, earlier = by_name(column, now), by_name(column, before)
    compared = [(low / total, total, name) for name, (total, low) in current.items() if total >= WORST_RATINGS and low]
    rows = []
    for low_share, total, name in sorted(compared, key=lambda row: (-row[0], -row[1], row[2]))[:WORST_SHOWN]:
        total_before, low_before = earlier.get(name, (0, 0))
        filters = {column: name}
        rows.append(
            {
                "name": name,
                "ratings": total,
                "low": current[name][1],
                "share": low_share,
                "share_before": share(low_before, total_before),
                "link": list_link("grade", period, **filters),
                "low_link": list_link("grade", period, **filters, lowest=low_limit()),
            }
        )
    return rows


def by_name(column, figures):
    """{name: (ratings, low ratings)} by a column of the dispatch list."""
    totals = {}
    for key, count in figures.items():
        if key.startswith(f"{column}:"):
            lowest, name = key.split(":", 2)[1:]
            total, low = totals.get(name, (0, 0))
            totals[name] = (total + count, low + count * (int(lowest) <= low_limit()))
    return totals
