"""Who may do what: one named right for each staff route, and the decorator that checks it.

The back office checks the same Django permissions through its ModelAdmin classes.
"""

from functools import wraps
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.vary import vary_on_headers

from . import models
from .database.keys import is_key
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


class BackOffice(AdminSite):
    """Django's back office. When a session has ended, the login says so, and work goes on where it was."""

    def admin_view(self, view, cacheable=False):
        checked = super().admin_view(view, cacheable)

        @wraps(view)
        def wrapper(request, *args, **kwargs):
            # The script of the import sees the login page by its address, and keeps the file.
            if request.user.is_authenticated or is_ajax(request) or request.path == reverse("admin:logout"):
                return checked(request, *args, **kwargs)
            response = refuse_stranger(request, page_to_return_to(request))
            add_never_cache_headers(response)
            return response

        return wrapper


def page_to_return_to(request):
    """The page of the back office to show after a login: one that answers GET. Keeps the note of a review."""
    if request.method == "GET":
        return request.get_full_path()
    if rating := keep_note(request):
        return reverse("admin:grades_grade_change", args=[rating])
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return reverse("overview")
    return urlsplit(page)._replace(scheme="", netloc="").geturl()


def refuse_stranger(request, back=None):
    # After login return to a page that answers GET; others go to /query.
    back = back or (request.path if request.method == "GET" else reverse("query"))
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


def keep_note(request):
    """Keep the note of a review that was sent after the end of the session. Returns the key of its rating, or None."""
    page = request.resolver_match
    if page.url_name == "grades_grade_queue":
        rating = request.POST.get("rating", "")
    elif page.url_name == "grades_grade_change":
        rating = page.kwargs["object_id"]
    else:
        return None
    note = request.POST.get("note", "")
    if not note or not is_key(rating):
        return None
    request.session["note"] = [int(rating), note[: models.NOTE_LENGTH]]
    return int(rating)


def kept_note(request, rating):
    """The note that `keep_note` kept for a rating, or ""."""
    kept, note = request.session.get("note", (None, ""))
    return note if kept == rating.pk else ""


def show_kept_note(request, form, rating):
    """Put the kept note of a rating into its form, which is not sent yet, and say so."""
    if kept := kept_note(request, rating):
        form.initial["note"] = kept
        messages.warning(request, _("Your session had ended before the note was saved. It is in the form again."))


def forget_note(request, rating):
    if kept_note(request, rating):
        del request.session["note"]
