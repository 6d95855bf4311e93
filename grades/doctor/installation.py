"""The installation that is examined: its address, and facts that several checks read."""

from urllib.parse import urlsplit

from .database import read_facts
from .findings import in_background
from .tls import read_certificate


class Installation:
    """`url` is the address of the site, None for the checks that need none.

    `tls` and `plain` are (host, port) to connect to instead of those of the address.
    """

    def __init__(
        self, url: str | None, *, tls: tuple[str, int] | None = None, plain: tuple[str, int] | None = None
    ) -> None:
        self.url = url
        parts = urlsplit(url or "")
        self.scheme, self.port, self.path = parts.scheme, parts.port, parts.path
        self.host = parts.hostname or ""
        self.tls = tls or (self.host, self.port or 443)
        self.plain = plain or (self.host, 80)
        # One reading for all checks; each of them gets the result, or the error.
        self.database = in_background(read_facts)
        self.certificate = in_background(read_certificate, self)
