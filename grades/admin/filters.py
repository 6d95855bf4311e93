"""The filters of the lists."""

import re
from datetime import date, timedelta
from time import monotonic

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Account, Credit, Grade, end_of, low_limit, start_of
from ..models.coverage import catch_up
from ..models.figures import LOOK_SECONDS

AREAS_SHOWN = 50
MAX_WORDS = 100
UNKNOWN_VALUE = gettext_lazy("A filter has a value that does not exist. The filters were removed.")
EXCLUSIVE = gettext_lazy("Area, product and “not on the dispatch list” exclude each other. The filters were removed.")


def look(request):
    """Bring the columns of ratings and dispatches up to date; see `coverage`."""
    if not catch_up(monotonic() + LOOK_SECONDS):
        text = _(
            "Not all ratings are counted yet. Load the page again to go on; on the server, manage.py "
            "rebuild_daily_scores counts all of them."
        )
        messages.warning(request, text, fail_silently=True)


def refuse_value(request):
    messages.error(request, UNKNOWN_VALUE)
    raise IncorrectLookupParameters


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with fixed choices.

    Any other value is refused: if it were ignored, an action on all matching rows would run on all rows.
    """

    template = "admin/grades/filter.html"

    def has_output(self):
        # Django ignores a filter without choices, also if the address has a value for it.
        return super().has_output() or self.value() is not None

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        if self.value() not in (str(value) for value, _label in self.lookup_choices):
            refuse_value(request)
        return self.narrow(queryset, self.value())

    def describe(self):
        texts = {str(value): text for value, text in self.lookup_choices}
        return f"{self.title}: {texts[self.value()]}"


class ReviewFilter(ChoiceFilter):
    title = gettext_lazy("review")
    parameter_name = "review"
    parameter_names = ("review",)

    def lookups(self, request, model_admin):
        return [*Grade.ReviewState.choices, ("reviewed", _("Followed up or closed"))]

    def narrow(self, queryset, value):
        if value == "reviewed":
            return queryset.reviewed()
        return queryset.in_state(value)


class LowestFilter(ChoiceFilter):
    """Ratings with any grade at or below a value: unhappy customers."""

    title = gettext_lazy("lowest grade")
    parameter_name = "lowest"
    parameter_names = ("lowest",)

    def lookups(self, request, model_admin):
        values = range(settings.GRADE_MIN, settings.GRADE_MAX)
        return [(value, _("%(value)d or below") % {"value": value}) for value in values]

    def narrow(self, queryset, value):
        return queryset.at_or_below(int(value))


class AssigneeFilter(ChoiceFilter):
    title = gettext_lazy("assignee")
    parameter_name = "assignee"
    parameter_names = ("assignee",)

    def __init__(self, request, *args):
        self.user = request.user
        super().__init__(request, *args)

    def lookups(self, request, model_admin):
        return [("me", _("Mine"))]

    def narrow(self, queryset, value):
        return queryset.filter(assignment__assignee=self.user)


class RemarksFilter(ChoiceFilter):
    title = gettext_lazy("remarks")
    parameter_name = "remarks"
    parameter_names = ("remarks",)

    def lookups(self, request, model_admin):
        return [("yes", _("With remarks")), ("no", _("Without remarks"))]

    def narrow(self, queryset, value):
        return queryset.with_remarks(value == "yes")


class WordsFilter(admin.ListFilter):
    """A form for words in remarks; GradeAdmin searches them last, among what all other filters leave."""

    LIMIT = 3000  # reading more remarks would take longer than a page may

    title = gettext_lazy("words in remarks")
    template = "admin/grades/words_filter.html"
    parameter_names = ("words",)
    is_search = True  # not in a saved filter, and not in the log

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        words = params.pop("words", [""])[-1].strip()
        if len(words) > MAX_WORDS or "\x00" in words:
            messages.error(request, _("The words in remarks are too long or hold unknown characters."))
            raise IncorrectLookupParameters
        if words:
            self.used_parameters["words"] = words

    def has_output(self):
        return True

    def expected_parameters(self):
        return ["words"]

    def choices(self, changelist):
        yield {
            "words": self.used_parameters.get("words", ""),
            "limit": f"{self.LIMIT:,}",
            "others": other_parameters(changelist, self.parameter_names),
        }

    def queryset(self, request, queryset):
        return queryset

    def describe(self):
        return f"{self.title}: {self.used_parameters['words']}"


class AreaFilter(ChoiceFilter):
    title = gettext_lazy("area")
    parameter_name = "area"
    parameter_names = ("area",)

    def lookups(self, request, model_admin):
        areas = Account.objects.areas(AREAS_SHOWN)
        # The coverage links to every area, also to "none".
        if self.value() is not None and self.value() not in areas:
            areas.append(self.value())
        return [(area, area or _("(none)")) for area in areas]

    def narrow(self, queryset, value):
        return queryset.narrowed_to(Q(area=value))


class DateFilter(admin.ListFilter):
    """From a day to a day in the time zone of the site, both included; a form that keeps the other filters."""

    title = gettext_lazy("date")
    template = "admin/grades/date_filter.html"
    # A period is relative to the day of the request: a saved filter for last week is always for last week.
    parameter_names = ("from", "to", "period")
    ignores_empty = True  # its form sends an end that is open as an empty text
    time_field = "insert_time"

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        texts = {name: params.pop(name, [""])[-1] for name in self.parameter_names}
        self.period = texts.pop("period")
        if self.period:
            self.used_parameters |= self.read_period(request, self.period)
        for name, text in texts.items():
            if text:
                self.used_parameters[name] = self.read_day(request, text)
        if {"from", "to"} <= set(self.used_parameters) and self.used_parameters["from"] > self.used_parameters["to"]:
            messages.warning(request, _("The first day is after the last one."))

    def read_period(self, request, period):
        return days_of(period) or refuse_value(request)

    def read_day(self, request, text):
        try:
            day = date.fromisoformat(text)
            if 1900 <= day.year <= 9000:  # beyond these, the moment in UTC or the next day may not exist
                return day
        except ValueError:
            pass
        messages.error(request, _("This is not a date. The filter was removed."))
        raise IncorrectLookupParameters

    def has_output(self):
        return True

    def expected_parameters(self):
        return list(self.parameter_names)

    def choices(self, changelist):
        yield {
            "from": None if self.period else self.used_parameters.get("from"),
            "to": None if self.period else self.used_parameters.get("to"),
            "others": other_parameters(changelist, self.parameter_names),
            "any": changelist.get_query_string(dict.fromkeys(self.parameter_names)),
            "is_used": bool(self.used_parameters),
            "shortcuts": [
                {
                    "display": text,
                    "selected": self.period == name,
                    "query_string": changelist.get_query_string({"from": None, "to": None, "period": name}),
                }
                for name, text, _first, _last in periods(timezone.localdate())
            ],
        }

    def queryset(self, request, queryset):
        if first := self.used_parameters.get("from"):
            queryset = queryset.filter(**{f"{self.time_field}__gte": start_of(first)})
        if last := self.used_parameters.get("to"):
            queryset = queryset.filter(**{f"{self.time_field}__lt": end_of(last)})
        return queryset

    def describe(self):
        texts = {
            ("from",): _("from %(from)s"),
            ("to",): _("to %(to)s"),
            ("from", "to"): _("%(from)s to %(to)s"),
        }
        return f"{self.title}: {texts[tuple(sorted(self.used_parameters))] % self.used_parameters}"


class DispatchDateFilter(DateFilter):
    title = Account._meta.get_field("dispatched_on").verbose_name

    def queryset(self, request, queryset):
        return queryset.dispatched_between(self.used_parameters.get("from"), self.used_parameters.get("to"))


class CreditDateFilter(DateFilter):
    time_field = "confirmed_at"


class ClerkFilter(ChoiceFilter):
    title = Credit._meta.get_field("confirmed_by").verbose_name
    parameter_name = "clerk"
    parameter_names = ("clerk",)

    def lookups(self, request, model_admin):
        # DISTINCT jumps from clerk to clerk in the index; for EXISTS MariaDB would read all credits.
        clerks = list(Credit.objects.order_by().values_list("confirmed_by", flat=True).distinct())
        return list(User.objects.filter(pk__in=clerks).order_by("username").values_list("pk", "username"))

    def narrow(self, queryset, value):
        return queryset.filter(confirmed_by=int(value))


class WithdrawnFilter(ChoiceFilter):
    title = gettext_lazy("withdrawal")
    parameter_name = "withdrawn"
    parameter_names = ("withdrawn",)

    def lookups(self, request, model_admin):
        return [("yes", _("Withdrawn")), ("no", _("Not withdrawn"))]

    def narrow(self, queryset, value):
        return queryset.filter(withdrawal__isnull=value == "no")


class LinkedFilter(admin.ListFilter):
    """A filter that other pages link to; the list shows it while it is used."""

    template = "admin/grades/filter.html"
    parameter_names = ()

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        for name in self.parameter_names:
            if name in params:
                self.used_parameters[name] = self.read(name, params.pop(name)[-1])

    def read(self, name, text):
        return text

    def has_output(self):
        return bool(self.used_parameters)

    def expected_parameters(self):
        return list(self.parameter_names)

    def choices(self, changelist):
        remove = changelist.get_query_string(remove=self.parameter_names)
        yield {"selected": False, "query_string": remove, "display": _("All")}
        yield {"selected": True, "query_string": changelist.get_query_string(), "display": self.describe()}


class AnswerFilter(LinkedFilter):
    """Ratings with one grade for a question."""

    title = gettext_lazy("answer")
    parameter_names = ("grade1", "grade2", "grade3")

    def read(self, name, text):
        if not re.fullmatch("[0-9]{1,4}", text):
            refuse_value(self.request)
        return int(text)

    def describe(self):
        fields = ((Grade._meta.get_field(name).verbose_name, value) for name, value in self.used_parameters.items())
        return ", ".join(f"{question}: {value}" for question, value in fields)

    def queryset(self, request, queryset):
        for name, value in self.used_parameters.items():
            # The lowest grade has an index.
            queryset = queryset.at_or_below(value).filter(**{name: value})
        return queryset


def named(columns):
    """Columns of the dispatch list and their values, for people."""
    fields = ((Account._meta.get_field(name).verbose_name, value) for name, value in columns.items())
    return [f"{field}: {value or _('(none)')}" for field, value in fields]


class RatedAreaFilter(AreaFilter):
    """Ratings about a dispatch of an area. It takes the place of a product or of "not on the dispatch list"."""

    def choices(self, changelist):
        others = dict.fromkeys(DispatchFilter.parameter_names)
        values = [None, *(value for value, _text in self.lookup_choices)]
        for value, choice in zip(values, super().choices(changelist), strict=True):
            if value is not None:
                choice["query_string"] = changelist.get_query_string({self.parameter_name: value, **others})
            yield choice

    def narrow(self, queryset, value):
        look(self.request)
        return queryset.of_area(value)


class DispatchFilter(LinkedFilter):
    """Ratings about a dispatch of a product, or that are not on the dispatch list."""

    title = Account._meta.verbose_name_plural
    parameter_names = ("product", "listed")

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        # Each of these has an index of its own.
        if sum(name in request.GET for name in (RatedAreaFilter.parameter_name, *self.parameter_names)) > 1:
            messages.error(request, EXCLUSIVE)
            raise IncorrectLookupParameters

    def read(self, name, text):
        if name == "listed" and text != "no":
            refuse_value(self.request)
        return text

    def describe(self):
        if "listed" in self.used_parameters:
            return _("not on the dispatch list")
        return named(self.used_parameters)[0]

    def queryset(self, request, queryset):
        if not self.used_parameters:
            return queryset
        look(request)
        if "listed" in self.used_parameters:
            return queryset.off_list()
        return queryset.of_product(self.used_parameters["product"])


class RatedFilter(ChoiceFilter):
    """Dispatches by the ratings of their number since the day of the dispatch."""

    title = gettext_lazy("ratings since the dispatch")
    parameter_name = "rated"
    parameter_names = ("rated",)

    def lookups(self, request, model_admin):
        return [("no", _("Not yet rated")), ("yes", _("Rated")), ("low", _("Rated low")), ("more", _("More than once"))]

    def narrow(self, queryset, value):
        look(self.request)
        return {
            "no": queryset.not_rated(),
            "yes": queryset.rated(),
            "low": queryset.rated_low(low_limit()),
            "more": queryset.rated_more_than_once(),
        }[value]


class ProductFilter(LinkedFilter):
    """Dispatches of a product, or with a credit."""

    title = gettext_lazy("product, credit")
    parameter_names = ("product", "credited")

    def read(self, name, text):
        if name == "credited" and text != "yes":
            refuse_value(self.request)
        return text

    def describe(self):
        names = []
        if "product" in self.used_parameters:
            product = self.used_parameters["product"] or _("(none)")
            names.append(f"{Account._meta.get_field('product').verbose_name}: {product}")
        return ", ".join(names + [_("credited")] * ("credited" in self.used_parameters))

    def queryset(self, request, queryset):
        if "product" in self.used_parameters:
            queryset = queryset.narrowed_to(Q(product=self.used_parameters["product"]))
        return queryset.credited() if "credited" in self.used_parameters else queryset


def other_parameters(changelist, names):
    """(name, value) of the parameters that a form of a filter keeps."""
    return [(name, value) for name, values in changelist.filter_params.items() for value in values if name not in names]


def with_days(parameters):
    """Parameters of a list with the days in place of a period, which means other days after midnight."""
    parameters = parameters.copy()
    if days := days_of(parameters.get("period")):
        del parameters["period"]
        for name, day in days.items():
            parameters[name] = parameters.get(name) or day.isoformat()
    return parameters


def days_of(period):
    """The first and the last day, both included, of a period by its name; none for another name."""
    today = timezone.localdate(timezone=timezone.get_default_timezone())
    for name, _text, first, last in periods(today):
        if name == period:
            return {"from": first, "to": last}
    return {}


def periods(today):
    """(name, text, first day, last day) of the periods that staff ask for most."""
    monday = today - timedelta(days=today.weekday())
    return [
        ("today", _("Today"), today, today),
        ("7days", _("7 days"), today - timedelta(days=6), today),
        ("last-week", _("Last week"), monday - timedelta(days=7), monday - timedelta(days=1)),
        ("month", _("This month"), today.replace(day=1), today),
    ]
