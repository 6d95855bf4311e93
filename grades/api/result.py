"""The page after the toast: a customer sees the own ratings again."""

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from ..database.retries import retry_transient
from ..models import Grade
from ..submissions.validate import AccountNumberField
from ..tokens import read_receipts, read_session
from .base import AnonymousView, Refusal, bearer_token

RATINGS_SHOWN = 100


class GradeResultView(AnonymousView):
    """`GET /graderesult?phonenum=…`: ratings of the account, for a valid receipt or session.

    A rating after WeChat login is shown to that person only. Without a valid receipt or session the database
    is not read, so neither the reply nor its time tells whether the number is known here.
    """

    http_method_names = ["get"]

    def get(self, request):
        acc_nbr = self.read_phonenum(request)
        openids = read_receipts(request.headers.get("X-Grade-Receipt", ""), acc_nbr)
        # Any receipt shows the anonymous ratings of the account.
        by_receipt = openids | {None} if openids else openids
        session = read_session(bearer_token(request) or "")
        whose = by_receipt | {session} if session else by_receipt
        rows = []
        if whose:
            ratings = Grade.objects.using(settings.API_DATABASE).of_account(acc_nbr).given_by(whose).newest_first()
            columns = ratings.values("insert_time", *Grade.CONTENT)
            rows = retry_transient(list, columns[: RATINGS_SHOWN + 1], using=settings.API_DATABASE)
        # A receipt proves that there was a rating, even if it is deleted; a session alone proves nothing.
        if not (rows or by_receipt):
            raise Refusal(
                403,
                "forbidden",
                _("Ratings are shown to those who gave them: with the receipt, or after WeChat login."),
            )
        return Response(
            {
                "grade_labels": settings.GRADE_LABELS,
                "grade_min": settings.GRADE_MIN,
                "grade_max": settings.GRADE_MAX,
                "ratings": [wire_rating(row) for row in rows[:RATINGS_SHOWN]],
                "more": len(rows) > RATINGS_SHOWN,
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


def wire_rating(row):
    return {
        "grades": [row["grade1"], row["grade2"], row["grade3"]],
        "remarks": [row["txt1"], row["txt2"], row["txt3"]],
        "time": timezone.localtime(row["insert_time"]).isoformat(timespec="seconds"),
    }
