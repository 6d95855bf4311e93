"""gunicorn's settings, for `make run` as for a server: `gunicorn --config deploy/gunicorn.conf.py`.

PORT, WEB_WORKERS and WEB_THREADS come from the environment or from `.env`; with POOL=SCORE, which
`make run-score` sets, SCORE_PORT, SCORE_WORKERS and SCORE_THREADS do.
"""

import os
import re
import sys
from pathlib import Path

from gunicorn.glogging import Logger

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.environment import BASE_DIR, whole_number
from scoring_site.logs import PrivateFormatter


def without_query(uri):
    """The path of a request line's target, safe to log: a query may hold an account number."""
    path = re.split(r"[?#]|%3f|%23", uri, maxsplit=1, flags=re.IGNORECASE)[0]
    return re.sub(r"[^\x21-\x7e]", "_", path)[:200]


class PrivateLogger(Logger):
    """gunicorn's log without what it says about people: no address, no query, no quoted request."""

    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(PrivateFormatter(self.error_fmt, self.datefmt))

    def atoms(self, resp, req, environ, request_time):
        # The target as it came and not as decoded: a decoded path can hold a line feed and forge a line.
        path = without_query(environ.get("RAW_URI") or environ.get("PATH_INFO", "-"))
        return {**super().atoms(resp, req, environ, request_time), "U": path}

    def warning(self, msg, *args, **kwargs):
        if msg.startswith("Invalid request from ip="):  # it goes on with the address and what was sent
            msg, args = "Refused a malformed request: %s", (sys.exc_info()[0].__name__,)
        super().warning(msg, *args, **kwargs)

    def exception(self, msg, *args, **kwargs):
        # "Error handling request %s %s" has the whole target.
        super().exception(msg, *(without_query(arg) if isinstance(arg, str) else arg for arg in args), **kwargs)


wsgi_app = "scoring_site.wsgi"
chdir = str(BASE_DIR)
# Loopback only: the proxy in front speaks TLS. Scheme headers are believed from this machine alone.
if os.environ.get("POOL") == "SCORE":
    bind = f"127.0.0.1:{whole_number('SCORE_PORT', 8001, 65535)}"
    workers = whole_number("SCORE_WORKERS", 2, 64)
    threads = whole_number("SCORE_THREADS", 16, 256)
    worker_class = "deploy.worker.StayingWorker"
    accesslog = None  # left to the proxy in front of this pool, which writes it for less
else:
    bind = f"127.0.0.1:{whole_number('PORT', 8000, 65535)}"
    workers = whole_number("WEB_WORKERS", 2, 64)
    threads = whole_number("WEB_THREADS", 4, 64)
    worker_class = "gthread"
    accesslog = "-"
forwarded_allow_ips = "127.0.0.1"
timeout = 60  # seconds without a sign of life from a worker; a long export in a thread is no silence
graceful_timeout = 30  # seconds that running requests get to finish when the site stops
# gunicorn's default is one socket per user: a second instance would take it from the first.
control_socket_disable = True
# A worker's sign of life is a file's time; on a busy disk, touching it can take longer than the timeout.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - no name is guessed

logger_class = PrivateLogger
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"
