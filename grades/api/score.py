"""`POST /score` and `GET /score/form`: a rating, and the questions of its form."""

import hashlib
import json

from django.conf import settings
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from rest_framework.response import Response

from ..models import REMARK_LENGTH
from ..replies import FAILURE, SUCCESS, toast
from ..submissions.keys import receipt_digest
from ..submissions.store import AlreadyRated, LimitExceeded, SubmissionConflict, submit
from ..submissions.validate import SubmissionError, validate
from ..tokens import make_receipt, read_session
from .base import AnonymousView, Refusal, bearer_token

# Three remarks of 500 characters take 24 KB in the longest encoding that a client can use.
MAX_BODY_BYTES = 256 * 1024

TOO_MANY = {"account": "too many for this account number", "address": "too many from this address"}


class ScoreView(AnonymousView):
    """`POST /score`: store one rating. The wire contract is in docs/api.md."""

    http_method_names = ["post"]
    max_body_bytes = MAX_BODY_BYTES
    subject = "a submission"

    # This view does not authenticate, throttle, parse or negotiate, so it skips APIView's preparations.

    def initialize_request(self, request, *args, **kwargs):
        return request

    def initial(self, request, *args, **kwargs):
        request.get_host()  # refuses an unknown host, as a middleware does on the other routes

    default_response_headers = {}

    def post(self, request):
        openid = self.read_openid(request)
        try:
            submission = validate(self.read_fields(request))
        except SubmissionError as error:
            raise Refusal(400, str(error)) from error
        try:
            stored = submit(openid=openid, limited=self.counters_of(request.META, submission), **submission)
        except LimitExceeded as exceeded:
            excess = exceeded.excess
            headers = {"Retry-After": str(excess.retry_after)}
            raise Refusal(429, f"rate: {TOO_MANY[excess.subject]}", headers=headers) from exceeded
        except SubmissionConflict as conflict:
            raise Refusal(409, "submission_id: already used for other content") from conflict
        except AlreadyRated as rated:
            raise Refusal(409, "acc_nbr: this dispatch is already rated") from rated
        # A duplicate has the content of the stored rating, so its receipt is that rating's.
        receipt = make_receipt(submission["acc_nbr"], stored.insert_time, receipt_digest(submission))
        response = toast(SUCCESS, 200, {"X-Grade-Receipt": receipt})
        response.is_duplicate = not stored.is_new  # for the metrics
        return response

    def counters_of(self, meta, submission):
        """The counters of the rate limits for a submission; None without limits."""
        if not (settings.RATE_LIMIT_ACCOUNT or settings.RATE_LIMIT_ADDRESS):
            return None
        from ..limits import counters_of  # a site without limits does not load them

        return counters_of(submission["acc_nbr"], meta)

    def read_openid(self, request):
        """The openid of the session in the request; None for an anonymous rating.

        An expired or invalid session is refused: the client logs in again, and the customer finds the rating
        later.
        """
        if not settings.WECHAT_APPID:  # nowhere to log in again
            return None
        token = bearer_token(request)
        if token is None and not settings.REQUIRE_WECHAT_LOGIN:
            return None
        openid = read_session(token) if token is not None else None
        if openid is None:
            reason = "login: required" if token is None else "login: expired or invalid"
            raise Refusal(401, reason, headers={"WWW-Authenticate": "Bearer"})
        return openid

    def refuse(self, refusal):
        return toast(FAILURE, refusal.status_code, {"X-Score-Error": refusal.reason, **refusal.headers})


class ScoreFormView(AnonymousView):
    """`GET /score/form`: the questions of the form, so that they change without a new client."""

    http_method_names = ["get", "head"]

    @method_decorator(cache_control(public=True, max_age=300))
    def get(self, request):
        form = {
            "grade_labels": settings.GRADE_LABELS,
            "grade_min": settings.GRADE_MIN,
            "grade_max": settings.GRADE_MAX,
            "remark_prompts": settings.REMARK_PROMPTS,
            "remark_length": REMARK_LENGTH,
            "privacy": settings.PRIVACY_TEXT,
            "wechat_login": bool(settings.WECHAT_APPID),
            "wechat_login_required": settings.REQUIRE_WECHAT_LOGIN,
        }
        etag = f'"{hashlib.blake2b(json.dumps(form).encode(), digest_size=12).hexdigest()}"'
        return get_conditional_response(request, etag, response=Response(form, headers={"ETag": etag}))
