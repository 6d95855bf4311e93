"""The address of a client, as the proxy on this machine reports it."""

import logging
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

logger = logging.getLogger(__name__)

PREFIX_IPV6 = 64  # a customer has at least a /64, and so as many addresses as he likes

has_warned = False


def client_address(meta: Mapping[str, Any]) -> str | None:
    """The address that a limit counts; of IPv6 its /64. None if it is not known.

    Only a proxy on this machine is believed: its X-Forwarded-For ends with the address that it saw itself; what
    stands before that, the client may have sent.
    """
    peer = meta.get("REMOTE_ADDR", "")
    address = None if peer == "127.0.0.1" else parse(peer)
    if address is None or address.is_loopback:
        address = parse(meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2])
        if address is None:
            warn_once()
            return None
    if isinstance(address, IPv6Address):
        return format(int(address) >> (128 - PREFIX_IPV6), "x")
    return str(address)


def parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def warn_once() -> None:
    """All customers share an address that the proxy does not report, so it is not counted."""
    global has_warned
    if not has_warned:
        has_warned = True
        logger.warning("RATE_LIMIT_ADDRESS does nothing: the proxy does not set X-Forwarded-For")
