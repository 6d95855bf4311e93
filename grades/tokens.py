"""Signed tokens: receipts for ratings, sessions after WeChat login, and codes for dispatches.

Signed, not encrypted; URL-safe ASCII.
"""

import base64
import functools
import re
import struct
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

RECEIPT_SALT = "grades.receipt"
RECEIPTS_READ = 50  # per request; a header cannot hold more
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

CODE_SALT = "grades.code"
CODE_CONTENT = struct.Struct(">QH")  # the id of the dispatch; the last valid day, as days since 1970
# 88 bits. 10 + 11 bytes are 28 characters without padding, so each code has one spelling; WeChat's scene takes 32.
CODE_MAC_BYTES = 11
CODE_PATTERN = re.compile("[0-9A-Za-z_-]{28}", re.ASCII)
FIRST_DAY = date(1970, 1, 1)


def make_receipt(acc_nbr: str, insert_time: datetime, digest: str) -> str:
    """A receipt for one rating: its number, its time, and the digest of its content (`keys.receipt_digest`).

    Number and time find the row. The digest tells it from another rating of the same microsecond.
    """
    content = [acc_nbr, (insert_time - EPOCH) // MICROSECOND, digest]
    return receipt_signer(settings.SECRET_KEY).sign_object(content)


@functools.cache
def receipt_signer(key: str) -> signing.TimestampSigner:
    """The signer of `signing.dumps`, kept, because `signing.dumps` makes a new one for each call."""
    return signing.TimestampSigner(key=key, salt=RECEIPT_SALT)


def read_receipts(header: str, acc_nbr: str) -> set[tuple[datetime, str]]:
    """Time and digest of the ratings of `acc_nbr` in a comma-separated `header` of receipts.

    A receipt that is forged, expired, for another account or signed with another SECRET_KEY is ignored; without
    a valid receipt the set is empty.
    """
    ratings: set[tuple[datetime, str]] = set()
    for receipt in header.split(",")[:RECEIPTS_READ]:
        try:
            content = signing.loads(receipt.strip(), salt=RECEIPT_SALT, max_age=timedelta(days=settings.RECEIPT_DAYS))
        except signing.BadSignature:
            continue
        match content:
            case [number, int() as microseconds, str() as digest] if number == acc_nbr and abs(microseconds) < 10**17:
                ratings.add((EPOCH + microseconds * MICROSECOND, digest))
    return ratings


def session_salt() -> str:
    # An openid belongs to one app, so sessions of another app must not be valid.
    return f"grades.wechat.session.{settings.WECHAT_APPID}"


def make_session(openid: str) -> str:
    """A session token for `openid`; valid for WECHAT_SESSION_DAYS."""
    return signing.dumps(openid, salt=session_salt())


def read_session(token: str) -> str | None:
    """The openid of a session; None if it is forged, expired or of another app or SECRET_KEY."""
    if not settings.WECHAT_APPID:
        return None
    try:
        return signing.loads(token, salt=session_salt(), max_age=timedelta(days=settings.WECHAT_SESSION_DAYS))
    except signing.BadSignature:
        return None


def make_code(dispatch_id: int, last_day: date) -> str:
    """The code of a dispatch, valid to the end of `last_day`: 28 characters for a link or WeChat's `scene`."""
    content = CODE_CONTENT.pack(dispatch_id, (last_day - FIRST_DAY).days)
    return base64.urlsafe_b64encode(content + code_mac(content, settings.SECRET_KEY)).decode()


def read_code(code: str) -> int | None:
    """The id of the dispatch that `code` stands for; None if it is malformed, forged or expired."""
    if not CODE_PATTERN.fullmatch(code):
        return None
    token = base64.urlsafe_b64decode(code)
    content, mac = token[: CODE_CONTENT.size], token[CODE_CONTENT.size :]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    genuine = [constant_time_compare(mac, code_mac(content, key)) for key in keys]  # no key is left out: the same time
    if not any(genuine):
        return None
    dispatch_id, days = CODE_CONTENT.unpack(content)
    return dispatch_id if timezone.localdate() <= FIRST_DAY + timedelta(days=days) else None


def code_mac(content: bytes, key: str | bytes) -> bytes:
    return salted_hmac(CODE_SALT, content, secret=key, algorithm="sha256").digest()[:CODE_MAC_BYTES]
