"""By what two ratings are known to be the same: digests, which unique indexes hold."""

import hashlib
import json
import uuid

from django.conf import settings
from django.db import models

from .dispatches import Account

CONTENT = ("acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3")


def digest(text):
    """128 bits of BLAKE2b, as 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def content_digest(content, openid):
    """A digest of what was said, and by whom if that is known."""
    # No value can hold a NUL, so where one ends is certain.
    return digest("\0".join([*(str(content[name]) for name in CONTENT), *([openid] if openid else [])]))


def make_content_key(content, openid):
    """What tells whether two ratings without an id are the same: the content, and who gives it if known.

    One that is nobody else's if each submission counts (DEDUPE_WINDOW=0): a submission still has to
    find its own row when the answer to its first attempt was lost.
    """
    if not settings.DEDUPE_WINDOW:
        return uuid.uuid4().hex
    return content_digest(content, openid)


def make_dispatch_key(acc_nbr, openid):
    """What a person's one rating of an account's newest dispatch is known by; None if it need not be one."""
    if not settings.ONE_RATING_PER_DISPATCH or openid is None:
        return None
    # Not by the row's id: the same dispatch may be imported again.
    accounts = Account.objects.using(settings.API_DATABASE)
    dispatch = accounts.of_number(acc_nbr).values_list("acct_id", "dispatched_on").first()
    return dispatch and digest(json.dumps([openid, dispatch[0], dispatch[1].isoformat()]))


class Char32UUIDField(models.UUIDField):
    """A UUID as 32 hexadecimal digits on every database.

    MariaDB's own `uuid` type refuses values whose version and variant bits are not RFC 9562's, which
    a client that rolls its ids by hand sends now and then, and which a digest has nearly always.
    """

    def db_type(self, connection):
        return "char(32)"

    def get_db_prep_value(self, value, connection, prepared=False):
        value = self.to_python(value)
        return value if value is None else value.hex

    def from_db_value(self, value, expression, connection):
        return self.to_python(value)
