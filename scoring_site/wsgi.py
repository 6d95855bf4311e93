"""The WSGI entry point of every server."""

import os
import re

import django
from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.urls import resolve, reverse

from grades import metrics

from . import request_ids

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoring_site.settings")

BOUNDARY = re.compile(r'boundary=("[^"]*"|[^;,\s]*)', re.IGNORECASE)
EXTENDED_PARAMETER = re.compile(r";[^;,]*\*[^;,]*")


class Request(WSGIRequest):
    """Django's request, without the header parameters that make Django fail.

    Django decodes a parameter such as `charset*=bogus''x` with the codec that it names, and raises LookupError
    for an unknown one. All bodies are UTF-8, so only the boundary of a multipart body is needed.
    """

    def __init__(self, environ):
        content_type = environ.get("CONTENT_TYPE", "")
        if ";" in content_type:
            environ["CONTENT_TYPE"] = media_type = content_type.partition(";")[0].strip()
            if media_type.lower() == "multipart/form-data" and (boundary := BOUNDARY.search(content_type)):
                environ["CONTENT_TYPE"] += f"; {boundary[0]}"
        if "*=" in environ.get("HTTP_ACCEPT", ""):
            environ["HTTP_ACCEPT"] = EXTENDED_PARAMETER.sub("", environ["HTTP_ACCEPT"])
        super().__init__(environ)

    def _load_post_and_files(self):
        try:
            super()._load_post_and_files()
        except LookupError as error:  # the same fault in the headers of a multipart part
            self._mark_post_parse_error()
            raise BadRequest("A part of the body has a malformed header.") from error


def with_request_id(start_response):
    def start(status, headers, *exc_info):
        return start_response(status, [*headers, ("X-Request-Id", request_ids.request_id())], *exc_info)

    return start


def is_from_this_machine(environ):
    """Whether a program on this machine sent the request, and not a client by way of the proxy."""
    return environ.get("REMOTE_ADDR") == "127.0.0.1" and "HTTP_X_FORWARDED_FOR" not in environ


class Application(WSGIHandler):
    """Django's handler; `/score` skips the middleware and the request signals and goes straight to its view.

    A rating needs no session, language, CSRF token, message or static file, and `retry_transient` cares for its
    connection. Together they would cost more than the rating (`make profile`). `/metrics` skips them too: Prometheus
    asks a port of this machine, without TLS and by an address that is not in ALLOWED_HOSTS.
    """

    request_class = Request

    def __init__(self):
        super().__init__()
        self.score_path = reverse("score")
        self.score_view = resolve(self.score_path).func
        self.scrape = None
        if settings.METRICS_DIR:
            metrics.start(settings.METRICS_DIR)
            from grades.scrape import scrape  # and with it prometheus_client

            self.score_view, self.scrape = metrics.counted(self.score_view), scrape

    def __call__(self, environ, start_response):
        request_ids.begin(environ)
        if environ.get("PATH_INFO") != self.score_path:
            if self.scrape and environ.get("PATH_INFO") == "/metrics" and is_from_this_machine(environ):
                start_response("200 OK", [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
                return [self.scrape()]
            return super().__call__(environ, with_request_id(start_response))
        response = self.score_view(Request(environ))
        headers = list(response.items())
        if number := request_ids.known_id():
            headers.append(("X-Request-Id", number))
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        return [response.content]


def granian_application(environ, start_response):
    """`application` under granian, which does less than gunicorn for a WSGI application."""
    # granian takes a chunked body that is cut off for a whole one: such a body must not count as terminated.
    environ.pop("wsgi.input_terminated", None)
    # The proxy is on this machine; granian itself does not read the scheme that the proxy reports.
    if environ.get("REMOTE_ADDR") == "127.0.0.1" and environ.get("HTTP_X_FORWARDED_PROTO") == "https":
        environ["wsgi.url_scheme"] = "https"
    return application(environ, start_response)


django.setup(set_prefix=False)
application = Application()
