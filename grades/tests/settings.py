"""The settings of the tests: the product's own, from a clean environment.

No `.env` is read and no setting of the shell counts, so that an operator's choices do not change
what the tests prove. Only DATABASE_URL may be given: the suite runs on every supported database.
"""

import atexit
import os
import shutil
import tempfile

for name in os.environ.keys() & {
    "ACC_NBR_PATTERN", "ALLOWED_HOSTS", "DEBUG", "DEDUPE_WINDOW", "GRADE_LABELS", "GRADE_MAX", "GRADE_MIN", "HTTPS",
    "IMPORT_MAX_MB", "LOG_LEVEL", "ONE_RATING_PER_DISPATCH", "PRIVACY_TEXT", "RECEIPT_DAYS", "REMARK_PROMPTS",
    "REQUIRE_WECHAT_LOGIN", "TIME_ZONE", "WECHAT_API_URL", "WECHAT_APPID", "WECHAT_SECRET", "WECHAT_SESSION_DAYS",
}:  # fmt: skip
    del os.environ[name]
os.environ["ENV_FILE"] = ""
os.environ["SECRET_KEY"] = "a-key-for-tests-only-and-nothing-else"
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

from scoring_site.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, because the threads of a test would all share one connection to an in-memory database;
    # in a folder of its own, because two runs at a time must not meet in it; in memory where there is
    # any, because a disk is waited for at every commit.
    folder = tempfile.mkdtemp(prefix="scoring-tests-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    atexit.register(shutil.rmtree, folder)
    DATABASES["default"]["TEST"] = {"NAME": f"{folder}/test.sqlite3"}  # noqa: F405
# A test's transaction is on one connection, and sees only what is stored there. The servers that tests start
# have the product's own settings, and with them both.
DATABASES.pop("api", None)  # noqa: F405
API_DATABASE = "default"
STATIC_ROOT = BASE_DIR / "static"  # noqa: F405 - whitenoise warns of a folder that is not there
# The hashed names of static files exist only after collectstatic, which tests do without.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
