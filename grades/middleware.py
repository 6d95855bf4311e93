"""The way of a rating past what serves pages."""

from django.urls import resolve, reverse


class StraightToScore:
    """Takes `POST /score` to its view without sessions, languages, CSRF, messages and static files.

    First in MIDDLEWARE. The view needs none of them, and they cost more than the rating itself.
    """

    def __init__(self, get_response):
        self.get_response = get_response
        self.path = reverse("score")
        self.view = resolve(self.path).func

    def __call__(self, request):
        if request.path_info == self.path:
            return self.view(request)
        return self.get_response(request)
