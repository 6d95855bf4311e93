"""scoring_site/settings.py and manage.py."""

import re

import pytest

from ..helpers.environment import KEY

HTTPS_PROBE = """
import django
from django.test import Client
django.setup()
from django.conf import settings
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
client = Client(SERVER_NAME="127.0.0.1")
page, score, beside = client.get("/"), client.post("/score"), client.post("/score/")
secure = client.get("/", secure=True)
print([
    page.status_code, page.get("Location"), score.status_code, beside.status_code,
    secure.get("Strict-Transport-Security"),
    settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.LANGUAGE_COOKIE_SECURE,
])
"""


@pytest.mark.parametrize(
    ("https", "outcome"),
    [
        ("1", [301, "https://127.0.0.1/", 415, 404, "max-age=31536000", True, True, True]),
        ("0", [200, None, 415, 404, None, False, False, False]),
    ],
)
def test_https_secures_cookies_and_redirects_all_but_score(run_python, https, outcome):
    status, out, _ = run_python(
        "-c", HTTPS_PROBE, lines=[KEY, f"HTTPS={https}"], DJANGO_SETTINGS_MODULE="scoring_site.settings"
    )
    assert (status, out) == (0, str(outcome))


def test_an_unreachable_database_ends_a_command_with_one_line(run_python):
    pytest.importorskip("MySQLdb", reason="needs the driver for MySQL or MariaDB")
    lines = [KEY, "DATABASE_URL=mysql://user:secret@127.0.0.1:1/scoring"]
    status, last_line, env_file = run_python("manage.py", "migrate", lines=lines)
    assert status == 1
    assert re.fullmatch(
        r"The database cannot be used: Can't connect to .*127\.0\.0\.1.* 200[23]\. "
        f"Check DATABASE_URL in {env_file}, and that the server runs\\.",
        last_line,
    )
