"""gunicorn's settings for the score workers, with SCORE_SERVER=gunicorn: `bin/serve-score`.

SCORE_PORT, SCORE_WORKERS and SCORE_THREADS come from the environment or from `.env`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.gunicorn_base import *  # noqa: F403 - gunicorn reads the names of this module
from deploy.gunicorn_base import env

bind = f"127.0.0.1:{env.SCORE_PORT}"
workers = env.SCORE_WORKERS
threads = env.SCORE_THREADS
accesslog = None  # the proxy in front writes it at a lower cost
