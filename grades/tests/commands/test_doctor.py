"""doctor: its lines, its JSON and its exit status. tests/doctor/ has what each check finds."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from grades.doctor import CHECKS, Finding, Level


def doctor(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", *arguments],
        cwd=settings.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "SECRET_KEY": settings.SECRET_KEY,
            "DATABASE_URL": "sqlite://:memory:",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_new_checkout_is_critical_in_lines_with_a_remedy():
    done = doctor("--language", "en")
    assert done.returncode == 2
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert (
        "warning database: The database is SQLite, which one process at a time can write to. Use MariaDB or MySQL: "
        "DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring"
    ) in lines
    assert lines[-1].startswith("critical doctor: ")
    assert {line.split(":")[0].split()[1] for line in lines} >= {check.id for check in CHECKS} - {"django"}


def test_the_language_is_chinese_unless_told():
    assert "warning database: 数据库是 SQLite" in doctor().stdout


def test_json_has_every_finding():
    done = doctor("--json", "--language", "en")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert found["level"] == "critical"
    assert [list(each) for each in found["checks"]] == [["id", "level", "text", "remedy"]] * len(found["checks"])
    assert {"id": "redis", "level": "skipped", "text": "REDIS_URL is not set.", "remedy": ""} in found["checks"]


def test_a_secret_is_in_no_line():
    pytest.importorskip("MySQLdb", reason="needs the driver for MySQL or MariaDB")
    done = doctor("--language", "en", DATABASE_URL="mysql://user:password-of-the-test@127.0.0.1:1/scoring")
    assert "critical database: The database cannot be used: Can't connect to" in done.stdout
    assert "unknown flush: The database cannot be used." in done.stdout
    assert "password-of-the-test" not in done.stdout + done.stderr
    assert settings.SECRET_KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "url", ["rate.example.cn", "https://", "https://rate.example.cn:port", "ftp://rate.example.cn"]
)
def test_an_address_that_is_none_is_refused(url):
    done = doctor("--url", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it must be https:// and the name of the host: --url https://rate.example.cn" in done.stderr


@pytest.mark.parametrize(
    ("level", "status"),
    [(Level.OK, 0), (Level.SKIPPED, 0), (Level.UNKNOWN, 1), (Level.WARNING, 1), (Level.CRITICAL, 2)],
)
def test_the_exit_status_is_as_monitoring_reads_it(level, status):
    assert level.exit_status == status


def test_a_line_has_level_id_text_and_remedy():
    assert (
        str(Finding(Level.WARNING, "It is old.", "Renew it.", "tls-expiry"))
        == "warning tls-expiry: It is old. Renew it."
    )
