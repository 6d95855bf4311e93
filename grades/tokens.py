"""Signed tokens: receipts for ratings, and sessions after WeChat login. Signed, not encrypted; URL-safe ASCII."""

from datetime import timedelta

from django.conf import settings
from django.core import signing

RECEIPT_SALT = "grades.receipt"
RECEIPTS_READ = 50  # per request; a header cannot hold more


def make_receipt(acc_nbr: str, openid: str | None = None) -> str:
    """A receipt for the anonymous ratings of an account, and for those of `openid` if given."""
    return signing.dumps([acc_nbr, openid], salt=RECEIPT_SALT)


def read_receipts(header: str, acc_nbr: str) -> set[str | None]:
    """The openids of the valid receipts for `acc_nbr` in a comma-separated `header`.

    None means an anonymous rating. A receipt that is forged, expired, for another account or signed with
    another SECRET_KEY is ignored; without a valid receipt the set is empty.
    """
    openids: set[str | None] = set()
    for receipt in header.split(",")[:RECEIPTS_READ]:
        try:
            content = signing.loads(receipt.strip(), salt=RECEIPT_SALT, max_age=timedelta(days=settings.RECEIPT_DAYS))
        except signing.BadSignature:
            continue
        match content:
            case [number, str() | None as openid] if number == acc_nbr:
                openids.add(openid)
    return openids


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
