"""The filters of the lists."""

import re
from datetime import date

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Account, Grade, end_of, low_limit, start_of


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with fixed choices.

    Any other value is refused: if it were ignored, an action on all matching rows would run on all rows.
    """

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        if self.value() not in (str(value) for value, _label in self.lookup_choices):
            raise IncorrectLookupParameters
        return self.narrow(queryset, self.value())


class ReviewFilter(ChoiceFilter):
    title = gettext_lazy("review")
    parameter_name = "review"
    parameter_names = ("review",)

    def lookups(self, request, model_admin):
        return [*Grade.ReviewState.choices, ("reviewed", _("Followed up or closed"))]

    def narrow(self, queryset, value):
        if value == "reviewed":
            return queryset.filter(review_state__in=[Grade.ReviewState.FOLLOWED_UP, Grade.ReviewState.CLOSED])
        return queryset.filter(review_state=value)


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


class RemarksFilter(ChoiceFilter):
    title = gettext_lazy("remarks")
    parameter_name = "remarks"
    parameter_names = ("remarks",)

    def lookups(self, request, model_admin):
        return [("yes", _("With remarks")), ("no", _("Without remarks"))]

    def narrow(self, queryset, value):
        # IN: for `=` Django writes `NOT has_remarks`, for which SQLite uses no index.
        return queryset.filter(has_remarks__in=[value == "yes"])


class DateFilter(admin.ListFilter):
    """From a day to a day in the time zone of the site, both included; a form that keeps the other filters."""

    title = gettext_lazy("date")
    template = "admin/grades/date_filter.html"
    parameter_names = ("from", "to")
    time_field = "insert_time"

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        for name in self.parameter_names:
            if text := params.pop(name, [""])[-1]:
                self.used_parameters[name] = self.read_day(request, text)

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
            "from": self.used_parameters.get("from"),
            "to": self.used_parameters.get("to"),
            "others": [
                (name, value)
                for name, values in changelist.filter_params.items()
                for value in values
                if name not in self.parameter_names
            ],
            "clear": changelist.get_query_string(remove=self.parameter_names) if self.used_parameters else "",
        }

    def queryset(self, request, queryset):
        if first := self.used_parameters.get("from"):
            queryset = queryset.filter(**{f"{self.time_field}__gte": start_of(first)})
        if last := self.used_parameters.get("to"):
            queryset = queryset.filter(**{f"{self.time_field}__lt": end_of(last)})
        return queryset


class DispatchDateFilter(DateFilter):
    title = Account._meta.get_field("dispatched_on").verbose_name

    def queryset(self, request, queryset):
        return queryset.dispatched_between(self.used_parameters.get("from"), self.used_parameters.get("to"))


class LinkedFilter(admin.ListFilter):
    """A filter that other pages link to; the list shows it while it is used."""

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
            raise IncorrectLookupParameters
        return int(text)

    def describe(self):
        fields = ((Grade._meta.get_field(name).verbose_name, value) for name, value in self.used_parameters.items())
        return ", ".join(f"{question}: {value}" for question, value in fields)

    def queryset(self, request, queryset):
        for name, value in self.used_parameters.items():
            # The lowest grade has an index.
            queryset = queryset.filter(lowest_grade__lte=value, **{name: value})
        return queryset


def named(columns):
    """Columns of the dispatch list and their values, for people."""
    fields = ((Account._meta.get_field(name).verbose_name, value) for name, value in columns.items())
    return [f"{field}: {value or _('(none)')}" for field, value in fields]


class DispatchFilter(LinkedFilter):
    """Ratings of numbers that have a dispatch of an area or a product, or that the dispatch list does not have."""

    title = Account._meta.verbose_name_plural
    parameter_names = ("area", "product", "listed")

    def read(self, name, text):
        if name == "listed" and text != "no":
            raise IncorrectLookupParameters
        return text

    def describe(self):
        return ", ".join(named(self.columns()) + [_("not on the dispatch list")] * ("listed" in self.used_parameters))

    def columns(self):
        return {name: value for name, value in self.used_parameters.items() if name != "listed"}

    def queryset(self, request, queryset):
        if columns := self.columns():
            queryset = queryset.of_dispatches(**columns)
        return queryset.off_list() if "listed" in self.used_parameters else queryset


class RatedFilter(ChoiceFilter):
    """Dispatches by the ratings of their number since the day of the dispatch."""

    title = gettext_lazy("ratings since the dispatch")
    parameter_name = "rated"
    parameter_names = ("rated",)

    def lookups(self, request, model_admin):
        return [("no", _("Not yet rated")), ("yes", _("Rated")), ("low", _("Rated low")), ("more", _("More than once"))]

    def narrow(self, queryset, value):
        return {
            "no": queryset.not_rated(),
            "yes": queryset.rated(),
            "low": queryset.rated_low(low_limit()),
            "more": queryset.rated_more_than_once(),
        }[value]


class AccountColumnsFilter(LinkedFilter):
    """Dispatches of an area or a product, or with a credit."""

    title = gettext_lazy("area, product, credit")
    parameter_names = ("area", "product", "credited")

    def read(self, name, text):
        if name == "credited" and text != "yes":
            raise IncorrectLookupParameters
        return text

    def columns(self):
        return {name: value for name, value in self.used_parameters.items() if name != "credited"}

    def describe(self):
        names = [
            f"{Account._meta.get_field(name).verbose_name}: {value or _('(none)')}"
            for name, value in self.columns().items()
        ]
        return ", ".join(names + [_("credited")] * ("credited" in self.used_parameters))

    def queryset(self, request, queryset):
        queryset = queryset.filter(**self.columns())
        return queryset.credited() if "credited" in self.used_parameters else queryset
