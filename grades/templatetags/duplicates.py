"""Figures of the back office's first page: duplicates and open conflicts."""

from datetime import timedelta
from math import floor

from django import template
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _

from ..database.paging import bounded_count, count_label
from ..models import Conflict, Grade, Repeat

register = template.Library()

# The limit of the counts for a share, from indexes alone: about a tenth of a second for each.
SHARE_LIMIT = 100_000


@register.inclusion_tag("admin/grades/duplicates.html", takes_context=True)
def duplicates(context):
    """The number of recent duplicates, and of open conflicts, if the user may see ratings or conflicts."""
    request = context["request"]
    figures = {}
    if admin.site.get_model_admin(Grade).has_view_permission(request):
        now = timezone.now()
        figures["duplicates"] = [
            (_("Duplicates in the last 24 hours:"), *count_and_share(now - timedelta(hours=24))),
            (_("Duplicates in the last 30 days:"), *count_and_share(now - timedelta(days=30))),
        ]
    if admin.site.get_model_admin(Conflict).has_view_permission(request):
        figures["open_conflicts"] = count_label(bounded_count(Conflict.objects.open()))
    return figures


def count_and_share(moment):
    """The number of duplicates since `moment` and their share of all accepted submissions, as text."""
    duplicates = bounded_count(Repeat.objects.since(moment), SHARE_LIMIT)
    ratings = bounded_count(Grade.objects.since(moment), SHARE_LIMIT)
    return count_label(duplicates, SHARE_LIMIT), share_label(duplicates, ratings)


def share_label(duplicates, ratings):
    """The share of duplicates, or a bound of it if one of the two counts reached the limit."""
    more_duplicates, more_ratings = duplicates > SHARE_LIMIT, ratings > SHARE_LIMIT
    if not duplicates or (more_duplicates and more_ratings):
        return ""
    permille = 1000 * duplicates / (duplicates + ratings)
    if more_duplicates:
        return _("more than %(share)s %%") % {"share": floor(permille) / 10}
    if more_ratings or permille < 1:
        return _("less than %(share)s %%") % {"share": (floor(permille) + 1) / 10}
    return f"{permille / 10:.1f} %"
