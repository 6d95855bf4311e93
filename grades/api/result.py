"""The page after the toast: customers see their own ratings again."""

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from ..database.retries import retry_transient
from ..models import Grade
from ..submissions.keys import receipt_digest
from ..submissions.validate import AccountNumberField
from ..tokens import read_receipts, read_session
from .base import AnonymousView, Refusal, bearer_token

RATINGS_SHOWN = 100


class GradeResultView(AnonymousView):
    """`GET /graderesult?phonenum=…`: the ratings of the account for which valid receipts or a session are shown.

    A receipt shows its own rating and nothing else; a session shows the ratings of its person. Without a valid
    receipt or session the database is not read, so neither the reply nor its time tells whether the number is
    known here.
    """

    http_method_names = ["get"]

    def get(self, request):
        acc_nbr = self.read_phonenum(request)
        receipts = read_receipts(request.headers.get("X-Grade-Receipt", ""), acc_nbr)
        openid = read_session(bearer_token(request) or "")
        ratings = {}
        if receipts or openid:
            ratings = retry_transient(find_ratings, acc_nbr, receipts, openid, using=settings.API_DATABASE)
        # A receipt proves that there was a rating, even if it is deleted; a session alone proves nothing.
        if not (ratings or receipts):
            raise Refusal(
                403,
                "forbidden",
                _("Customers see their own ratings: with the receipt, or after WeChat login."),
            )
        newest_first = sorted(ratings.values(), key=lambda row: (row["insert_time"], row["id"]), reverse=True)
        return Response(
            {
                "grade_labels": settings.GRADE_LABELS,
                "grade_min": settings.GRADE_MIN,
                "grade_max": settings.GRADE_MAX,
                "ratings": [wire_rating(row) for row in newest_first[:RATINGS_SHOWN]],
                "more": len(newest_first) > RATINGS_SHOWN,
            }
        )

    def read_phonenum(self, request):
        values = request.query_params.getlist("phonenum")
        try:
            if len(values) == 1:
                return AccountNumberField().run_validation(values[0])
        except ValidationError:
            pass
        raise Refusal(400, "phonenum", _("phonenum must be given once, and be an account number."))


def find_ratings(acc_nbr, receipts, openid):
    """Rows by id: the ratings of `acc_nbr` by these receipts, and the newest of this person."""
    # This endpoint compares the number as it was sent; the normal form finds the rows by its index.
    exact = Grade.objects.using(settings.API_DATABASE).of_account(acc_nbr).filter(acc_nbr=acc_nbr)
    of_account = exact.values("id", "insert_time", *Grade.CONTENT)
    found = {}
    if receipts:
        times = {insert_time for insert_time, _digest in receipts}
        rows = of_account.filter(insert_time__in=times)
        found = {row["id"]: row for row in rows if (row["insert_time"], receipt_digest(row)) in receipts}
    if openid:
        newest = of_account.filter(openid=openid).newest_first()[: RATINGS_SHOWN + 1]
        found |= {row["id"]: row for row in newest}
    return found


def wire_rating(row):
    return {
        "grades": [row["grade1"], row["grade2"], row["grade3"]],
        "remarks": [row["txt1"], row["txt2"], row["txt3"]],
        "time": timezone.localtime(row["insert_time"]).isoformat(timespec="seconds"),
    }
