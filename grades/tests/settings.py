"""Settings of the tests: the product's own, from a clean environment.

No `.env` and no setting of the shell may change what the tests prove. Only DATABASE_URL counts: the suite runs on
every supported database.
"""

import atexit
import os
import shutil
import tempfile

os.environ["ENV_FILE"] = ""

from scoring_site.env import SETTINGS

for name in {setting.name for setting in SETTINGS} - {"DATABASE_URL"}:
    os.environ.pop(name, None)
os.environ["SECRET_KEY"] = "a-key-for-tests-only-and-nothing-else"
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
# Each process of pytest-xdist has its own: imports on one machine wait for each other, and collectstatic replaces files
# that the server of another process may be reading.
os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="scoring-tests-var-")
os.environ["STATIC_ROOT"] = os.path.join(os.environ["VAR_DIR"], "static")
atexit.register(shutil.rmtree, os.environ["VAR_DIR"])

from scoring_site.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file: the threads of a test would share one connection to an in-memory database. A folder of its own: two
    # runs at a time must not share it. In memory where there is any: a disk takes time at every commit.
    folder = tempfile.mkdtemp(prefix="scoring-tests-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    atexit.register(shutil.rmtree, folder)
    DATABASES["default"]["TEST"] = {"NAME": f"{folder}/test.sqlite3"}  # noqa: F405
# A test's transaction is on one connection and sees only its own rows. The servers that tests start have the
# product's settings, with both aliases.
DATABASES.pop("api", None)  # noqa: F405
API_DATABASE = "default"
STATIC_ROOT = BASE_DIR / "static"  # noqa: F405 - whitenoise warns of a folder that is not there
# The hashed names of static files exist only after collectstatic; tests do not run it.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
