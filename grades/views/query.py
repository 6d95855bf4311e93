"""The query page: the dispatches and ratings of one account number, and their export."""

from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ..access import EXPORT_NUMBER, LOOK_UP, keep_look_up, kept_look_up, staff_route
from ..database.paging import bounded_count, count_label
from ..downloads import DIRECT_ROWS, ExportFailed, export_response
from ..exports import About, ratings_table
from ..forms import ExportForm, LookupForm
from ..models import Account, Grade, is_cut_off, possible_prefixes
from ..replies import is_ajax, wants_json

# Ratings of a number that the query page shows; the export has all of them.
RATINGS_SHOWN = 100
# Numbers of the dispatch list that begin like an incomplete one.
LONGER_SHOWN = 10

# The wire contract has these words in every language.
WIRE_PAY_TYPE = {Account.PayType.POSTPAID: "后付费", Account.PayType.PREPAID: "预付费"}


@staff_route(LOOK_UP)
@require_http_methods(["GET", "HEAD", "POST"])
def query(request):
    """`GET`: the page with the last look-up. `POST acc_nbr`: its dispatches, as JSON, as a fragment or as the page."""
    if request.method != "POST":
        form = LookupForm({"acc_nbr": kept_look_up(request)})
        if not form.is_valid():
            return render_query(request, {"form": LookupForm()})
        return render_query(request, {"form": form, **lookup(form.cleaned_data["acc_nbr"])})
    form = LookupForm(request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"error": "invalid", "errors": form.errors}, status=400)
        return render_query(request, {"form": form}, status=400)
    acc_nbr = form.cleaned_data["acc_nbr"]
    if wants_json(request):
        return JsonResponse([wire_row(account) for account in Account.objects.of_number(acc_nbr)], safe=False)
    keep_look_up(request)
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
    """The template context of an account number."""
    accounts = list(Account.objects.of_number(acc_nbr))
    ratings = Grade.objects.of_account(acc_nbr)
    grades = list(ratings.newest_first()[: RATINGS_SHOWN + 1])
    longer = [] if accounts else Account.objects.longer_numbers(acc_nbr, LONGER_SHOWN)
    return {
        "acc_nbr": acc_nbr,
        "grade_count": count_label(len(grades) if len(grades) <= RATINGS_SHOWN else bounded_count(ratings)),
        "accounts": accounts,
        "credits": accounts[0].credits_with_names() if accounts else [],
        "longer": longer,
        "is_incomplete": not accounts and (bool(longer) or any(map(is_cut_off, possible_prefixes(acc_nbr)))),
        "grades": grades[:RATINGS_SHOWN],
        "more_grades": len(grades) > RATINGS_SHOWN,
    }


def render_query(request, context, status=200):
    """The whole page, or a fragment for the page's own script."""
    template = "grades/query_result.html" if is_ajax(request) else "grades/query.html"
    return render(request, template, context, status=status)


@staff_route(EXPORT_NUMBER)
@require_POST
def export(request):
    """`POST acc_nbr, format`: the ratings of one account as a file; by POST, so that the number stays out of logs."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        raise Http404
    acc_nbr = form.cleaned_data["acc_nbr"]
    ratings = Grade.objects.of_account(acc_nbr)
    about = About(filter=_("one account number"), slug="number", by=request.user.get_username())
    count = bounded_count(ratings, DIRECT_ROWS)
    try:
        return export_response(ratings_table(ratings), about, form.cleaned_data["format"], count)
    except ExportFailed as failed:
        return render_query(request, {"form": LookupForm(), "problem": str(failed), **lookup(acc_nbr)}, status=409)
