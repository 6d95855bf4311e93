"""WeChat login, and the receipts of a person for another phone."""

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.response import Response

from .. import wechat
from ..database.retries import retry_transient
from ..models import Grade
from ..submissions.keys import receipt_digest
from ..submissions.validate import LoginSerializer
from ..tokens import make_receipt, make_session, read_session
from .base import AnonymousView, Refusal, bearer_token

RECEIPTS_SHOWN = 50

# The reply to a failed login: status, error, message, headers.
REFUSALS = {
    wechat.CodeRefused: (400, "code", gettext_lazy("This login code is not valid or was used before."), {}),
    wechat.LoginBlocked: (403, "blocked", gettext_lazy("WeChat does not let this user log in."), {}),
    # WeChat counts per user and minute.
    wechat.TooManyLogins: (429, "rate", gettext_lazy("Too many logins. Try again in a minute."), {"Retry-After": "60"}),
    wechat.Misconfigured: (500, "wechat", gettext_lazy("WeChat login is not set up correctly on this site."), {}),
    wechat.Unavailable: (
        503,
        "wechat",
        gettext_lazy("WeChat does not answer. Try again in a few seconds."),
        {"Retry-After": "5"},
    ),
}


class LoginView(AnonymousView):
    """`POST /wechat/login`: a code of wx.login becomes a signed session."""

    http_method_names = ["post"]
    subject = "a login"

    def post(self, request):
        if not settings.WECHAT_APPID:
            raise Refusal(404, "not_configured", _("This site has no WeChat login."))
        login = LoginSerializer(data=self.read_fields(request))
        if not login.is_valid():
            raise Refusal(400, "code", _("code must be a login code of 1 to 128 characters."))
        if settings.RATE_LIMIT_ADDRESS:
            self.check_limit(request.META)
        try:
            openid = wechat.openid_of_code(login.validated_data["code"])
        except wechat.LoginFailed as failure:
            raise Refusal(*REFUSALS[type(failure)]) from failure
        expires_in = settings.WECHAT_SESSION_DAYS * 24 * 3600
        return Response({"session": make_session(openid), "expires_in": expires_in})

    def check_limit(self, meta):
        from ..limits import count_login  # a site without limits does not load them

        if excess := count_login(meta):
            message = _("Too many logins from this network. Try again later.")
            raise Refusal(429, "rate", message, {"Retry-After": str(excess.retry_after)})


class ReceiptsView(AnonymousView):
    """`GET /wechat/receipts`: fresh receipts for the newest ratings of this person, newest first."""

    http_method_names = ["get"]

    def get(self, request):
        openid = read_session(bearer_token(request) or "")
        if openid is None:
            raise Refusal(401, "login", _("Log in with WeChat first."), {"WWW-Authenticate": "Bearer"})
        ratings = Grade.objects.using(settings.API_DATABASE).filter(openid=openid).newest_first()
        columns = ratings.values("insert_time", *Grade.CONTENT)
        rows = retry_transient(list, columns[:RECEIPTS_SHOWN], using=settings.API_DATABASE)
        return Response({"receipts": [receipt_of(row) for row in rows]})


def receipt_of(row):
    receipt = make_receipt(row["acc_nbr"], row["insert_time"], receipt_digest(row))
    return {"acc_nbr": row["acc_nbr"], "receipt": receipt}
