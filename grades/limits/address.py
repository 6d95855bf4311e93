"""The address of a client, as the proxy on this machine reports it."""

import logging
from collections.abc import Mapping
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

logger = logging.getLogger(__name__)

NETWORK_BYTES = 8  # of IPv6: a customer has at least a /64 and can use any address in it
LOOPBACK_IPV4, LOOPBACK_IPV6 = b"\x7f", bytes(15) + b"\x01"
MAPPED_IPV4 = bytes(10) + b"\xff\xff"

has_warned = False


def client_address(meta: Mapping[str, Any]) -> bytes | None:
    """The address that a limit counts: 4 bytes of IPv4, or 8 bytes for the /64 of IPv6. None if it is not known.

    Only a proxy on this machine is believed: its X-Forwarded-For ends with the address that it saw itself. The
    client may have sent the earlier entries.
    """
    peer = meta.get("REMOTE_ADDR", "")
    address = None if peer == "127.0.0.1" else parse(peer)
    if address is None or is_loopback(address):
        address = parse(meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2])
        if address is None:
            warn_once()
            return None
    return address if len(address) == 4 else address[:NETWORK_BYTES]


def parse(text: str) -> bytes | None:
    """4 bytes of IPv4 or 16 of IPv6; None if it is not an address.

    Each rating pays for this, and `ipaddress` costs more.
    """
    text = text.strip()
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        return inet_pton(AF_INET6, text).removeprefix(MAPPED_IPV4)
    except (OSError, ValueError):
        return None


def is_loopback(address: bytes) -> bool:
    return address == LOOPBACK_IPV6 or (len(address) == 4 and address.startswith(LOOPBACK_IPV4))


def warn_once() -> None:
    """All customers share an address that the proxy does not report, so it is not counted."""
    global has_warned
    if not has_warned:
        has_warned = True
        logger.warning("RATE_LIMIT_ADDRESS does nothing: the proxy does not set X-Forwarded-For")
