"""What both gunicorn configurations share: the application, its limits, and a log without personal data."""

import os
import re
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from gunicorn import util
from gunicorn.glogging import Logger

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grades import metrics
from grades.replies import FAILURE
from scoring_site import request_ids
from scoring_site.env import BASE_DIR, read_settings
from scoring_site.logs import FORMATTERS, JsonAccessFormatter, without_codes

try:
    env = read_settings()
    if env.METRICS_DIR:
        metrics.prepare(env.METRICS_DIR)
except ImproperlyConfigured as error:
    sys.exit(f"The settings are wrong: {error}")


def without_query(uri):
    """The path of a request target, safe to log: a query may hold an account number, a code stands for one."""
    path = re.split(r"[?#]|%3f|%23", uri, maxsplit=1, flags=re.IGNORECASE)[0]
    return without_codes(re.sub(r'[^\x21-\x7e]|"', "_", path))[:200]


class PrivateLogger(Logger):
    """gunicorn's log without personal data: no address, no query, no quoted request."""

    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(FORMATTERS[env.LOG_FORMAT](self.error_fmt, self.datefmt))
        if env.LOG_FORMAT == "json":
            for handler in self.access_log.handlers:
                handler.setFormatter(JsonAccessFormatter())

    def atoms(self, resp, req, environ, request_time):
        # The raw target, not the decoded path: that can hold a line feed, and would forge a line of the log.
        path = without_query(environ.get("RAW_URI") or environ.get("PATH_INFO", "-"))
        # A request whose body cannot be read has no id: its connection is what fails, often after its reply.
        number = request_ids.request_id() or "-"
        return {**super().atoms(resp, req, environ, request_time), "U": path, "I": number}

    def warning(self, msg, *args, **kwargs):
        if msg.startswith("Invalid request from ip="):  # the rest of it is the address and the request
            request_ids.end()
            msg, args = "Refused a malformed request: %s", (sys.exc_info()[0].__name__,)
        super().warning(msg, *args, **kwargs)

    def exception(self, msg, *args, **kwargs):
        # "Error handling request %s %s" has the whole target.
        super().exception(msg, *(without_query(arg) if isinstance(arg, str) else arg for arg in args), **kwargs)


def write_toast(sock, status, reason, message):
    """Refuse a request that gunicorn cannot read as `/score` does: it may be a rating, and its path is not known."""
    status, error = (
        ("500 Internal Server Error", "server: error") if status == 500 else ("400 Bad Request", "request: malformed")
    )
    body = f'"{FAILURE}"'.encode()
    head = (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Score-Error: {error}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode() + body)


util.write_error = write_toast  # gunicorn's own page is HTML that quotes the request

wsgi_app = "scoring_site.wsgi"
chdir = str(BASE_DIR)
worker_class = "gthread"
# The proxy speaks TLS, on this machine: the servers listen on loopback and trust its scheme headers only.
forwarded_allow_ips = "127.0.0.1"
forwarder_headers = ""  # SCRIPT_NAME and PATH_INFO of a client would replace those of the request
timeout = 60  # seconds without a heartbeat from a worker; a long export in a thread does not stop it
graceful_timeout = 30  # seconds for running requests when the site stops
# gunicorn's default is one socket per user: a second instance would take it from the first.
control_socket_disable = True
# The heartbeat is a file's time. On a busy disk, touching it can take longer than the timeout.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn picks a free name
logger_class = PrivateLogger
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms %(I)s"
