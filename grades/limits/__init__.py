"""Rate limits: at most so many submissions of an account number, and from a client address, in so many seconds.

The counters are in Redis if REDIS_URL names it, and in the database otherwise. They are exact for any number of
processes and machines. A site without limits does not import this package.
"""

import functools
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from ..database.retries import retry_transient
from ..models import normal_number
from .address import client_address
from .counters import Counter, Excess, Submission

__all__ = ["Excess", "Submission", "count_batch", "count_login", "counters_of"]

KEY_SALT = "grades.limits"


def counters_of(acc_nbr: str, meta: Mapping[str, Any]) -> Submission:
    """The counters of a rating, not counted yet. `meta` is the request's environment."""
    counters = []
    if settings.RATE_LIMIT_ACCOUNT:
        counters.append(make_counter("account", settings.RATE_LIMIT_ACCOUNT, normal_number(acc_nbr).encode()))
    if settings.RATE_LIMIT_ADDRESS and (address := client_address(meta)):
        counters.append(make_counter("address", settings.RATE_LIMIT_ADDRESS, address))
    return Submission(counters)


def count_login(meta: Mapping[str, Any]) -> Excess | None:
    """Count a login; if the limit is exceeded, count nothing and return it.

    Logins from an address have a counter of their own, with the limit of submissions. Raises `StoreUnavailable` if the
    counters are in the database and it does not answer.
    """
    address = settings.RATE_LIMIT_ADDRESS and client_address(meta)
    login = Submission([make_counter("login", settings.RATE_LIMIT_ADDRESS, address)] if address else [])
    if settings.REDIS_URL:
        count_batch([login])
    else:
        retry_transient(count_batch, [login], using=settings.API_DATABASE)
    return login.excess


def count_batch(batch: Sequence[Submission]) -> None:
    """Count submissions, in their order. One that exceeds a limit is counted nowhere, and gets its `excess`.

    Counters in the database raise the errors of Django's database layer; those in Redis none.
    """
    used = [submission for submission in batch if submission.counters]
    if used:
        # Imported here: a site without Redis does not load its client.
        if settings.REDIS_URL:
            from .in_redis import count_in_redis

            count_in_redis(settings.REDIS_URL, used)
        else:
            from .in_database import count_in_database

            count_in_database(used)
    for submission in batch:
        submission.is_counted = True


def make_counter(subject: str, limit: str, value: bytes) -> Counter:
    most, seconds = parse_limit(limit)
    # A digest with a key: nobody who reads the counters can find a number or an address by trying.
    digest = blake2b(value, digest_size=16, key=digest_key(settings.SECRET_KEY), person=subject.encode())
    return Counter(subject, digest.hexdigest(), most, seconds)


@functools.cache
def parse_limit(text: str) -> tuple[int, int]:
    """ "10/3600" → (10, 3600); env.py has checked the form."""
    most, _slash, seconds = text.partition("/")
    return int(most), int(seconds)


@functools.cache
def digest_key(secret: str) -> bytes:
    return salted_hmac(KEY_SALT, "", secret=secret, algorithm="sha256").digest()
