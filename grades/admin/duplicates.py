"""The duplicates: when they came, and of which rating."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from ..exports import repeats_table
from ..models import Grade, Repeat
from .exports import Exports
from .filters import DateFilter
from .lists import ListAdmin, ReadOnly


class DuplicateDateFilter(DateFilter):
    time_field = "repeated_at"


@admin.register(Repeat)
class RepeatAdmin(ReadOnly, Exports, ListAdmin):
    """Read-only, for those who see ratings; the overview links here."""

    export_table = staticmethod(repeats_table)
    ordering = ("-repeated_at", "-id")
    list_display = ("repeated_at", "rating")
    list_display_links = None
    list_filter = (DuplicateDateFilter,)
    actions = None

    @admin.display(description=gettext_lazy("rating"))
    def rating(self, repeat):
        address = reverse("admin:grades_grade_change", args=[repeat.grade_id])
        return format_html('<a href="{}">#{}</a>', address, repeat.grade_id)

    def has_view_permission(self, request, obj=None):
        return self.admin_site.get_model_admin(Grade).has_view_permission(request)

    def has_module_permission(self, request):
        return False  # the first page has its figure, with a link
