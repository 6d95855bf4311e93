"""gunicorn's settings for the whole site: `gunicorn --config deploy/gunicorn.conf.py` (`make run`).

PORT, WEB_WORKERS and WEB_THREADS come from the environment or from `.env`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.gunicorn_base import *  # noqa: F403 - gunicorn reads the names of this module
from deploy.gunicorn_base import env

bind = f"127.0.0.1:{env.PORT}"
workers = env.WEB_WORKERS
threads = env.WEB_THREADS
accesslog = "-"
