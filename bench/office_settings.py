"""The project's settings, with the files of background jobs in a folder that the benchmark deletes."""

import os

from scoring_site.settings import *  # noqa: F403

JOBS_DIR = os.environ["JOBS_DIR"]
