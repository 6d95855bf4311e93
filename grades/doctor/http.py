"""HTTP as a mini program sees it: the address, the redirect, the replies of `/score`. No request stores anything."""

import contextlib
import json
import socket
import statistics
import time
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import TYPE_CHECKING

from django.contrib.staticfiles.storage import staticfiles_storage
from django.utils.translation import gettext as _

from .findings import CHECKS, CannotRun, Check, Finding, check, critical, ok, skipped, warning
from .tls import SOCKET_SECONDS, connect, unreachable, unverified

if TYPE_CHECKING:
    from .installation import Installation

TOAST_LENGTH = 7
SLOW, TOO_SLOW = 1, 5  # seconds
SKEWED, TOO_SKEWED = 5, 60  # seconds
FORM = "application/x-www-form-urlencoded"
REDIRECTS = {301, 302, 303, 307, 308}
RATE_LIMITED = 429


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes
    seconds: float


def request(
    installation: "Installation", method: str, path: str, body: bytes = b"", content_type: str = "", plain: bool = False
) -> Reply:
    """One request on a connection of its own. The certificate is not verified: it has its own checks."""
    begun = time.monotonic()
    connection = HTTPConnection(installation.host, None if plain else installation.port)
    headers = {"Content-Type": content_type} if content_type else {}
    try:
        if plain:
            connection.sock = socket.create_connection(installation.plain, timeout=SOCKET_SECONDS)
        else:
            connection.sock = connect(installation, unverified())
        # A proxy may refuse a body that is too large, and close, before it has read all of it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        content = response.read(1_000_000)
        return Reply(response.status, response.headers, content, time.monotonic() - begun)
    finally:
        connection.close()


def ask(installation: "Installation", method: str, path: str, body: bytes = b"", content_type: str = "") -> Reply:
    try:
        return request(installation, method, path, body, content_type)
    except (OSError, HTTPException) as error:
        if isinstance(error, OSError):
            raise unreachable(installation, error) from error
        raise CannotRun(_("The server's answer is not HTTP.")) from error


# --- The address ------------------------------------------------------------------------------------


@check("address", needs_url=True)
def address_suits_wechat(installation: "Installation") -> Finding:
    remedy = _("Give the address as in WeChat's console: https:// and the name of the host, nothing else.")
    if installation.scheme != "https":
        return critical(_("The address does not begin with https://."), remedy)
    if installation.port:
        return critical(_("The address has a port; mini programs reach port 443."), remedy)
    if is_ip(installation.host) or "." not in installation.host:
        return critical(_("The address is not a public name; WeChat takes no IP address."), remedy)
    if installation.path.strip("/"):
        return critical(_("The address has a path; the mini program adds /score to the name of the host."), remedy)
    return ok(_("The address is https:// and a name, without a port."))


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@check("http-redirect", needs_url=True)
def plain_http_is_redirected(installation: "Installation") -> Finding:
    remedy = _("nginx, in the server of port 80: return 301 https://$host$request_uri;")
    try:
        reply = request(installation, "GET", "/", plain=True)
    except (OSError, HTTPException):
        return warning(_("Port 80 does not answer: a name that is typed without https:// gets an error."), remedy)
    location = reply.headers.get("Location", "")
    if reply.status not in REDIRECTS:
        return critical(
            _("Plain HTTP is answered with status %(status)d and not redirected.") % {"status": reply.status}, remedy
        )
    if not location.startswith(f"https://{installation.host}/"):
        return critical(_("Plain HTTP is redirected to another address."), remedy)
    return ok(_("Plain HTTP is redirected to https://."))


# --- /score -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A request to /score that is refused, so nothing is stored."""

    id: str
    method: str
    path: str
    statuses: frozenset[int]
    body: bytes = b""
    content_type: str = ""


CASES = [
    # 401 where a WeChat login is required.
    Case("score-reply", "POST", "/score", frozenset({400, 401}), b"", FORM),
    Case("score-405", "GET", "/score", frozenset({405})),
    Case("score-413", "POST", "/score", frozenset({413}), b"txt1=" + b"x" * 300_000, FORM),
    Case("score-404", "POST", "/score/", frozenset({404}), b"", FORM),
    Case("score-415", "POST", "/score", frozenset({415, 401}), b"acc_nbr=1", "text/plain"),
]


