"""Pages that need no login."""

from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
def home(request):
    return render(request, "grades/home.html")


@never_cache
@require_safe
def open_in_wechat(request, code):
    """`GET /r/<code>`: a printed code that was opened outside WeChat.

    The page does not look at the code, so it cannot tell whether the code is valid.
    """
    response = render(request, "grades/open_in_wechat.html")
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
