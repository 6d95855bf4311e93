"""scoring_site/settings.py, read by a Python of its own from a `.env` of its own; our checks; our logs."""

import json
import logging
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from grades.checks import check_character_set, check_grade_table_is_ours
from scoring_site.env import REQUIRED, SETTINGS
from scoring_site.logs import PrivateFormatter

KEY = "SECRET_KEY=a-key-that-is-long-enough"


@pytest.fixture
def run_python(tmp_path):
    """Run Python with arguments and a `.env` of the given lines: (exit code, last line, file)."""

    def run(*arguments, lines=(KEY,), **environment):
        env_file = tmp_path / ".env"
        env_file.write_text("\n".join(lines) + "\n")
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=settings.BASE_DIR,
            env={"PATH": os.environ["PATH"], "ENV_FILE": str(env_file), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, (done.stdout or done.stderr).strip().splitlines()[-1], env_file

    return run


@pytest.fixture
def read_settings(run_python):
    """Settings by name, with a `.env` of the given lines."""

    def read(*names, **options):
        code = (
            f"import json, scoring_site.settings as s; print(json.dumps([getattr(s, n) for n in {names}], default=str))"
        )
        status, out, _ = run_python("-c", code, **options)
        assert status == 0, out
        return json.loads(out)

    return read


# --- Settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "SECRET_KEY: It is required. Set it in {file}: SECRET_KEY=<50 random characters>"),
        (
            ["SECRET_KEY=short"],
            "SECRET_KEY: Shorter than minimum length 20. Set it in {file}: SECRET_KEY=<50 random characters>",
        ),
        (
            [KEY, "DEBUG=perhaps"],
            "DEBUG: Not a valid boolean. Set it in {file}: DEBUG=0 (1 only while developing)",
        ),
        (
            [KEY, "HTTPS=perhaps"],
            "HTTPS: Not a valid boolean. Set it in {file}: HTTPS=1 once the site is reached by https only",
        ),
        (
            [KEY, "LOG_LEVEL=loud"],
            "LOG_LEVEL: Must be one of: DEBUG, INFO, WARNING, ERROR. "
            "Set it in {file}: LOG_LEVEL=INFO (or DEBUG, WARNING, ERROR)",
        ),
        (
            [KEY, "GRADE_MAX=five"],
            "GRADE_MAX: Not a valid integer. Set it in {file}: GRADE_MAX=5",
        ),
        (
            [KEY, "DEDUPE_WINDOW=-1"],
            "DEDUPE_WINDOW: Must be greater than or equal to 0 and less than or equal to 86400. "
            "Set it in {file}: DEDUPE_WINDOW=10",
        ),
        (
            [KEY, "DATABASE_URL=postgres://127.0.0.1/scoring"],
            "DATABASE_URL: Must name MySQL, MariaDB or SQLite. "
            "Set it in {file}: DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring",
        ),
        (
            [KEY, "DATABASE_URL=mysql:/bad"],
            "DATABASE_URL: Must name a server and a database. "
            "Set it in {file}: DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring",
        ),
        (
            [KEY, "DATABASE_URL=nonsense"],
            "DATABASE_URL: Not a valid database URL. "
            "Set it in {file}: DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring",
        ),
        (
            [KEY, "TIME_ZONE=Beijing"],
            "TIME_ZONE: Must be a name of the time zone database. Set it in {file}: TIME_ZONE=Asia/Shanghai",
        ),
        (
            [KEY, "SCORE_SERVER=uwsgi"],
            "SCORE_SERVER: Must be one of: granian, gunicorn. Set it in {file}: SCORE_SERVER=granian (or gunicorn)",
        ),
        (
            [KEY, "GRADE_MIN=5"],
            "GRADE_MIN=5 must be below GRADE_MAX=5: GRADE_MIN=1 GRADE_MAX=5",
        ),
        (
            [KEY, "ACC_NBR_PATTERN=[0-9"],
            "ACC_NBR_PATTERN: This is not a regular expression: unterminated character set at position 0. "
            "Set it in {file}: ACC_NBR_PATTERN=[0-9A-Za-z._@+-]{{1,32}}",
        ),
        (
            [KEY, "GRADE_LABELS=a,b"],
            "GRADE_LABELS: Must be three texts, separated by commas. "
            "Set it in {file}: GRADE_LABELS=服务态度,专业水平,响应速度",
        ),
        (
            [KEY, "REMARK_PROMPTS=a, ,c"],
            "REMARK_PROMPTS: Must be three texts, separated by commas. "
            "Set it in {file}: REMARK_PROMPTS=服务态度如何？,专业水平如何？,还有什么要说的？",
        ),
        (
            [KEY, "PRIVACY_TEXT="],
            "PRIVACY_TEXT: Length must be between 1 and 1000. "
            "Set it in {file}: PRIVACY_TEXT=<a sentence: what is collected, and why>",
        ),
        (
            [KEY, "RECEIPT_DAYS=0"],
            "RECEIPT_DAYS: Must be greater than or equal to 1 and less than or equal to 3650. "
            "Set it in {file}: RECEIPT_DAYS=365",
        ),
        (
            [KEY, "WECHAT_SESSION_DAYS=0"],
            "WECHAT_SESSION_DAYS: Must be greater than or equal to 1 and less than or equal to 365. "
            "Set it in {file}: WECHAT_SESSION_DAYS=30",
        ),
        (
            [KEY, "WECHAT_APPID=wx1"],
            "WECHAT_APPID and WECHAT_SECRET belong together. Set both, as WeChat's console shows them, or neither",
        ),
        (
            [KEY, "WECHAT_SECRET=never-printed"],
            "WECHAT_APPID and WECHAT_SECRET belong together. Set both, as WeChat's console shows them, or neither",
        ),
        (
            [KEY, "REQUIRE_WECHAT_LOGIN=1"],
            "REQUIRE_WECHAT_LOGIN=1 needs WeChat login: set WECHAT_APPID and WECHAT_SECRET, or REQUIRE_WECHAT_LOGIN=0",
        ),
        (
            [KEY, "ONE_RATING_PER_DISPATCH=1"],
            "ONE_RATING_PER_DISPATCH=1 needs WeChat login: "
            "set WECHAT_APPID and WECHAT_SECRET, or ONE_RATING_PER_DISPATCH=0",
        ),
        (
            [KEY, "WECHAT_API_URL=http://api.weixin.qq.com"],
            "WECHAT_API_URL: Must begin with https://. Set it in {file}: WECHAT_API_URL=https://api.weixin.qq.com",
        ),
        (
            [KEY, "WECHAT_API_URL=http://127.0.0.1.evil.example"],
            "WECHAT_API_URL: Must begin with https://. Set it in {file}: WECHAT_API_URL=https://api.weixin.qq.com",
        ),
        ([KEY, "DEBGU=1"], "{file} has the unknown setting DEBGU. The README lists all settings"),
    ],
    ids=lambda value: (value[-1] if value else "nothing") if isinstance(value, list) else "",
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_what_mends_it(run_python, lines, message):
    status, last_line, env_file = run_python("manage.py", "check", lines=lines)
    assert (status, last_line) == (1, "The settings are wrong: " + message.format(file=env_file))


