"""The confirmation of a temporary credit, and its withdrawal."""

from django.http import JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..access import CONFIRM_CREDIT, WITHDRAW_CREDIT, staff_route
from ..forms import CreditForm, LookupForm, WithdrawalForm
from ..models import Account, Credit
from ..replies import json_error, wants_json
from .query import lookup, render_query


def refuse_credit(request, status, code, message, account=None, **context):
    if wants_json(request):
        return json_error(status, code, message)
    found = look_up_again(account) if account else {}
    return render_query(request, {"form": LookupForm(), "problem": message, **found, **context}, status=status)


def look_up_again(account):
    return {"form": LookupForm({"acc_nbr": account.acc_nbr}), **lookup(account.acc_nbr)}


@require_POST
def refuse_without_right(request):
    return refuse_credit(request, 403, "forbidden", _("You may not confirm credits."))


@staff_route(CONFIRM_CREDIT, refuse=refuse_without_right)
@require_POST
def credit(request):
    """`POST acct_id, credit_amount`: confirm the temporary credit of the newest dispatch of acct_id, once at a time."""
    form = CreditForm(request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"error": "invalid", "errors": form.errors}, status=400)
        return refuse_credit(request, 400, "invalid", _("acct_id or amount is missing or malformed."))
    account = Account.objects.newest_dispatch(form.cleaned_data["acct_id"])
    if account is None:
        return refuse_credit(request, 404, "unknown", _("The dispatch list does not have this acct_id."))
    if form.cleaned_data["credit_amount"] != account.credit_amount:
        return refuse_credit(
            request,
            409,
            "amount",
            _("The amount does not match the newest dispatch. Look the number up again."),
            account,
        )
    confirmed, created = account.confirm_credit(request.user)
    if wants_json(request):
        return JsonResponse(
            {
                "acct_id": account.acct_id,
                "credit_amount": int(confirmed.credit_amount),
                "confirmed_at": timezone.localtime(confirmed.confirmed_at).isoformat(),
                "created": created,
            }
        )
    notice = _("The credit is confirmed.") if created else _("This credit was confirmed before.")
    return render_query(request, {"notice": notice, **look_up_again(account)})


@require_POST
def refuse_to_withdraw(request):
    return refuse_credit(request, 403, "forbidden", _("You may not withdraw credits."))


@staff_route(WITHDRAW_CREDIT, refuse=refuse_to_withdraw)
@require_POST
def withdraw(request):
    """`POST credit, reason`: withdraw this credit, once. Its dispatch can have a credit again afterwards."""
    form = WithdrawalForm(request.POST)
    found = None
    if "credit" not in form.errors:
        found = Credit.objects.filter(pk=form.cleaned_data["credit"]).select_related("account").first()
    if found is None:
        return refuse_credit(request, 404, "unknown", _("This credit does not exist."))
    if not form.is_valid():
        message = " ".join(form.errors["reason"])
        return refuse_credit(request, 400, "invalid", message, found.account, reason=request.POST.get("reason", ""))
    _withdrawal, created = found.withdraw(request.user, form.cleaned_data["reason"])
    if wants_json(request):
        return JsonResponse({"credit": found.pk, "created": created})
    notice = _("The credit is withdrawn.") if created else _("This credit was withdrawn before.")
    return render_query(request, {"notice": notice, **look_up_again(found.account)})
