"""The back office: stock Django admin, with lists that cost the same at ten million rows."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from . import accounts, conflicts, credits, duplicates, grades, users

__all__ = ["accounts", "conflicts", "credits", "duplicates", "grades", "users"]

admin.site.site_header = _("Scoring site")
admin.site.site_title = _("Scoring site")
admin.site.index_title = _("Back office")
# Each list is one click away from any page, and its columns need the width.
admin.site.enable_nav_sidebar = False
