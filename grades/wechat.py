"""WeChat identity: a login code becomes an openid, and that a session signed by us.

The client is for WeChat's code2Session alone:
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
The code, the openid, the session key and the secret never reach a log; the session key goes no
further than this module.
"""

import functools
import json
import logging
import re
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.core import signing

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3
READ_SECONDS = 5
# From the request to the end of the answer: a server that sends a byte now and then is no answer.
ANSWER_SECONDS = 8
MAX_ANSWER_BYTES = 16 * 1024
# Logins under way in one process; a WeChat that hangs must not take every thread from the ratings.
MAX_CONNECTIONS = 2
WAIT_FOR_CONNECTION_SECONDS = 1


class LoginFailed(Exception):
    """There is no openid for this code; the subclass says why."""


class CodeRefused(LoginFailed):
    """The code is invalid, expired or was used before; another one may do."""


class LoginBlocked(LoginFailed):
    """WeChat takes this user for a high risk."""


class TooManyLogins(LoginFailed):
    """WeChat's limit per user and minute is reached."""


class Unavailable(LoginFailed):
    """WeChat is busy, cannot be reached or answers nonsense; the same code may do in a moment."""


class Misconfigured(LoginFailed):
    """WeChat refuses this site: its app id, its secret, or something else that only the operator can mend."""


ERRCODES = {-1: Unavailable, 40029: CodeRefused, 40163: CodeRefused, 40226: LoginBlocked, 45011: TooManyLogins}


def openid_of_code(code):
    """The openid of the user for whom wx.login gave this code; raises `LoginFailed`."""
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
        raise unavailable("no openid in the answer")
    return openid


def code2session(code):
    """WeChat's answer, a dict; raises `Unavailable` if there is none."""
    import httpx

    query = {
        "appid": settings.WECHAT_APPID,
        "secret": settings.WECHAT_SECRET,
        "js_code": code,
        "grant_type": "authorization_code",
    }
    url = f"{settings.WECHAT_API_URL.rstrip('/')}/sns/jscode2session"
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=WAIT_FOR_CONNECTION_SECONDS)
    try:
        with http_client().stream("GET", url, params=query, timeout=timeout) as response:
            if response.status_code != 200:
                raise unavailable(f"HTTP status {response.status_code}")
            body = read_answer(response)
    except httpx.HTTPError as error:
        raise unavailable(type(error).__name__) from None  # its text has the address, and that the secret
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise unavailable("not JSON") from None
    if not isinstance(answer, dict):
        raise unavailable("not an object")
    return answer


def read_answer(response):
    deadline = time.monotonic() + ANSWER_SECONDS
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise unavailable("answer too long")
        if time.monotonic() > deadline:
            raise unavailable("answer too slow")
    return body


def unavailable(why):
    logger.warning("WeChat gave no answer to a login: %s", why)
    return Unavailable(why)


def http_client():
    """One client per process, which keeps its connections: a TLS handshake takes longer than the call."""
    with making_client:  # the cache alone would make one for each of the threads that come first
        return make_http_client()


making_client = threading.Lock()


@functools.cache
def make_http_client():
    import httpx  # here and not above: a site without WeChat login does not carry it in every process

    return httpx.Client(
        follow_redirects=False,
        trust_env=False,  # no proxy or .netrc of the environment may get to see the secret
        headers={"Accept-Encoding": "identity"},  # so that the bytes counted are all there is
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
    )


# --- Sessions -------------------------------------------------------------------------------------


def session_salt():
    # An openid means something within one app only: another app's sessions are not read.
    return f"grades.wechat.session.{settings.WECHAT_APPID}"


def make_session(openid):
    """A signed, timestamped token of the openid, URL-safe ASCII. Signed, not encrypted."""
    return signing.dumps(openid, salt=session_salt())


def read_session(token):
    """The openid of a session; None if it is forged, expired or of another app or SECRET_KEY."""
    if not settings.WECHAT_APPID:
        return None
    try:
        return signing.loads(token, salt=session_salt(), max_age=timedelta(days=settings.WECHAT_SESSION_DAYS))
    except signing.BadSignature:
        return None
