"""Background jobs that work on a list: their order, and the list as the worker reads it again."""

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ..models import Job, JobFailed, TooManyJobs


def order_job(model_admin, request, kind, order):
    """Add a job; returns the redirect to its page, or to the unfinished jobs if there are too many."""
    try:
        return redirect("job", Job.objects.add(kind, request.user, order).pk)
    except TooManyJobs:
        text = _("You have several jobs that are not finished. Wait for one of them, or stop one.")
        model_admin.message_user(request, text, messages.ERROR)
        return redirect("jobs")


def list_request(model_admin, owner, query):
    """A request for the list with this query string, by the owner of a job."""
    request = HttpRequest()
    request.method, request.path, request.user = "GET", model_admin.list_address(), owner
    request.GET = QueryDict(query)
    request._messages = CookieStorage(request)  # the list writes messages, which no response takes
    return request


def changelist_of(model_admin, request):
    """The list of `list_request`; raises `JobFailed` with the message that the list would show."""
    try:
        return model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters as error:
        text = _("The list does not take this filter or search any more. %(reason)s")
        reason = " ".join(str(message) for message in messages.get_messages(request))
        raise JobFailed((text % {"reason": reason}).strip()) from error
