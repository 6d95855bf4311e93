"""A client of WeChat's code2Session: a login code becomes an openid.

Source: https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
The code, the openid, the session key and the secret never reach a log; the session key does not
leave this module.
"""

import functools
import json
import logging
import re
import threading
import time

from django.conf import settings

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3
READ_SECONDS = 5
# From the request to the end of the answer, against a server that sends a byte now and then.
ANSWER_SECONDS = 8
MAX_ANSWER_BYTES = 16 * 1024
# Logins under way in one process; a WeChat that hangs must not take every thread from the ratings.
MAX_CONNECTIONS = 2
WAIT_FOR_CONNECTION_SECONDS = 1


class LoginFailed(Exception):
    """The login failed; the subclass says why."""


class CodeRefused(LoginFailed):
    """The code is invalid, expired or was used before; a new code may work."""


class LoginBlocked(LoginFailed):
    """WeChat rates this user as a high risk."""


class TooManyLogins(LoginFailed):
    """WeChat's limit per user and minute is reached."""


class Unavailable(LoginFailed):
    """WeChat is busy, cannot be reached or answers nonsense; the same code may work in a moment."""


class Misconfigured(LoginFailed):
    """WeChat refuses this site: its app id, its secret, or another setting that only the operator can mend."""


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
    """Ask WeChat; returns its answer as a dict, raises `Unavailable` without one."""
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
        raise unavailable(type(error).__name__) from None  # its text holds the address with the secret
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
    with making_client:  # the cache alone would make a client for each of several first threads
        return make_http_client()


making_client = threading.Lock()


@functools.cache
def make_http_client():
    import httpx  # here and not above: a site without WeChat login does not carry it in every process

    return httpx.Client(
        follow_redirects=False,
        trust_env=False,  # a proxy or .netrc of the environment must not see the secret
        headers={"Accept-Encoding": "identity"},  # so that the bytes counted are all there is
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
    )
