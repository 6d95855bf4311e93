"""Digests that identify equal ratings; unique indexes hold them."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from django.conf import settings

from ..models import CONTENT, Account

content_of = attrgetter(*CONTENT)


def digest(text: str) -> str:
    """128 bits of BLAKE2b, as 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def content_digest(content: Any) -> str:
    """A digest of the seven content fields of `content` and of its openid, if it has one."""
    # A NUL separates the values: no value can hold one.
    values = [str(value) for value in content_of(content)]
    return digest("\0".join([*values, content.openid] if content.openid else values))


def receipt_digest(content: Mapping[str, Any]) -> str:
    """64 bits of a digest of the seven content fields alone: a login between two attempts does not change it."""
    return digest("\0".join([str(content[name]) for name in CONTENT]))[:16]


def make_content_key(content: Any) -> str:
    """The key by which two ratings without an id are equal: a digest of content and person.

    With DEDUPE_WINDOW=0 every submission counts, so the key is random. It is still needed: a retry
    recognises the row of an earlier attempt by it.
    """
    return content_digest(content) if settings.DEDUPE_WINDOW else uuid.uuid4().hex


def make_dispatch_key(acc_nbr: str, openid: str | None) -> str | None:
    """The key of a person's only rating of the newest dispatch of `acc_nbr`; None without such a limit."""
    if not settings.ONE_RATING_PER_DISPATCH or openid is None:
        return None
    # Without the row's id, because the same dispatch may be imported again.
    accounts = Account.objects.using(settings.API_DATABASE)
    dispatch = accounts.of_number(acc_nbr).values_list("acct_id", "dispatched_on").first()
    return dispatch and digest(json.dumps([openid, dispatch[0], dispatch[1].isoformat()]))
