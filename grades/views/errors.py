"""Replies to errors: a toast for the mini program, JSON for scripts, a page for browsers."""

from django.shortcuts import render
from django.utils.translation import gettext as _

from ..replies import FAILURE, is_score_path, is_scripted, json_error, toast, wants_json

SCORE_ERRORS = {
    400: "request: bad request",
    404: "path: not found",
    411: "body: needs a Content-Length",
    413: "body: too large",
}
ERROR_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 411: "length_required", 413: "too_large"}


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
    return error_page(request, 500)


def csrf_failure(request, reason=""):
    if is_scripted(request):
        return json_error(403, "csrf", _("The page is out of date. Load it again."))
    return render(request, "403_csrf.html", status=403)
