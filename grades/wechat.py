"""A client of WeChat's API: a login code becomes an openid, the code of a dispatch becomes a picture.

Sources, below https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/: user-login/code2Session.html,
mp-access-token/getStableAccessToken.html, qrcode-link/qr-code/getUnlimitedQRCode.html.
The login code, the openid, the session key, the access token and the secret never reach a log; the session
key does not leave this module.
"""

import functools
import json
import logging
import re
import threading
import time
from dataclasses import dataclass

from django.conf import settings

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3
READ_SECONDS = 5
# From the request to the end of the answer: a read timeout alone allows one byte every few seconds.
ANSWER_SECONDS = 8
MAX_ANSWER_BYTES = 16 * 1024
MAX_PICTURE_BYTES = 512 * 1024
# Concurrent logins of one process: if WeChat hangs, the other threads still serve ratings.
MAX_CONNECTIONS = 2
WAIT_FOR_CONNECTION_SECONDS = 1


class LoginFailed(Exception):
    """The login failed; the subclass says why."""


class CodeRefused(LoginFailed):
    """The code is invalid, expired or used; a new code may work."""


class LoginBlocked(LoginFailed):
    """WeChat rates this user as a high risk."""


class TooManyLogins(LoginFailed):
    """WeChat's limit per user and minute is reached."""


class Unavailable(LoginFailed):
    """WeChat is busy, unreachable or gives a malformed answer; the same call may work in a moment."""


class Misconfigured(LoginFailed):
    """WeChat refuses the app id, the secret or another setting; only the operator can mend it."""


ERRCODES = {-1: Unavailable, 40029: CodeRefused, 40163: CodeRefused, 40226: LoginBlocked, 45011: TooManyLogins}


def openid_of_code(code):
    """Exchange a code of wx.login for the user's openid; raises `LoginFailed`."""
    answer = code2session(code)
    errcode = answer.get("errcode", 0)
    if errcode != 0:
        failure = ERRCODES.get(errcode) if isinstance(errcode, int) else Unavailable
        if failure is None:
            logger.error("WeChat refuses this site's login, errcode %d: check WECHAT_APPID and WECHAT_SECRET", errcode)
            failure = Misconfigured
        raise failure
    openid = answer.get("openid")
    if not isinstance(openid, str) or not re.fullmatch(r"[\x21-\x7e]{1,64}", openid):
        raise unavailable("no openid in the answer", "a login")
    return openid


def code2session(code):
    """Call code2Session; returns the answer as a dict, raises `Unavailable` without one."""
    query = {
        "appid": settings.WECHAT_APPID,
        "secret": settings.WECHAT_SECRET,
        "js_code": code,
        "grant_type": "authorization_code",
    }
    return read_object(call("a login", "GET", "/sns/jscode2session", params=query), "a login")


# --- Codes ----------------------------------------------------------------------------------------

CODE_PAGE = "pages/score/score"
PICTURE_PIXELS = 430  # 300 dots per inch at 36 mm
PICTURE_STARTS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
# WeChat has replaced the access token before its end.
TOKEN_ERRCODES = (40001, 40014, 42001)
TOKEN_MARGIN_SECONDS = 60


class Refused(Exception):
    """WeChat refuses to make a code or an access token; `errcode` is its reason."""

    def __init__(self, errcode):
        super().__init__(errcode)
        self.errcode = errcode


@dataclass(frozen=True)
class AccessToken:
    """The app's own token, for calls that no user makes."""

    text: str
    appid: str
    ends_at: float  # in this process's monotonic time

    def is_valid(self):
        return self.appid == settings.WECHAT_APPID and time.monotonic() < self.ends_at - TOKEN_MARGIN_SECONDS


kept_token = None
asking_for_token = threading.Lock()


def unlimited_code(scene, env_version):
    """The mini program code that opens the score page with `scene`: (media type, bytes).

    `env_version` is "release", "trial" or "develop"; only a release must be published. WeChat makes 5,000 a minute.
    Raises `Refused`, or `Unavailable` if the same call may work in a moment.
    """
    order = {
        "scene": scene,
        "page": CODE_PAGE,
        "env_version": env_version,
        "check_path": env_version == "release",
        "width": PICTURE_PIXELS,
    }
    token = access_token()
    body = request_picture(token, order)
    if picture_type(body) is None and read_object(body, "a code").get("errcode") in TOKEN_ERRCODES:
        body = request_picture(access_token(instead_of=token), order)
    media_type = picture_type(body)
    if media_type is None:
        raise_errcode(read_object(body, "a code"), "a code")
    return media_type, bytes(body)


