"""Ratings: staff read, filter, review and export them, and cannot add or rewrite them."""

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..database.paging import bounded_count, count_label
from ..exports import ratings_table
from ..models import Conflict, Grade, Repeat, ReviewNote
from .bulk_review import BulkReviewAdmin
from .exports import Exports
from .filters import (
    AnswerFilter,
    AssigneeFilter,
    DateFilter,
    DispatchFilter,
    LowestFilter,
    RatedAreaFilter,
    RemarksFilter,
    ReviewFilter,
    WordsFilter,
)
from .lists import ListAdmin, NameSearch
from .queue import QueueAdmin
from .reviews import ReviewAdmin

REMARKS_SHOWN = 40


@admin.register(Grade)
class GradeAdmin(QueueAdmin, BulkReviewAdmin, ReviewAdmin, Exports, NameSearch, ListAdmin):
    export_table = staticmethod(ratings_table)
    ordering = ("-insert_time", "-id")
    arrival_field = "insert_time"
    list_display = ("acc_nbr", "grade1", "grade2", "grade3", "remarks_start", "insert_time", "review")
    list_filter = (
        AnswerFilter,
        DispatchFilter,
        ReviewFilter,
        AssigneeFilter,
        LowestFilter,
        RemarksFilter,
        RatedAreaFilter,
        DateFilter,
        WordsFilter,
    )
    search_fields = ("acc_nbr",)
    search_help_text = gettext_lazy(
        "The beginning of an account number, or of a customer name on the dispatch list. For an exact match use "
        'quotes: "13800138000". For the last four digits of a number on the dispatch list use a star: *8000'
    )
    actions = ("mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv", "delete_selected")
    fieldsets = (
        (None, {"fields": ("acc_nbr", "insert_time", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")}),
        (
            gettext_lazy("review"),
            {"fields": ("thread", "note", "review_state", "assignee", "version", "reviewer", "reviewed_at")},
        ),
    )
    readonly_fields = (
        *fieldsets[0][1]["fields"],
        "thread",
        "reviewer",
        "reviewed_at",
        "duplicates",
        "in_conflict",
        "from_conflict",
    )
    deletion_note = gettext_lazy("Their notes, duplicates and conflicting submissions are deleted too.")

    # --- Permissions ------------------------------------------------------------------------------

    def has_add_permission(self, request):
        return False  # ratings come from customers

    def has_delete_permission(self, request, obj=None):
        return request.user.is_active and request.user.is_superuser

    # --- Search -------------------------------------------------------------------------------

    def get_search_results(self, request, queryset, search_term):
        queryset, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if words := request.GET.get("words", "").strip():
            queryset = queryset.with_words(words, WordsFilter.LIMIT, by_index=self.has_index(search_term))
        return queryset, may_have_duplicates

    # --- Duplicates and conflicts ----------------------------------------------------------------------

    def get_fieldsets(self, request, obj=None):
        fields = ["duplicates"]
        if self.admin_site.get_model_admin(Conflict).has_view_permission(request):
            fields += ["in_conflict"] + ["from_conflict"] * hasattr(obj, "kept_from")
        content, review = self.fieldsets
        if not self.has_change_permission(request, obj):
            shown = ("thread", "review_state", "assigned_to", "reviewer", "reviewed_at")
            review = (review[0], {"fields": shown})
        return content, (_("duplicates and conflicts"), {"fields": fields}), review

    @admin.display(description=gettext_lazy("duplicates"))
    def duplicates(self, grade):
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
        return format_html('<a href="{}">{}</a>', address, _("%(count)s, %(open)s of them open") % counts)

    @admin.display(description=gettext_lazy("kept from"))
    def from_conflict(self, grade):
        conflict = grade.kept_from
        address = reverse("admin:grades_conflict_change", args=[conflict.pk])
        return format_html('{} <a href="{}">{}</a>', Conflict._meta.verbose_name, address, conflict)

    def get_deleted_objects(self, objs, request):
        """Count the rows that are deleted with a rating. Stock admin lists each; a faulty client sends thousands."""
        counts = {
            name: count_label(bounded_count(rows))
            for name, rows in (
                (Grade._meta.verbose_name_plural, Grade.objects.filter(pk__in=[grade.pk for grade in objs])),
                (ReviewNote._meta.verbose_name_plural, ReviewNote.objects.filter(grade__in=objs)),
                (_("duplicates"), Repeat.objects.filter(grade__in=objs)),
                (
                    Conflict._meta.verbose_name_plural,
                    Conflict.objects.filter(models.Q(grade__in=objs) | models.Q(kept_as__in=objs)),
                ),
            )
        }
        return [str(grade) for grade in objs], counts, set(), []

    # --- Columns ------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("remarks"))
    def remarks_start(self, grade):
        lines = [(question, Truncator(text).chars(REMARKS_SHOWN)) for question, text in grade.remarks]
        items = format_html_join("", '<li><span class="quiet">{}</span> {}</li>', lines)
        return format_html('<ul class="changes">{}</ul>', items) if lines else ""

    @admin.display(description=gettext_lazy("review"))
    def review(self, grade):
        return render_to_string("grades/review_state.html", {"grade": grade})
