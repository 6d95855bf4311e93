"""`GET /score/code`: the account number that a printed code stands for."""

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.response import Response

from ..database.retries import retry_transient
from ..models import Account
from ..tokens import read_code
from .base import AnonymousView, Refusal

NOBODY = 0  # no row has this id


class CodeView(AnonymousView):
    """`GET /score/code?scene=…`: the account number and the area of the dispatch that a code stands for.

    A code that is malformed, forged, expired or of a deleted dispatch gets the same 404. Each costs one look-up
    by key, so the time does not tell them apart either.
    """

    http_method_names = ["get"]

    def get(self, request):
        codes = request.query_params.getlist("scene")
        dispatch_id = read_code(codes[0]) if len(codes) == 1 else None
        found = retry_transient(find_dispatch, dispatch_id or NOBODY, using=settings.API_DATABASE)
        if not found:
            raise Refusal(404, "code", _("This code is not valid or has expired. Enter the number by hand."))
        return Response(found[0])


def find_dispatch(dispatch_id):
    dispatches = Account.objects.using(settings.API_DATABASE).filter(pk=dispatch_id)
    return list(dispatches.values("acc_nbr", "area"))
