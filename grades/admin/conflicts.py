"""Conflicts: staff compare each with the stored rating, and keep it as a rating of its own or delete it."""

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..access import KEEP_CONFLICTS, may
from ..database.keys import is_key
from ..exports import conflicts_table
from ..models import Conflict, Grade
from .actions import ConfirmForm
from .exports import Exports
from .filters import ChoiceFilter, refuse_value
from .lists import ListAdmin

REMARK_SHOWN = 16


class StateFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    parameter_names = ("state",)

    def lookups(self, request, model_admin):
        return [("open", _("Open")), ("kept", _("Kept"))]

    def narrow(self, queryset, value):
        return queryset.open() if value == "open" else queryset.kept()


class RatingFilter(ChoiceFilter):
    """Conflicts of one stored rating; its page links here."""

    title = gettext_lazy("stored rating")
    parameter_name = "rating"
    parameter_names = ("rating",)

    def lookups(self, request, model_admin):
        if self.value() is None:
            return []
        if not is_key(self.value()):
            refuse_value(request)  # Django does not call `queryset` of a filter without choices
        return [(self.value(), f"#{self.value()}")]

    def narrow(self, queryset, value):
        return queryset.filter(grade_id=int(value))


@admin.register(Conflict)
class ConflictAdmin(Exports, ListAdmin):
    """Staff compare and decide; a customer's words cannot be changed."""

    export_table = staticmethod(conflicts_table)
    ordering = ("-received_at", "-id")
    arrival_field = "received_at"
    list_display = ("acc_nbr", "changes", "rating", "received_at", "state")
    list_filter = (StateFilter, RatingFilter)
    search_fields = ("acc_nbr",)
    search_help_text = gettext_lazy(
        'The beginning of an account number. For an exact match use quotes: "13800138000". '
        "For the last four digits of a number on the dispatch list use a star: *8000"
    )
    actions = ("keep_selected", "export_xlsx", "export_csv", "delete_selected")
    fields = ()
    change_form_template = "admin/grades/conflict/change_form.html"

    def get_queryset(self, request):
        # Not joined: the rows of the page are known by then, and their ratings are read by id.
        return super().get_queryset(request).prefetch_related("grade")

    # --- Permissions ------------------------------------------------------------------------------

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_keep_permission(self, request):
        return may(request.user, KEEP_CONFLICTS)

    # --- Columns ------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("differences: stored → received"))
    def changes(self, conflict):
        line = '<li>{}: <span class="quiet">{} →</span> <strong>{}</strong></li>'
        rows = [row for row in compare(conflict) if row["differs"]]
        lines = format_html_join(
            "", line, [(row["label"], short(row["stored"]), short(row["received"])) for row in rows]
        )
        return format_html('<ul class="changes">{}</ul>', lines)

    @admin.display(description=Conflict._meta.get_field("grade").verbose_name)
    def rating(self, conflict):
        return f"#{conflict.grade_id}"

    @admin.display(description=gettext_lazy("state"))
    def state(self, conflict):
        if conflict.kept_as_id is None:
            return format_html('<span class="review-new"><span aria-hidden="true">○</span> {}</span>', _("Open"))
        kept = _("Kept as #%(rating)s") % {"rating": conflict.kept_as_id}
        return format_html('<span class="review-closed"><span aria-hidden="true">✓</span> {}</span>', kept)

    # --- The page of a conflict ---------------------------------------------------------------

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        context |= {
            "title": _("Compare"),
            "rows": compare(obj),
            "can_keep": obj.kept_as_id is None and self.has_keep_permission(request),
            "can_view_ratings": self.admin_site.get_model_admin(Grade).has_view_permission(request),
        }
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    # --- Keep ---------------------------------------------------------------------------------

    def get_urls(self):
        keep = path("<int:pk>/keep/", self.admin_site.admin_view(self.keep_view), name="grades_conflict_keep")
        return [keep, *super().get_urls()]

    def keep_view(self, request, pk):
        if not self.has_keep_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        conflict = self.get_object(request, str(pk))
        if conflict is None:
            raise Http404
        with transaction.atomic():
            if kept := conflict.keep():
                self.log_change(request, conflict, _("Kept as #%(rating)s") % {"rating": conflict.kept_as_id})
        if kept:
            message = _("Kept as a rating of its own, #%(rating)s.") % {"rating": conflict.kept_as_id}
            self.message_user(request, message, messages.SUCCESS)
        else:
            self.message_user(
                request, _("Nothing was changed: this conflict is kept or deleted already."), messages.WARNING
            )
        return self.redirect_to(request, "change", pk)

    def response_delete(self, request, obj_display, obj_id):
        # Writes the message; its redirect is only for staff with the permission to change.
        super().response_delete(request, obj_display, obj_id)
        return self.redirect_to(request, "changelist")

    def redirect_to(self, request, page, *args):
        """Redirect to a page of this admin and keep the filters of the list."""
        filters = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return redirect(add_preserved_filters(filters, reverse(f"admin:grades_conflict_{page}", args=args)))

    @admin.action(permissions=["keep"], description=gettext_lazy("Keep as ratings of their own"))
    def keep_selected(self, request, queryset):
        form = ConfirmForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            note = _("Each open conflict becomes a rating of its own. The others do not change.")
            return self.confirmation_page(request, queryset.open(), form, _("Keep as ratings of their own"), note=note)
        with transaction.atomic():
            # In the order of the keys, so that two users at once wait for each other and do not deadlock.
            count = sum(conflict.keep() for conflict in self.confirmed(queryset.open(), form).order_by("pk"))
            self.log_bulk(request, CHANGE, count, _("Kept as ratings of their own"))
        message = ngettext(
            "%(count)s conflict is now a rating of its own.", "%(count)s conflicts are now ratings of their own.", count
        )
        self.message_user(request, message % {"count": f"{count:,}"}, messages.SUCCESS)
        return None


def compare(conflict):
    """Rows of the comparison: the stored and the received value of each field; the person only if it differs."""
    differences = conflict.differences
    rows = [
        {
            "name": name,
            "label": Conflict._meta.get_field(name).verbose_name,
            "stored": getattr(conflict.grade, name),
            "received": getattr(conflict, name),
            "differs": name in differences,
        }
        for name in Conflict.CONTENT
    ]
    if conflict.is_by_another_person:
        label, stored, received = _("WeChat login"), _("one person"), _("another person")
        rows.append({"name": "person", "label": label, "stored": stored, "received": received, "differs": True})
    return rows


def short(value):
    return Truncator(value).chars(REMARK_SHOWN) if value != "" else "–"
