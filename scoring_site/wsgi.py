"""The WSGI entry point of every server."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.urls import resolve, reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoring_site.settings")


class Application(WSGIHandler):
    """Django's handler; `/score` skips the middleware and the request signals and goes straight to its view.

    A rating needs no session, language, CSRF token, message or static file, and `retry_transient` cares for its
    connection. Together they would cost more than the rating (`make profile`).
    """

    def __init__(self):
        super().__init__()
        self.score_path = reverse("score")
        self.score_view = resolve(self.score_path).func

    def __call__(self, environ, start_response):
        if environ.get("PATH_INFO") != self.score_path:
            return super().__call__(environ, start_response)
        response = self.score_view(WSGIRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]


django.setup(set_prefix=False)
application = Application()
