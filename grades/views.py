"""What staff call: a session, a CSRF token, and a right for what they do. And the error pages."""

from functools import wraps
from urllib.parse import urlencode

from django.http import FileResponse, Http404, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from . import exports
from .api import FAILURE
from .forms import CreditForm, ExportForm, LookupForm
from .models import Account, Grade

# A customer's ratings that the query page shows; the export has all of them.
RATINGS_SHOWN = 100

# The contract's words on the wire, whatever the language of the reader.
WIRE_PAY_TYPE = {Account.PayType.POSTPAID: "后付费", Account.PayType.PREPAID: "预付费"}


# --- Who asks, and for what -----------------------------------------------------------------------


def is_ajax(request):
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def wants_json(request):
    """Whether to answer with JSON: asked for by name, or by a script that does not say (jQuery without dataType)."""
    if is_ajax(request) and request.headers.get("Accept", "*/*") == "*/*":
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def is_scripted(request):
    """Whether a script is asking, which can read JSON and cannot follow a login page."""
    return is_ajax(request) or wants_json(request)


def json_error(status, code, message, **extra):
    return JsonResponse({"error": code, "message": str(message), **extra}, status=status)


def staff_required(view):
    """Let staff in. Others are sent to the login, or told by 401/403 JSON if a script is asking."""

    @wraps(view)
    @never_cache
    @vary_on_headers("Accept", "X-Requested-With", "Cookie")
    def wrapper(request, *args, **kwargs):
        if request.user.is_active and request.user.is_staff:
            return view(request, *args, **kwargs)
        # After a login one comes back to the page: an address that only takes a POST is none.
        back = request.path if request.method == "GET" else reverse("query")
        login = f"{reverse('admin:login')}?{urlencode({'next': back})}"
        scripted = is_scripted(request)
        if not request.user.is_authenticated:
            if scripted:
                return json_error(401, "login_required", _("Your session has ended. Please log in again."), login=login)
            return redirect(login)
        if scripted:
            return json_error(403, "staff_only", _("This page is for staff."), login=login)
        return error_page(request, 403)

    return wrapper


# --- Pages ----------------------------------------------------------------------------------------


@require_safe
def home(request):
    return render(request, "home.html")


@staff_required
@require_http_methods(["GET", "HEAD", "POST"])
def query(request):
    """`GET`: the page with the form. `POST acc_nbr`: its dispatches, as JSON, as a fragment or as the page."""
    if request.method != "POST":
        return render_query(request, {"form": LookupForm()})
    form = LookupForm(request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"error": "invalid", "errors": form.errors}, status=400)
        return render_query(request, {"form": form}, status=400)
    acc_nbr = form.cleaned_data["acc_nbr"]
    if wants_json(request):
        return JsonResponse([wire_row(account) for account in Account.objects.of_number(acc_nbr)], safe=False)
    return render_query(request, {"form": form, **lookup(acc_nbr)})


def wire_row(account):
    """The nine columns of the contract; the fee as a JSON number."""
    return [
        account.acc_nbr,
        account.customer_name,
        account.area,
        account.product,
        WIRE_PAY_TYPE[account.pay_type],
        account.state,
        account.dispatched_on.isoformat(),
        float(account.monthly_fee),
        account.acct_id,
    ]


def lookup(acc_nbr):
    """What the query page shows of an account number."""
    grades = list(Grade.objects.of_account(acc_nbr).newest_first()[: RATINGS_SHOWN + 1])
    return {
        "acc_nbr": acc_nbr,
        "accounts": Account.objects.of_number(acc_nbr).select_related("credit__confirmed_by"),
        "grades": grades[:RATINGS_SHOWN],
        "more_grades": len(grades) > RATINGS_SHOWN,
    }


def render_query(request, context, status=200):
    """The whole page, or for the page's own script only what changes in it."""
    template = "query_result.html" if is_ajax(request) else "query.html"
    return render(request, template, context, status=status)


@staff_required
@require_POST
def credit(request):
    """`POST acct_id, credit_amount`: confirm the temporary credit of the newest dispatch of acct_id, once."""
    if not request.user.has_perm("grades.add_credit"):
        return refuse_credit(request, 403, "forbidden", _("You may not confirm credits."))
    form = CreditForm(request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"error": "invalid", "errors": form.errors}, status=400)
        return refuse_credit(request, 400, "invalid", _("acct_id or amount is missing or malformed."))
    account = Account.objects.newest_dispatch(form.cleaned_data["acct_id"])
    if account is None:
        return refuse_credit(request, 404, "unknown", _("There is no such acct_id on the dispatch list."))
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
    return render_query(
        request,
        {
            "form": LookupForm({"acc_nbr": account.acc_nbr}),
            "notice": _("The credit is confirmed.") if created else _("This credit was confirmed before."),
            **lookup(account.acc_nbr),
        },
    )


def refuse_credit(request, status, code, message, account=None):
    if wants_json(request):
        return json_error(status, code, message)
    found = {"form": LookupForm({"acc_nbr": account.acc_nbr}), **lookup(account.acc_nbr)} if account else {}
    return render_query(request, {"form": LookupForm(), "problem": message, **found}, status=status)


@staff_required
@require_POST
def export(request):
    """`POST acc_nbr, format`: the ratings of one account as a file; by POST, so that no log has the number."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        raise Http404
    return export_response(Grade.objects.of_account(form.cleaned_data["acc_nbr"]), form.cleaned_data["format"])


def export_response(queryset, file_format):
    """Send ratings as a download; `file_format` is "xlsx" or "csv"."""
    filename = f"grades-{timezone.localtime():%Y%m%d-%H%M}.{file_format}"
    if file_format == "csv":
        response = StreamingHttpResponse(exports.csv_chunks(queryset), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response
    return FileResponse(exports.xlsx_file(queryset), as_attachment=True, filename=filename)


# --- What went wrong ------------------------------------------------------------------------------


def error_page(request, status):
    """An error in the form that the caller can read: JSON toast on /score, JSON for scripts, else a page."""
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
