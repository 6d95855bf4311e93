"""The base of these views: open to anyone, reads a whole body, answers with JSON."""

import logging

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from ..database.retries import StoreUnavailable, is_transient
from ..replies import content_length
from ..submissions.decode import BodyError, decode_body

logger = logging.getLogger("grades.api")

RETRY_AFTER_SECONDS = 5


class Refusal(APIException):
    """A request is refused: `reason` names the part at fault and, after a colon, why.

    `reason` is one line of ASCII for programs, `message` a sentence for people. Neither quotes the
    customer's input.
    """

    def __init__(self, status_code, reason, message="", headers=None):
        super().__init__(reason)
        self.status_code = status_code
        self.reason = reason
        self.message = message
        self.headers = headers or {}


class AlwaysJSON(BaseContentNegotiation):
    """Answer any `Accept` with JSON: a client that asks for HTML must not get a 406."""

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class AnonymousView(APIView):
    """Open to anyone; signed tokens decide what a caller may see."""

    authentication_classes = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    max_body_bytes = 16 * 1024
    subject = "a request"  # in the log, when it failed

    def read_fields(self, request):
        media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        body = self.read_body(request)
        try:
            return decode_body(media_type, body) if media_type or body else {}
        except KeyError as error:
            raise Refusal(415, "content-type: must be a form or JSON") from error
        except BodyError as error:
            raise Refusal(400, f"body: {error}") from error

    def read_body(self, request):
        """Read the whole body; refuse one without a length, too long, or cut off by a lost connection."""
        meta = request.META
        length = None
        if "HTTP_TRANSFER_ENCODING" not in meta:
            length = content_length(meta)
            if length > self.max_body_bytes:
                raise Refusal(413, "body: too large")
            stream = request
        elif meta.get("wsgi.input_terminated"):
            stream = meta["wsgi.input"]  # the server marks the end of a chunked body
        else:
            raise Refusal(411, "body: needs a Content-Length")
        try:
            body = stream.read(self.max_body_bytes + 1)
        except Exception as error:  # each server has its own errors for a malformed or lost body
            raise Refusal(400, "body: cut off") from error
        if len(body) > self.max_body_bytes:
            raise Refusal(413, "body: too large")
        if length is not None and len(body) < length:
            raise Refusal(400, "body: cut off")
        return body

    def handle_exception(self, exc):
        if isinstance(exc, Refusal):
            return self.refuse(exc)
        if isinstance(exc, MethodNotAllowed):
            allowed = self.allowed_methods
            reason = f"method: only {' or '.join(allowed)} is allowed"
            return self.refuse(Refusal(405, reason, headers={"Allow": ", ".join(allowed)}))
        if isinstance(exc, BadRequest | SuspiciousOperation):  # also Django's, for a query string beyond its limits
            return self.refuse(Refusal(400, "request: bad request"))
        if isinstance(exc, StoreUnavailable) or is_transient(exc):
            cause = exc.__cause__ if isinstance(exc, StoreUnavailable) else exc
            if cause:  # without a cause the circuit breaker was open, and the log has the reason already
                # The code without the message: a driver may quote the customer's input in it.
                logger.error("the store is unreachable: %s %s", type(cause).__name__, cause.args[:1])
            message = _("The server cannot reach its data. Try again in a few seconds.")
            return self.refuse(Refusal(503, "store: unreachable", message, {"Retry-After": str(RETRY_AFTER_SECONDS)}))
        logger.error("%s failed", self.subject, exc_info=exc)
        return self.refuse(Refusal(500, "server: internal error", _("Something went wrong on the server.")))

    def refuse(self, refusal):
        """The refusal as a reply; a view with another form of reply overrides this."""
        error, _colon, why = refusal.reason.partition(": ")
        return Response(
            {"error": error, "message": str(refusal.message or why)},
            status=refusal.status_code,
            headers=refusal.headers,
        )

    def finalize_response(self, request, response, *args, **kwargs):
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)


def bearer_token(request):
    """The token of `Authorization: Bearer …`; None without that header or with another scheme."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    scheme, _space, token = header.strip().partition(" ")
    if not scheme:  # granian empties a header with bytes beyond ASCII: an invalid token, not a missing one
        return ""
    return token.strip() if scheme.lower() == "bearer" else None