def test_an_unreachable_database_ends_a_command_with_one_line(run_python):
    lines = [KEY, "DATABASE_URL=mysql://user:secret@127.0.0.1:1/scoring"]
    status, last_line, env_file = run_python("manage.py", "migrate", lines=lines)
    assert status == 1
    assert re.fullmatch(
        r"The database cannot be used: Can't connect to .*127\.0\.0\.1.* 200[23]\. "
        f"Check DATABASE_URL in {env_file}, and that the server runs\\.",
        last_line,
    )


def test_the_environment_goes_before_the_file(read_settings):
    assert read_settings("DEBUG", "GRADE_MAX", lines=[KEY, "DEBUG=1", "GRADE_MAX=7"], GRADE_MAX="9") == [True, 9]


def test_without_settings_but_the_key_the_site_is_closed_and_local(read_settings):
    names = ["DEBUG", "ALLOWED_HOSTS", "HTTPS", "TIME_ZONE", "GRADE_MIN", "GRADE_MAX", "DEDUPE_WINDOW"]
    assert read_settings(*names) == [
        False, ["127.0.0.1", "localhost", "[::1]"], False, "Asia/Shanghai", 1, 5, 10,
    ]  # fmt: skip


DEFAULTS = {
    setting.name: ",".join(setting.default) if isinstance(setting.default, list) else str(setting.default)
    for setting in SETTINGS
    if setting.default is not REQUIRED and setting.name != "DATABASE_URL"
} | {"HTTPS": "0", "DEBUG": "0", "REQUIRE_WECHAT_LOGIN": "0", "ONE_RATING_PER_DISPATCH": "0"}