def refusal_is_a_toast(case: Case, installation: "Installation") -> Finding:
    reply = ask(installation, case.method, case.path, case.body, case.content_type)
    if reply.status == RATE_LIMITED and not fault_of_toast(reply):
        return skipped(_("The server limits the rate of requests: run the command again in a minute."))
    expected = " / ".join(map(str, sorted(case.statuses)))
    what = f"{case.method} {case.path}"
    if reply.status in REDIRECTS:
        fault = _("It is a redirect; a mini program does not send its rating again.")
    elif reply.status not in case.statuses:
        fault = _("Its status is %(status)d, not %(expected)s.") % {"status": reply.status, "expected": expected}
    else:
        fault = fault_of_toast(reply)
    if not fault:
        return ok(
            _("%(request)s is refused with %(status)d and a JSON text.") % {"request": what, "status": reply.status}
        )
    return critical(
        _("The answer to %(request)s breaks the contract.") % {"request": what} + f" {fault}",
        _("The proxy must pass /score to the score workers and answer its own errors as deploy/templates has it."),
    )


def fault_of_toast(reply: Reply) -> str:
    """Why `wx.showToast` cannot show the body; empty if it can."""
    if reply.headers.get_content_type() != "application/json":
        return _("It is %(type)s, not JSON.") % {"type": reply.headers.get_content_type()}
    try:
        text = json.loads(reply.body)
    except ValueError:
        return _("It is not JSON.")
    if not isinstance(text, str):
        return _("It is JSON, but not a text.")
    if len(text) > TOAST_LENGTH:
        numbers = {"shown": TOAST_LENGTH, "count": len(text)}
        return _("It has %(count)d characters; a toast shows %(shown)d.") % numbers
    return ""


CHECKS.extend(Check(case.id, partial(refusal_is_a_toast, case), needs_url=True) for case in CASES)


@check("score-time", needs_url=True)
def score_answers_within_a_second(installation: "Installation") -> Finding:
    seconds = statistics.median(ask(installation, "POST", "/score", b"", FORM).seconds for _try in range(3))
    text = _("/score answers within %(seconds).1f s, with the TLS handshake.") % {"seconds": seconds}
    remedy = _("See whether the machine has CPU to spare, and whether the name resolves to the nearest address.")
    if seconds > TOO_SLOW:
        return critical(text, remedy)
    if seconds > SLOW:
        return warning(text, remedy)
    return ok(text)


@check("server-clock", needs_url=True)
def server_has_the_time(installation: "Installation") -> Finding:
    reply = ask(installation, "GET", "/score")
    try:
        seconds = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp() - time.time()
    except ValueError as error:
        raise CannotRun(_("The reply has no Date.")) from error
    return judge_clock(seconds, _("The clock of the server that answers differs from this machine's by %(seconds)d s."))


def judge_clock(seconds: float, text: str) -> Finding:
    remedy = _("Switch time synchronisation on, on both machines: timedatectl set-ntp true")
    text %= {"seconds": abs(seconds)}
    if abs(seconds) > TOO_SKEWED:
        return critical(text, remedy)
    if abs(seconds) > SKEWED:
        return warning(text, remedy)
    return ok(text)


# --- Pages ------------------------------------------------------------------------------------------


@check("static-files", needs_url=True)
def static_files_are_served(installation: "Installation") -> Finding:
    try:
        path = staticfiles_storage.url("css/site.css")
    except ValueError:
        return critical(
            _("The static files of this release have not been collected."), _("manage.py collectstatic --no-input")
        )
    status = ask(installation, "GET", path).status
    if status != 200:
        return critical(
            _("A style sheet is answered with status %(status)d, so pages have no look.") % {"status": status},
            _("Run manage.py collectstatic --no-input, and see where the proxy serves /static/ from."),
        )
    return ok(_("Static files are served."))
