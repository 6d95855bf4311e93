"""Fixtures of a healthy installation, which a test breaks."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack

import pytest
from django.conf import settings as project

from grades import health
from grades.doctor import files

from ..helpers.front import HOST, Authority
from ..helpers.installation import DURABLE, Healthy, MariaDB, start_mariadb


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    if not shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"):
        pytest.skip("needs MySQL or MariaDB: a server of its own, by bin/mariadb")
    pytest.importorskip("MySQLdb", reason="needs the driver for MySQL or MariaDB")
    with start_mariadb(tmp_path_factory.mktemp("mariadb"), DURABLE) as (url, pid):
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=project.BASE_DIR,
            env=os.environ | {
                "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
                "ENV_FILE": "",
                "SECRET_KEY": project.SECRET_KEY,
                "DATABASE_URL": url,
            },
            check=True,
        )  # fmt: skip
        server = MariaDB(url, pid)
        yield server
        server.owner.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def healthy(mariadb, authority, settings, monkeypatch, tmp_path, django_db_blocker):
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)  # the browser tests set it
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    monkeypatch.setattr(files, "DISK_LOW", 0)  # the disk of whoever runs the tests
    settings.VAR_DIR, settings.JOBS_DIR = tmp_path / "var", tmp_path / "var" / "jobs"
    settings.ENV_FILE = str(tmp_path / "etc" / "env")
    settings.STATICFILES_DIRS = []  # the tests serve this folder itself
    settings.ALLOWED_HOSTS = [HOST]
    settings.PUBLIC_URL = f"https://{HOST}"
    settings.SECRET_KEY = "".join(chr(33 + number) for number in range(60))
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31536000
    with django_db_blocker.unblock(), ExitStack() as stack:
        one = Healthy(mariadb, authority, settings, monkeypatch, tmp_path, stack)
        health.beat()
        yield one
