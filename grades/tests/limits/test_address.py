"""limits/address.py: only the proxy of this machine is believed."""

from ipaddress import ip_address

import pytest

from grades.limits import address
from grades.limits.address import client_address


@pytest.fixture(autouse=True)
def not_warned(monkeypatch):
    monkeypatch.setattr(address, "has_warned", False)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours wrote this
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "203.0.113.7", "203.0.113.7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the client sent the first
        ("127.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("127.0.0.1", "2001:db8:1:2::9", "2001:db8:1:2::"),
        ("127.0.0.1", "2001:db8:1:3::9", "2001:db8:1:3::"),
        ("", "203.0.113.7", "203.0.113.7"),  # a Unix socket
        ("127.0.0.1", None, None),
        ("127.0.0.1", "", None),
        ("127.0.0.1", "unknown", None),
        ("127.0.0.1", "203.0.113.7, <script>", None),
        ("127.0.0.1", "203.0.113.07", None),
        ("127.0.0.1", "203.0.113", None),
        ("127.0.0.1", "203.0.113.7\0", None),
        ("127.0.0.1", "２０３.0.113.7", None),
        ("127.0.0.1", "\udce9", None),
        ("127.0.0.1", "2001:db8:::1", None),
    ],
)
def test_the_address_is_that_of_the_peer_or_of_its_proxy(peer, forwarded, expected):
    meta = {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    found = client_address(meta)
    assert found == (expected and ip_address(expected).packed[:8])


def test_a_proxy_that_reports_no_address_is_logged_once(caplog):
    for _ in range(3):
        client_address({"REMOTE_ADDR": "127.0.0.1"})
    assert caplog.messages == ["RATE_LIMIT_ADDRESS does nothing: the proxy does not set X-Forwarded-For"]