def test_the_example_file_has_every_setting_with_its_default():
    example = (settings.BASE_DIR / ".env.example").read_text()
    lines = re.findall("^#?([A-Z0-9_]+)=(.*)$", example, re.MULTILINE)
    assert len(lines) == len(SETTINGS)
    assert dict(lines) | {"SECRET_KEY": "", "DATABASE_URL": ""} == DEFAULTS | {"SECRET_KEY": "", "DATABASE_URL": ""}


@pytest.mark.parametrize("name", ["README.md", "README.zh-hans.md"])
def test_the_readme_tables_have_every_setting_with_its_default(name):
    """A cell may describe a default in words; a default in backquotes is the default."""
    readme = (settings.BASE_DIR / name).read_text()
    found = {}
    for names, defaults in re.findall(r"^\| ((?:`[A-Z0-9_]+` ?)+)\| (.*?) \|", readme, re.MULTILINE):
        names, values = re.findall("`(.+?)`", names), re.findall("`(.+?)`", defaults)
        found |= dict(zip(names, values if len(values) == len(names) else [None] * len(names), strict=True))
    assert found.keys() == {setting.name for setting in SETTINGS}
    stated = {name: value for name, value in found.items() if value is not None and name in DEFAULTS}
    assert stated == {name: DEFAULTS[name] for name in stated}
    assert len(stated) > len(SETTINGS) / 2


def test_the_example_file_can_be_used_as_it_is(read_settings):
    example = (settings.BASE_DIR / ".env.example").read_text()
    lines = [re.sub("^#(?=[A-Z_]+=)", "", line) for line in example.splitlines()]
    lines = [line for line in lines if not line.startswith(("SECRET_KEY", "DATABASE_URL"))]
    assert read_settings(*DEFAULTS, lines=[KEY, *lines]) == read_settings(*DEFAULTS)


def test_the_texts_of_the_form_lose_the_spaces_around_them_and_keep_the_rest(read_settings):
    lines = [KEY, "GRADE_LABELS= 态度 , 水平,  speed of answer", "PRIVACY_TEXT=号码, 评分。"]
    assert read_settings("GRADE_LABELS", "PRIVACY_TEXT", lines=lines) == [
        ["态度", "水平", "speed of answer"], "号码, 评分。",
    ]  # fmt: skip


def test_wechat_login_and_what_builds_on_it_can_be_switched_on_together(read_settings):
    lines = [
        KEY, "WECHAT_APPID=wx1", "WECHAT_SECRET=s", "REQUIRE_WECHAT_LOGIN=1", "ONE_RATING_PER_DISPATCH=1",
        "WECHAT_API_URL=http://127.0.0.1:8900",
    ]  # fmt: skip
    names = ["WECHAT_APPID", "WECHAT_SECRET", "REQUIRE_WECHAT_LOGIN", "ONE_RATING_PER_DISPATCH", "WECHAT_API_URL"]
    assert read_settings(*names, lines=lines) == ["wx1", "s", True, True, "http://127.0.0.1:8900"]


HTTPS_PROBE = """
import django
from django.test import Client
django.setup()
from django.conf import settings
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
client = Client(SERVER_NAME="127.0.0.1")
page, score = client.get("/"), client.post("/score")
secure = client.get("/", secure=True)
print([
    page.status_code, page.get("Location"), score.status_code, secure.get("Strict-Transport-Security"),
    settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.LANGUAGE_COOKIE_SECURE,
])
"""


@pytest.mark.parametrize(
    ("https", "outcome"),
    [
        ("1", [301, "https://127.0.0.1/", 415, "max-age=31536000", True, True, True]),
        ("0", [200, None, 415, None, False, False, False]),
    ],
)
def test_https_secures_cookies_and_redirects_all_but_score(run_python, https, outcome):
    status, out, _ = run_python(
        "-c", HTTPS_PROBE, lines=[KEY, f"HTTPS={https}"], DJANGO_SETTINGS_MODULE="scoring_site.settings"
    )
    assert (status, out) == (0, str(outcome))


