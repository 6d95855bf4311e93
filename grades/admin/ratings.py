"""The ratings: read, filtered, reviewed and exported; never added, never rewritten."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models, transaction
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Grade
from ..views import export_response
from .lists import ConfirmForm, ListAdmin

REMARKS_SHOWN = 40

# A shape for each state: the colour alone says nothing to those who cannot tell it.
STATE_ICONS = {
    Grade.ReviewState.NEW: "○",
    Grade.ReviewState.FOLLOWED_UP: "◐",
    Grade.ReviewState.CLOSED: "●",
}


# --- Filters --------------------------------------------------------------------------------------


class ChoiceFilter(admin.SimpleListFilter):
    """A filter by one of its choices.

    Any other value is refused and not ignored: an action on all that match would be let loose on all.
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
        return Grade.ReviewState.choices

    def narrow(self, queryset, value):
        return queryset.filter(review_state=value)


class LowestFilter(ChoiceFilter):
    """Ratings with any grade at or below a value: those who are unhappy with something."""

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
        # IN, because SQLite uses no index for the bare `NOT has_remarks` that Django makes of `=`.
        return queryset.filter(has_remarks__in=[value == "yes"])


class DateFilter(admin.ListFilter):
    """From a day to a day at the site, both included; a form, which keeps the other filters."""

    title = gettext_lazy("date")
    template = "admin/grades/date_filter.html"
    parameter_names = ("from", "to")

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        for name in self.parameter_names:
            if text := params.pop(name, [""])[-1]:
                self.used_parameters[name] = self.read_day(request, text)

    def read_day(self, request, text):
        try:
            day = date.fromisoformat(text)
            if 1900 <= day.year <= 9000:  # past these, a moment in UTC or the day after may not exist
                return day
        except ValueError:
            pass
        messages.error(request, _("That is no date: the filter was removed."))
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
            queryset = queryset.filter(insert_time__gte=start_of(first))
        if last := self.used_parameters.get("to"):
            queryset = queryset.filter(insert_time__lt=start_of(last + timedelta(days=1)))
        return queryset


def start_of(day):
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


# --- Ratings --------------------------------------------------------------------------------------


class ReviewForm(ConfirmForm):
    """What to note on every rating that a bulk review changes."""

    note = forms.CharField(
        label=gettext_lazy("Review note"),
        max_length=Grade._meta.get_field("review_note").max_length,
        required=False,
        widget=AdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("Takes the place of the notes that are there; left empty, it keeps them."),
    )


@admin.register(Grade)
class GradeAdmin(ListAdmin):
    ordering = ("-insert_time", "-id")
    arrival_field = "insert_time"
    list_display = ("acc_nbr", "grade1", "grade2", "grade3", "remarks_start", "insert_time", "review")
    list_filter = (ReviewFilter, LowestFilter, RemarksFilter, DateFilter)
    search_fields = ("acc_nbr",)
    search_help_text = gettext_lazy('The beginning of an account number; in quotes, the whole: "13800138000"')
    actions = ("mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv", "delete_selected")
    fieldsets = (
        (None, {"fields": ("acc_nbr", "insert_time", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")}),
        (gettext_lazy("review"), {"fields": ("review_state", "review_note", "reviewer", "reviewed_at")}),
    )
    readonly_fields = (*fieldsets[0][1]["fields"], "reviewer", "reviewed_at")
    formfield_overrides = {models.CharField: {"widget": AdminTextareaWidget(attrs={"rows": 4})}}

    # --- Who may ------------------------------------------------------------------------------

    def has_add_permission(self, request):
        return False  # ratings come from customers

    def has_delete_permission(self, request, obj=None):
        return request.user.is_active and request.user.is_superuser

    # --- Columns ------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("remarks"))
    def remarks_start(self, grade):
        return Truncator(" / ".join(grade.remarks)).chars(REMARKS_SHOWN)

    @admin.display(description=gettext_lazy("review"))
    def review(self, grade):
        return format_html(
            '<span class="review review-{}"><span aria-hidden="true">{}</span> {}</span>',
            grade.review_state,
            STATE_ICONS[grade.review_state],
            grade.get_review_state_display(),
        )

    # --- Review -------------------------------------------------------------------------------

    def save_model(self, request, obj, form, change):
        if form.changed_data:
            Grade.objects.filter(pk=obj.pk).review(obj.review_state, request.user, obj.review_note)

    @admin.action(permissions=["change"], description=gettext_lazy("Mark as followed up"))
    def mark_followed_up(self, request, queryset):
        return self.review_all(request, queryset, Grade.ReviewState.FOLLOWED_UP, _("Mark as followed up"))

    @admin.action(permissions=["change"], description=gettext_lazy("Mark as closed"))
    def mark_closed(self, request, queryset):
        return self.review_all(request, queryset, Grade.ReviewState.CLOSED, _("Mark as closed"))

    @admin.action(permissions=["change"], description=gettext_lazy("Reopen"))
    def reopen(self, request, queryset):
        return self.review_all(request, queryset, Grade.ReviewState.NEW, _("Reopen"))

    def review_all(self, request, queryset, state, title):
        form = ReviewForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, queryset, form, title)
        with transaction.atomic():
            count = self.agreed(queryset, form).review(state, request.user, form.cleaned_data["note"] or None)
            self.log_bulk(request, CHANGE, count, state.label)
        message = ngettext("%(count)s rating is now: %(state)s.", "%(count)s ratings are now: %(state)s.", count)
        self.message_user(request, message % {"count": f"{count:,}", "state": state.label}, messages.SUCCESS)
        return None

    # --- Export -------------------------------------------------------------------------------

    @admin.action(permissions=["view"], description=gettext_lazy("Export as XLSX"))
    def export_xlsx(self, request, queryset):
        return export_response(queryset, "xlsx")

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export_csv(self, request, queryset):
        return export_response(queryset, "csv")
