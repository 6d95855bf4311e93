"""Replies to errors: a toast for the mini program, JSON for scripts, a page for browsers."""

from django.http import JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from ..replies import FAILURE, is_scripted, json_error, wants_json


def error_page(request, status):
    """A toast on /score, JSON for scripts and mini programs, otherwise a page."""
    place = request.path_info.strip("/")
    if place != "score/form" and place.partition("/")[0] == "score":
        response = JsonResponse(FAILURE, safe=False, status=status, json_dumps_params={"ensure_ascii": False})
        response["X-Score-Error"] = {400: "request: bad request", 404: "path: not found"}.get(status, "server: error")
        return response
    if wants_json(request) or place.partition("/")[0] in ("score", "graderesult", "wechat"):
        return json_error(status, {400: "bad_request", 403: "forbidden", 404: "not_found"}.get(status, "error"), "")
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
