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
# From the request to the end of the answer: a read timeout alone allows one byte every few seconds.
ANSWER_SECONDS = 8
MAX_ANSWER_BYTES = 16 * 1024
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
    """WeChat is busy, unreachable or gives a malformed answer; the same code may work in a moment."""


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
        raise unavailable("no openid in the answer")
    return openid


def code2session(code):
    """Call code2Session; returns the answer as a dict, raises `Unavailable` without one."""
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
        raise unavailable(type(error).__name__) from None  # its text holds the address, and that holds the secret
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
