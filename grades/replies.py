"""The forms of a reply: a toast for mini programs, JSON for scripts; and which of them the caller can read."""

import re
import sys

from django.core.exceptions import BadRequest
from django.http import HttpResponse, JsonResponse

# Clients put the reply of /score straight into wx.showToast: a string, of which seven characters are visible.
SUCCESS = "数据提交成功"
FAILURE = "数据提交失败"


def toast(text, status, headers):
    """The reply of /score: a JSON string. It is built by hand: rendering and negotiation cost more."""
    content = f'"{text}"'.encode()
    fixed = {"Content-Type": "application/json", "Content-Length": len(content), "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, status=status, headers=fixed | headers)


# `/score` with anything that a client may add by mistake: `/score/`, `/./score`, `/score;x`, `/score%00`.
SCORE_PATH = re.compile(r"[/.]*score(?![0-9A-Za-z_-])(?!/(?:form|code)/?$)")


def is_score_path(request):
    """Whether the reply must be a toast, because a client of `/score` reads it."""
    return SCORE_PATH.match(request.path_info) is not None


def content_length(meta):
    """The length of the body in bytes, 0 without a body; raises BadRequest for a malformed header."""
    length = meta.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        raise BadRequest("Content-Length must be a number.")
    return int(length) if len(length) < 20 else sys.maxsize


def is_ajax(request):
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def wants_json(request):
    """Whether to answer with JSON: the request names it, or a script names no type (jQuery without dataType)."""
    if is_ajax(request) and request.headers.get("Accept", "*/*") == "*/*":
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def is_scripted(request):
    """Whether a script sent the request: it can read JSON and cannot follow a login page."""
    return is_ajax(request) or wants_json(request)


def json_error(status, code, message, **extra):
    return JsonResponse({"error": code, "message": str(message), **extra}, status=status)
