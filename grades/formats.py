"""How figures are written for people."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

HOUR = 3600


def thousands(number):
    return f"{number:,}"


def signed(number):
    return f"{number:+,}".replace("-", "−") if number else "0"


def percent(share):
    """A share from 0 to 1, or a dash if there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


def mean(value):
    return "–" if value is None else f"{value:.2f}"


def duration(seconds):
    """Seconds as minutes, hours or days."""
    if seconds is None:
        return "–"
    if seconds < HOUR:
        minutes = round(seconds / 60)
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    if seconds < 48 * HOUR:
        return _("%(count).1f hours") % {"count": seconds / HOUR}
    return _("%(count).1f days") % {"count": seconds / HOUR / 24}