@pytest.mark.parametrize("config", ["gunicorn.conf.py", "gunicorn_score.conf.py"])
def test_gunicorn_names_the_line_that_mends_a_setting(run_python, config):
    arguments = "-m", "gunicorn", "--config", f"deploy/{config}", "--check-config"
    status, out, env_file = run_python(*arguments, lines=[KEY, "WEB_WORKERS=many"])
    line = f"WEB_WORKERS: Not a valid integer. Set it in {env_file}: WEB_WORKERS=2"
    assert (status, out) == (1, f"The settings are wrong: {line}")


def test_the_score_workers_name_the_line_that_mends_a_setting(run_python):
    status, out, env_file = run_python("deploy/serve_score.py", lines=[KEY, "SCORE_PORT=many"])
    line = f"SCORE_PORT: Not a valid integer. Set it in {env_file}: SCORE_PORT=8001"
    assert (status, out) == (1, f"The settings are wrong: {line}")


# --- Checks ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_e001_a_table_grade_that_is_not_ours_is_found_before_it_is_migrated_over():
    assert check_grade_table_is_ours(["default"]) == []
    MigrationRecorder(connection).record_unapplied("grades", "0001_initial")
    assert check_grade_table_is_ours(["default"]) == [
        checks.Error(
            "Database 'default' has a table `grade` that this site did not make.",
            hint="Rename it, and import its rows afterwards: RENAME TABLE grade TO grade_legacy; then "
            "`migrate`, then `import_legacy_grades --from mysql://user:password@host:port/name --table grade_legacy`.",
            id="grades.E001",
        )
    ]
    assert check_grade_table_is_ours([]) == check_grade_table_is_ours(None) == []
    with pytest.raises(SystemCheckError, match=r"grades\.E001"):
        call_command("migrate", skip_checks=False)


@pytest.mark.django_db
def test_e002_the_test_database_holds_every_character():
    assert check_character_set(["default"]) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("mysql" not in settings.DATABASES["default"]["ENGINE"], reason="needs MySQL or MariaDB")
def test_e002_a_database_that_loses_emoji_is_found():
    ours, other = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_latin1"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{other}` CHARACTER SET latin1")
        try:
            cursor.execute(f"USE `{other}`")
            found = check_character_set(["default"])
        finally:
            cursor.execute(f"USE `{ours}`")
            cursor.execute(f"DROP DATABASE `{other}`")
    assert found == [
        checks.Error(
            f"The default character set of database '{other}' is latin1, which cannot hold every character.",
            hint=f"ALTER DATABASE `{other}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
            id="grades.E002",
        )
    ]


# --- Logs -----------------------------------------------------------------------------------------


def formatted(exc_info):
    record = logging.LogRecord("grades", logging.ERROR, __file__, 1, "a submission failed", None, exc_info)
    return PrivateFormatter("%(levelname)s %(name)s: %(message)s").format(record)


def test_a_traceback_in_the_log_has_types_and_places_but_no_messages():
    number = "13800138000"
    try:
        try:
            raise KeyError(number)
        except KeyError as error:
            raise ValueError(f"Duplicate entry '{number}'") from error
    except ValueError as error:
        text = formatted((type(error), error, error.__traceback__))
    # Lines of code are indented by four; each frame's place, by two.
    lines = [re.sub(r", line \d+,", ",", line) for line in text.splitlines() if not line.startswith("    ")]
    place = f'  File "{__file__}", in test_a_traceback_in_the_log_has_types_and_places_but_no_messages'
    assert lines == [
        "ERROR grades: a submission failed",
        "builtins.ValueError at",
        place,
        "caused by builtins.KeyError at",
        place,
    ]
    assert number not in text


def test_what_was_being_handled_is_told_unless_it_was_suppressed():
    def failure(suppress):
        try:
            try:
                raise KeyError("138")
            except KeyError:
                if suppress:
                    raise ValueError("139") from None
                raise ValueError("139")  # noqa: B904 - the point of the test
        except ValueError as error:
            return formatted((type(error), error, error.__traceback__))

    assert "caused by builtins.KeyError at" in failure(suppress=False)
    assert "caused by" not in failure(suppress=True)


def test_a_chain_that_leads_back_to_itself_ends():
    first, second = ValueError("138"), KeyError("139")
    first.__cause__, second.__cause__ = second, first
    assert formatted((ValueError, first, None)).splitlines() == [
        "ERROR grades: a submission failed",
        "builtins.ValueError at",
        "caused by builtins.KeyError at",
    ]
