"""Receipts: what a customer who has rated shows to see their ratings again."""

from django.core import signing

SALT = "grades.receipt"


def make_receipt(acc_nbr):
    """A signed, timestamped token bound to the account number; URL-safe ASCII."""
    return signing.dumps(acc_nbr, salt=SALT)
