"""The back office: stock Django admin, with lists that cost the same at ten million rows."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from . import accounts, conflicts, credits, duplicates, grades, users

__all__ = ["accounts", "conflicts", "credits", "duplicates", "grades", "users"]

admin.site.site_header = _("Scoring site")
admin.site.site_title = _("Scoring site")
admin.site.index_title = _("Back office")
# Django's own texts that its Chinese catalogue lacks; ours has them.
DJANGO_TEXTS = (
    _("Model name"),
    _("Add link"),
    _("Change or view list link"),
    _("Error:"),
    ngettext_lazy(
        "This password is too short. It must contain at least %d character.",
        "This password is too short. It must contain at least %d characters.",
    ),
)
# Each list is one click away from any page, and its columns need the width.
admin.site.enable_nav_sidebar = False
