"""Replies to errors: a toast for the mini program, JSON for scripts, a page for browsers."""

import logging
import sys

from django.shortcuts import render
from django.utils.translation import gettext as _

from ..database.retries import is_transient
from ..replies import FAILURE, is_score_path, is_scripted, json_error, toast, wants_json

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5

SCORE_ERRORS = {
    400: "request: bad request",
    404: "path: not found",
    411: "body: needs a Content-Length",
    413: "body: too large",
    503: "store: unreachable",
}
ERROR_CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    411: "length_required",
    413: "too_large",
    503: "unavailable",
}


def error_page(request, status):
    """A toast on /score, JSON for scripts and mini programs, otherwise a page."""
    if is_score_path(request):
        return toast(FAILURE, status, {"X-Score-Error": SCORE_ERRORS.get(status, "server: error")})
    first = request.path_info.strip("/").partition("/")[0]
    if wants_json(request) or first in ("score", "graderesult", "wechat"):
        return json_error(status, ERROR_CODES.get(status, "error"), "")
    return render(request, f"{status}.html", status=status)


def bad_request(request, exception=None):
    return error_page(request, 400)


def permission_denied(request, exception=None):
    return error_page(request, 403)


def not_found(request, exception=None):
    return error_page(request, 404)


def server_error(request):
    error = sys.exception()  # the one that Django handles by calling this
    if is_transient(error):
        return database_unreachable(request, error)
    return error_page(request, 500)


def database_unreachable(request, error):
    """503 for an error that passes: the database restarts, or its node lost the majority of its cluster."""
    # The code without the message, which may quote what was typed.
    log.error("%s: the database is unreachable: %s %s", request.path, type(error).__name__, error.args[:1])
    response = error_page(request, 503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response._has_been_logged = True  # Django would log it again, with a traceback
    return response


def csrf_failure(request, reason=""):
    if is_scripted(request):
        return json_error(403, "csrf", _("The page is out of date. Load it again."))
    return render(request, "403_csrf.html", status=403)
