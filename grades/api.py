"""What mini programs call: anonymous, no cookie, no CSRF token, and JSON whatever happens."""

import logging

from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from .models import Grade, SubmissionConflict
from .receipts import make_receipt
from .serializers import BodyError, SubmissionSerializer, decode_body

logger = logging.getLogger(__name__)

# Clients put the reply straight into wx.showToast: a string, of which seven characters are seen.
SUCCESS = "数据提交成功"
FAILURE = "数据提交失败"

# Three remarks of 500 characters take 24 KB in the widest form that a client can send them in.
MAX_BODY_BYTES = 256 * 1024
RETRY_AFTER_SECONDS = 5


class Refusal(APIException):
    """A submission is refused: the toast says so, and `reason` goes into X-Score-Error.

    `reason` is one line of ASCII: the field (or body, content-type, store …), a colon, and why. It
    never quotes what the customer sent.
    """

    def __init__(self, status_code, reason):
        super().__init__(reason)
        self.status_code = status_code
        self.reason = reason


class AlwaysJSON(BaseContentNegotiation):
    """JSON to any `Accept`: a client that asks for HTML must not get a 406 in place of a toast."""

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class ScoreView(APIView):
    """`POST /score`: one rating comes in. The wire contract is in docs/api.md."""

    authentication_classes = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    http_method_names = ["post"]

    def post(self, request):
        submission = SubmissionSerializer(data=self.read_fields(request))
        if not submission.is_valid():
            raise Refusal(400, submission.first_error())
        try:
            Grade.submit(**submission.validated_data)
        except SubmissionConflict as conflict:
            raise Refusal(409, "submission_id: already used for other content") from conflict
        receipt = make_receipt(submission.validated_data["acc_nbr"])
        return Response(SUCCESS, headers={"X-Grade-Receipt": receipt})

    def read_fields(self, request):
        media_type = request._request.content_type.lower()  # Django's: without parameters
        body = self.read_body(request)
        try:
            return decode_body(media_type, body) if media_type or body else {}
        except KeyError as error:
            raise Refusal(415, "content-type: must be a form or JSON") from error
        except BodyError as error:
            raise Refusal(400, f"body: {error}") from error

    def read_body(self, request):
        """The body, whole: one that is too long, or cut off by a lost connection, is refused."""
        meta = request.META
        if "HTTP_TRANSFER_ENCODING" in meta and meta.get("wsgi.input_terminated"):
            # A chunked body has no length for Django to read by; the server marks its end.
            stream, length = meta["wsgi.input"], None
        else:
            stream, length = request._request, int(meta.get("CONTENT_LENGTH") or 0)
        try:
            body = stream.read(MAX_BODY_BYTES + 1)
        except OSError as error:
            raise Refusal(400, "body: cut off") from error
        if len(body) > MAX_BODY_BYTES:
            raise Refusal(413, "body: too large")
        if length is not None and len(body) < length:
            raise Refusal(400, "body: cut off")
        return body

    def handle_exception(self, exc):
        if isinstance(exc, Refusal):
            return refuse(exc.status_code, exc.reason)
        if isinstance(exc, MethodNotAllowed):
            return refuse(405, "method: only POST is allowed")
        if isinstance(exc, OperationalError | InterfaceError):
            # The code and not the message, in which a driver may quote what the customer sent.
            logger.error("the store is unreachable: %s %s", type(exc).__name__, exc.args[:1])
            return refuse(503, "store: unreachable", {"Retry-After": str(RETRY_AFTER_SECONDS)})
        logger.error("a submission failed", exc_info=exc)
        return refuse(500, "server: internal error")


def refuse(status, reason, headers=None):
    return Response(FAILURE, status=status, headers={"X-Score-Error": reason, **(headers or {})})
