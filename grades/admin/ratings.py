"""The ratings: read, filtered, reviewed and exported; never added, never rewritten."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Conflict, Grade, Repeat
from ..views import export_response
from .lists import ChoiceFilter, ConfirmForm, ListAdmin, bounded_count, count_label

REMARKS_SHOWN = 40

# A shape for each state: the colour alone says nothing to those who cannot tell it.
STATE_ICONS = {
    Grade.ReviewState.NEW: "○",
    Grade.ReviewState.FOLLOWED_UP: "◐",
    Grade.ReviewState.CLOSED: "●",
}


# --- Filters --------------------------------------------------------------------------------------


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
    readonly_fields = (
        *fieldsets[0][1]["fields"],
        "reviewer",
        "reviewed_at",
        "sent_again",
        "in_conflict",
        "from_conflict",
    )
    deletion_note = gettext_lazy("Their repeats and conflicting submissions go with them.")
    formfield_overrides = {models.CharField: {"widget": AdminTextareaWidget(attrs={"rows": 4})}}

    # --- Who may ------------------------------------------------------------------------------

    def has_add_permission(self, request):
        return False  # ratings come from customers

    def has_delete_permission(self, request, obj=None):
        return request.user.is_active and request.user.is_superuser

    # --- What came again ----------------------------------------------------------------------

    def get_fieldsets(self, request, obj=None):
        fields = ["sent_again"]
        if self.admin_site.get_model_admin(Conflict).has_view_permission(request):
            fields += ["in_conflict"] + ["from_conflict"] * hasattr(obj, "kept_from")
        content, review = self.fieldsets
        return content, (_("what came again"), {"fields": fields}), review

    @admin.display(description=Repeat._meta.verbose_name_plural)
    def sent_again(self, grade):
        count = bounded_count(grade.repeats)
        if not count:
            return _("none")
        last = display_for_value(grade.repeats.last_time(), "")
        return _("%(count)s, the last on %(time)s") % {"count": count_label(count), "time": last}

    @admin.display(description=Conflict._meta.verbose_name_plural)
    def in_conflict(self, grade):
        count = bounded_count(grade.conflicts)
        if not count:
            return _("none")
        counts = {"count": count_label(count), "open": count_label(bounded_count(grade.conflicts.open()))}
        address = reverse("admin:grades_conflict_changelist", query={"rating": grade.pk})
        return format_html('<a href="{}">{}</a>', address, _("%(count)s, of which open: %(open)s") % counts)

    @admin.display(description=gettext_lazy("kept from"))
    def from_conflict(self, grade):
        conflict = grade.kept_from
        address = reverse("admin:grades_conflict_change", args=[conflict.pk])
        return format_html('{} <a href="{}">{}</a>', Conflict._meta.verbose_name, address, conflict)

    def get_deleted_objects(self, objs, request):
        """The numbers of what goes with a rating; stock admin lists each, though a faulty client repeats for days."""
        counts = {
            model._meta.verbose_name_plural: count_label(bounded_count(rows))
            for model, rows in (
                (Grade, Grade.objects.filter(pk__in=[grade.pk for grade in objs])),
                (Repeat, Repeat.objects.filter(grade__in=objs)),
                (Conflict, Conflict.objects.filter(models.Q(grade__in=objs) | models.Q(kept_as__in=objs))),
            )
        }
        return [str(grade) for grade in objs], counts, set(), []

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
