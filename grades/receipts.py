"""Receipts: what customers who have rated show to see their own ratings again."""

from datetime import timedelta

from django.conf import settings
from django.core import signing

SALT = "grades.receipt"
RECEIPTS_READ = 50  # of one request; more do not fit into a header anyway


def make_receipt(acc_nbr, rater):
    """A signed, timestamped token for an account's ratings by `rater`; URL-safe ASCII.

    `rater` is an openid, for all that this person says of the account; or for an anonymous rating its
    id, since nothing else tells its author from anyone who rates the same number.
    """
    return signing.dumps([acc_nbr, rater], salt=SALT)


def read_receipts(header, acc_nbr):
    """What the receipts in `header`, separated by commas, show of an account: (ids, openids).

    Receipts that are forged, expired, for another account or of another SECRET_KEY show nothing.
    """
    ids, openids = set(), set()
    for receipt in header.split(",")[:RECEIPTS_READ]:
        try:
            content = signing.loads(receipt.strip(), salt=SALT, max_age=timedelta(days=settings.RECEIPT_DAYS))
        except signing.BadSignature:
            continue
        match content:
            case [number, int(grade_id)] if number == acc_nbr:
                ids.add(grade_id)
            case [number, str(openid)] if number == acc_nbr:
                openids.add(openid)
    return ids, openids
