"""Rate limits: at most so many submissions of an account number, and from a client address, in so many seconds.

The counters are in Redis if REDIS_URL names it, and in the database otherwise. They are exact for any number of
processes and machines. A site without limits does not import this package.
"""

import functools
import hmac
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from ..models import normal_number
from .address import client_address
from .counters import Counter, Excess

__all__ = ["Excess", "count_login", "count_submission"]

KEY_SALT = "grades.limits"


def count_submission(acc_nbr: str, meta: Mapping[str, Any]) -> Excess | None:
    """Count a submission; if a limit is exceeded, count nothing and return that limit.

    `meta` is the request's environment. Raises `StoreUnavailable` if the counters are in the database and it does
    not answer.
    """
    return count(
        make_counter("account", settings.RATE_LIMIT_ACCOUNT, normal_number(acc_nbr)),
        make_counter("address", settings.RATE_LIMIT_ADDRESS, settings.RATE_LIMIT_ADDRESS and client_address(meta)),
    )


def count_login(meta: Mapping[str, Any]) -> Excess | None:
    """The same for a login. Logins from an address have a counter of their own, with the limit of submissions."""
    return count(make_counter("login", settings.RATE_LIMIT_ADDRESS, client_address(meta)))


def count(*counters: Counter | None) -> Excess | None:
    used = [counter for counter in counters if counter]
    if not used:
        return None
    # Imported here: a site without Redis does not load its client.
    if settings.REDIS_URL:
        from .in_redis import count_in_redis

        return count_in_redis(settings.REDIS_URL, used)
    from .in_database import count_in_database

    return count_in_database(used)


def make_counter(subject: str, limit: str, value: str | None) -> Counter | None:
    """The counter of a value; None without a limit or a value."""
    if not limit or not value:
        return None
    most, seconds = parse_limit(limit)
    # A digest with a key: nobody who reads the counters can find a number or an address by trying.
    digest = hmac.digest(digest_key(settings.SECRET_KEY), f"{subject}\0{value}".encode(), "sha256")
    return Counter(subject, digest[:16].hex(), most, seconds)


@functools.cache
def parse_limit(text: str) -> tuple[int, int]:
    """ "10/3600" → (10, 3600); env.py has checked the form."""
    most, _slash, seconds = text.partition("/")
    return int(most), int(seconds)


@functools.cache
def digest_key(secret: str) -> bytes:
    return salted_hmac(KEY_SALT, "", secret=secret, algorithm="sha256").digest()
