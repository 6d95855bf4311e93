"""Signed tokens: receipts for ratings, and sessions after WeChat login. Signed, not encrypted; URL-safe ASCII."""

import functools
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing

RECEIPT_SALT = "grades.receipt"
RECEIPTS_READ = 50  # per request; a header cannot hold more
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


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
