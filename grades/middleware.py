"""Middleware of the site. `/score` runs without middleware."""

import time

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.urls import reverse

from . import metrics
from .access import IMPORT_DISPATCHES, may
from .replies import content_length
from .views.errors import error_page
from .views.health import PROBES

# A multipart form around the file of an import.
FORM_BYTES = 64 * 1024


def answer_probes(get_response):
    """Answer /healthz and /readyz: they are asked on loopback, by plain HTTP and by IP, also with HTTPS=1.

    The middleware behind it would redirect to https and refuse the Host.
    """

    def middleware(request):
        view = PROBES.get(request.path_info)
        return view(request) if view else get_response(request)

    return middleware


def count_requests(get_response):
    """Count the requests by view. It stands first, so that it sees every reply."""
    if not settings.METRICS_DIR:
        raise MiddlewareNotUsed

    def middleware(request):
        begun = time.perf_counter()
        response = get_response(request)
        metrics.count_request(view_of(request), request.method, response.status_code, time.perf_counter() - begun)
        return response

    return middleware


def view_of(request):
    """The name of the view that answers the request: one of the routes, or of the two below."""
    if request.resolver_match:
        return request.resolver_match.view_name
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "none"


def limit_body(get_response):
    """Refuse a body that is too long before anything reads it: 413, or 411 without a length.

    The CSRF check reads the form, and Django stores an uploaded file while it reads. So the limit comes first:
    IMPORT_MAX_MB for the import page and staff who may import, DATA_UPLOAD_MAX_MEMORY_SIZE for the rest.
    """

    def middleware(request):
        if request.path_info == reverse("score"):
            return get_response(request)  # it has its own limits, as it has no middleware in production
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return error_page(request, 411)
        length = content_length(request.META)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and length > largest_body(request):
            return error_page(request, 413)
        return get_response(request)

    return middleware


def largest_body(request):
    if request.path_info == reverse("admin:grades_account_import") and may(request.user, IMPORT_DISPATCHES):
        return settings.IMPORT_MAX_MB * 1024 * 1024 + FORM_BYTES
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
