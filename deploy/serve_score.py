"""Serve the mini program by score workers of its own, so that no rating waits behind an export of the office.

The same application on 127.0.0.1:SCORE_PORT, by the server that SCORE_SERVER names. `make run-score` starts it;
in production a process manager starts `bin/serve-score` and restarts it when it ends: granian ends when a
worker dies twice within seconds.
"""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grades import metrics
from scoring_site.env import BASE_DIR, read_settings

JSON_LOGS = {"formatters": {name: {"()": "scoring_site.logs.JsonFormatter"} for name in ("generic", "access")}}


def serve_by_gunicorn(env):
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    os.execv(gunicorn, [gunicorn, "--config", "deploy/gunicorn_score.conf.py"])  # noqa: S606 - a fixed command


def serve_by_granian(env):
    from granian import Granian
    from granian.constants import HTTPModes

    Granian(
        "scoring_site.wsgi:granian_application",
        interface="wsgi",
        address="127.0.0.1",
        port=env.SCORE_PORT,
        workers=env.SCORE_WORKERS,
        blocking_threads=env.SCORE_THREADS,
        # HTTP/2 without TLS lets abandoned streams hold all threads; the proxy speaks HTTP/1.
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=30,  # seconds for running requests when the site stops
        log_dictconfig=JSON_LOGS if env.LOG_FORMAT == "json" else None,
    ).serve()


if __name__ == "__main__":
    os.chdir(BASE_DIR)
    try:
        settings = read_settings()
        if settings.METRICS_DIR:
            metrics.prepare(settings.METRICS_DIR)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings are wrong: {error}")
    {"gunicorn": serve_by_gunicorn, "granian": serve_by_granian}[settings.SCORE_SERVER](settings)
