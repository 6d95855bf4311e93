"""What the back office's first page tells of submissions that came more than once."""

from datetime import timedelta
from math import floor

from django import template
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _

from ..database.paging import bounded_count, count_label
from ..models import Conflict, Grade, Repeat

register = template.Library()

# Ratings and repeats that are counted for a share, from indexes alone: about a tenth of a second for each.
SHARE_LIMIT = 100_000


@register.inclusion_tag("admin/grades/sent_again.html", takes_context=True)
def sent_again(context):
    """How many submissions were repeated lately, and how many conflicts are open; for those who may see them."""
    request = context["request"]
    told = {}
    if admin.site.get_model_admin(Grade).has_view_permission(request):
        now = timezone.now()
        told["repeats"] = [
            (_("Repeats in the last 24 hours:"), *repeats_since(now - timedelta(hours=24))),
            (_("Repeats in the last 30 days:"), *repeats_since(now - timedelta(days=30))),
        ]
    if admin.site.get_model_admin(Conflict).has_view_permission(request):
        told["open_conflicts"] = count_label(bounded_count(Conflict.objects.open()))
    return told


def repeats_since(moment):
    """(how many submissions came again since then, their share of all that were accepted), as text."""
    repeats = bounded_count(Repeat.objects.since(moment), SHARE_LIMIT)
    ratings = bounded_count(Grade.objects.since(moment), SHARE_LIMIT)
    return count_label(repeats, SHARE_LIMIT), share_label(repeats, ratings)


def share_label(repeats, ratings):
    """The share of repeats in figures that do not lie, whichever of the two was not counted to its end."""
    more_repeats, more_ratings = repeats > SHARE_LIMIT, ratings > SHARE_LIMIT
    if not repeats or (more_repeats and more_ratings):
        return ""
    permille = 1000 * repeats / (repeats + ratings)
    if more_repeats:
        return _("more than %(share)s %%") % {"share": floor(permille) / 10}
    if more_ratings or permille < 1:
        return _("less than %(share)s %%") % {"share": (floor(permille) + 1) / 10}
    return f"{permille / 10:.1f} %"
