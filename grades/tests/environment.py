"""The environment of the tests, set before Django reads its settings (a pytest plugin, see pyproject).

No `.env` is read, so that an operator's settings do not change what the tests prove. DATABASE_URL
may be given from outside: the suite runs on any database that the product supports.
"""

import os

os.environ["ENV_FILE"] = ""
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
os.environ["SECRET_KEY"] = "a-key-for-tests-only-and-nothing-else"
for name in ("DEBUG", "HTTPS", "ALLOWED_HOSTS", "TIME_ZONE", "GRADE_MIN", "GRADE_MAX", "ACC_NBR_PATTERN"):
    os.environ.pop(name, None)
for name in ("DEDUPE_WINDOW", "IMPORT_MAX_MB", "LOG_LEVEL"):
    os.environ.pop(name, None)