def request_picture(token, order):
    query = {"access_token": token.text}
    return call("a code", "POST", "/wxa/getwxacodeunlimit", MAX_PICTURE_BYTES, params=query, json=order)


def picture_type(body):
    """The media type of a picture; None for anything else, which is then an error in JSON."""
    return next((media_type for start, media_type in PICTURE_STARTS.items() if body.startswith(start)), None)


def access_token(instead_of=None):
    """A valid access token, kept in this process; `instead_of` is one that WeChat has refused."""
    global kept_token
    with asking_for_token:
        if kept_token is None or kept_token is instead_of or not kept_token.is_valid():
            kept_token = None
            kept_token = request_access_token()
        return kept_token


def request_access_token():
    """Call getStableAccessToken: programs that share the app get the same token and do not end each other's."""
    begun = time.monotonic()
    order = {
        "grant_type": "client_credential",
        "appid": settings.WECHAT_APPID,
        "secret": settings.WECHAT_SECRET,
        "force_refresh": False,
    }
    answer = read_object(call("an access token", "POST", "/cgi-bin/stable_token", json=order), "an access token")
    match answer:
        case {"access_token": str() as text, "expires_in": int() as seconds} if text:
            return AccessToken(text, settings.WECHAT_APPID, begun + seconds)
    raise_errcode(answer, "an access token")


def raise_errcode(answer, purpose):
    """Raise the exception for an answer that holds an errcode instead of what was asked for."""
    errcode = answer.get("errcode")
    if not isinstance(errcode, int) or errcode in (0, -1):
        raise unavailable("busy" if errcode == -1 else "neither a result nor an errcode", purpose)
    logger.error("WeChat refuses %s, errcode %d", purpose, errcode)
    raise Refused(errcode)


# --- Calls ----------------------------------------------------------------------------------------


def call(purpose, method, path, limit=MAX_ANSWER_BYTES, **content):
    """The body of WeChat's answer, at most `limit` bytes; raises `Unavailable` without one.

    `purpose` names the call in the log. `content` is for httpx: `params`, `json`.
    """
    import httpx

    url = f"{settings.WECHAT_API_URL.rstrip('/')}{path}"
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=WAIT_FOR_CONNECTION_SECONDS)
    try:
        with http_client().stream(method, url, timeout=timeout, **content) as response:
            if response.status_code != 200:
                raise unavailable(f"HTTP status {response.status_code}", purpose)
            return read_answer(response, limit, purpose)
    except httpx.HTTPError as error:
        # Its text holds the address, and that holds the secret or the access token.
        raise unavailable(type(error).__name__, purpose) from None


def read_answer(response, limit, purpose):
    deadline = time.monotonic() + ANSWER_SECONDS
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > limit:
            raise unavailable("answer too long", purpose)
        if time.monotonic() > deadline:
            raise unavailable("answer too slow", purpose)
    return body


def read_object(body, purpose):
    """The JSON object in `body`, as a dict; raises `Unavailable` for anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise unavailable("not JSON", purpose) from None
    if not isinstance(answer, dict):
        raise unavailable("not an object", purpose)
    return answer


def unavailable(why, purpose):
    logger.warning("WeChat gave no answer to %s: %s", purpose, why)
    return Unavailable(why)


def http_client():
    """The client of this process. It keeps connections: a TLS handshake takes longer than the call."""
    with making_client:  # the cache alone would make one client for each of several first threads
        return make_http_client()


making_client = threading.Lock()


@functools.cache
def make_http_client():
    import httpx  # not above: a site without WeChat login saves the memory in every process

    return httpx.Client(
        follow_redirects=False,
        trust_env=False,  # a proxy or .netrc of the environment must not see the secret
        headers={"Accept-Encoding": "identity"},  # the limit counts the bytes on the wire
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
    )
