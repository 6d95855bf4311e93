"""Serves what mini programs send from processes of its own: no rating waits behind an office's export.

The same application under the server that SCORE_SERVER names, on 127.0.0.1:SCORE_PORT. Started by
`make run-score`, or in production by a process manager.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.environment import BASE_DIR, one_of, whole_number


def serve_by_gunicorn():
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    os.execve(gunicorn, [gunicorn, "--config", "deploy/gunicorn.conf.py"], os.environ | {"POOL": "SCORE"})  # noqa: S606


def serve_by_granian():
    from granian import Granian

    Granian(
        "scoring_site.wsgi:application",
        interface="wsgi",
        address="127.0.0.1",
        port=whole_number("SCORE_PORT", 8001, 65535),
        workers=whole_number("SCORE_WORKERS", 2, 64),
        blocking_threads=whole_number("SCORE_THREADS", 16, 256),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=30,  # seconds that running requests get to finish when the site stops
    ).serve()


if __name__ == "__main__":
    os.chdir(BASE_DIR)
    {"gunicorn": serve_by_gunicorn, "granian": serve_by_granian}[one_of("SCORE_SERVER", ("gunicorn", "granian"))]()
