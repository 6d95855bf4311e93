"""Receipts: what customers who have rated show to see their own ratings again."""

import functools
import json
from datetime import timedelta

from django.conf import settings
from django.core import signing

SALT = "grades.receipt"
RECEIPTS_READ = 50  # of one request; more do not fit into a header anyway


def make_receipt(acc_nbr, openid=None):
    """A signed, timestamped token for an account's ratings; URL-safe ASCII.

    It shows the anonymous ratings of the account, and with an `openid` those of that person too.
    """
    # What signing.dumps makes, by a signer that is kept: a rating is stored in less time than one is made in.
    content = signing.b64_encode(json.dumps([acc_nbr, openid]).encode()).decode()
    return make_signer(settings.SECRET_KEY).sign(content)


@functools.cache
def make_signer(key):
    return signing.TimestampSigner(key=key, salt=SALT)


def read_receipts(header, acc_nbr):
    """The openids of the receipts in `header`, separated by commas, that are good for an account.

    None among them stands for an anonymous rating; the set is empty if no receipt is good. Receipts
    that are forged, expired, for another account or of another SECRET_KEY are not.
    """
    openids = set()
    for receipt in header.split(",")[:RECEIPTS_READ]:
        try:
            content = signing.loads(receipt.strip(), salt=SALT, max_age=timedelta(days=settings.RECEIPT_DAYS))
        except signing.BadSignature:
            continue
        match content:
            case [number, str() | None as openid] if number == acc_nbr:
                openids.add(openid)
    return openids
