"""Who may do what: one named right for each staff route, and the decorator that checks it.

The back office checks the same Django permissions through its ModelAdmin classes.
"""

from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.vary import vary_on_headers

from .replies import is_ajax, is_scripted, json_error, wants_json

# Every member of staff may look numbers up and download the ratings of a number: the contract of /query asks
# for a staff session only.
LOOK_UP = ()
EXPORT_NUMBER = ()
# Members of staff see their own jobs only; starting a job needs the right for its work.
SEE_OWN_JOBS = ()
CONFIRM_CREDIT = ("grades.add_credit",)
WITHDRAW_CREDIT = ("grades.add_withdrawal",)
IMPORT_DISPATCHES = ("grades.add_account", "grades.change_account")
# The holder of a code can read the account number and rate it, so printing is a right of those who keep the list.
PRINT_CODES = ("grades.view_account", "grades.change_account")
# The first steps of a new installation: staff, and the dispatch list.
SET_UP = ("auth.add_user", *IMPORT_DISPATCHES)
SEE_OVERVIEW = ("grades.view_grade",)
SEE_COVERAGE = ("grades.view_account", "grades.view_grade")
KEEP_CONFLICTS = ("grades.change_conflict",)


def may(user, right):
    """Whether `user` is active staff and has every Django permission of `right`."""
    return user.is_active and user.is_staff and user.has_perms(right)


def staff_route(right, refuse=None):
    """Let staff with `right` in. Others are sent to the login; a script gets 401 or 403 as JSON.

    `refuse(request)` answers staff without the right; by default they get the page "forbidden".
    """

    def decorate(view):
        @wraps(view)
        @never_cache
        @vary_on_headers("Accept", "X-Requested-With", "Cookie")
        def wrapper(request, *args, **kwargs):
            user = request.user
            if may(user, right):
                return view(request, *args, **kwargs)
            if user.is_active and user.is_staff and refuse:
                return refuse(request)
            return refuse_stranger(request)

        return wrapper

    return decorate


def refuse_stranger(request):
    # After login return to a page that answers GET; others go to /query.
    back = request.path if request.method == "GET" else reverse("query")
    login = f"{reverse('admin:login')}?{urlencode({'next': back})}"
    scripted = is_scripted(request)
    if not request.user.is_authenticated:
        ended = _("Your session has ended. Please log in again.")
        # Only pages of this site lead people to the login; other programs would collect the message.
        if not wants_json(request) and (request.method == "POST" or settings.SESSION_COOKIE_NAME in request.COOKIES):
            messages.warning(request, ended)
        if scripted:
            return json_error(401, "login_required", ended, login=login)
        keep_look_up(request)
        return redirect(login)
    if scripted:
        return json_error(403, "staff_only", _("This page is for staff."), login=login)
    return render(request, "403.html", status=403)


def keep_look_up(request):
    """Keep the number of a form for the next `GET /query`: after a login, or in the other language.

    In the session, because no address may hold a number. The page's script keeps the number itself, for each tab.
    """
    number = request.POST.get("acc_nbr", "")[:100]  # longer ones are refused
    if number and number != kept_look_up(request) and not is_ajax(request):
        request.session["looked_up"] = number


def kept_look_up(request):
    """The number that `keep_look_up` kept, as it was typed, or None."""
    return request.session.get("looked_up")
