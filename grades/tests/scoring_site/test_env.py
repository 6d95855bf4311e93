"""scoring_site/env.py: each setting is checked, documented, and read from a `.env` or the environment."""

import re

import pytest
import redis
from django.conf import settings

from scoring_site.env import REQUIRED, SETTINGS

from ..helpers.environment import KEY


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
            [KEY, "LOG_FORMAT=xml"],
            "LOG_FORMAT: Must be one of: plain, json. Set it in {file}: LOG_FORMAT=plain (or json)",
        ),
        (
            [KEY, "METRICS_DIR=metrics"],
            "METRICS_DIR: Must begin with /. Set it in {file}: METRICS_DIR=/run/scoring/metrics",
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
        ([KEY, "PORT=many"], "PORT: Not a valid integer. Set it in {file}: PORT=8000"),
        (
            [KEY, "WEB_WORKERS=0"],
            "WEB_WORKERS: Must be greater than or equal to 1 and less than or equal to 64. "
            "Set it in {file}: WEB_WORKERS=2",
        ),
        (
            [KEY, "WEB_THREADS=65"],
            "WEB_THREADS: Must be greater than or equal to 1 and less than or equal to 64. "
            "Set it in {file}: WEB_THREADS=4",
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
            [KEY, "ACC_NBR_PATTERN=(?i)[0-9a-f]+"],
            "ACC_NBR_PATTERN: This is not a regular expression: global flags not at the start of the expression at "
            "position 5. Set it in {file}: ACC_NBR_PATTERN=[0-9A-Za-z._@+-]{{1,32}}",
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
            [KEY, "CODE_DAYS=0"],
            "CODE_DAYS: Must be greater than or equal to 1 and less than or equal to 3650. "
            "Set it in {file}: CODE_DAYS=90",
        ),
        *(
            (
                [KEY, f"PUBLIC_URL={address}"],
                "PUBLIC_URL: Must be https:// and the host name, without a path. "
                "Set it in {file}: PUBLIC_URL=https://rate.example.cn",
            )
            for address in ("http://rate.example.cn", "rate.example.cn", "https://rate.example.cn/r/", "https://")
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
        ([KEY, "VAR_DIR="], "VAR_DIR: Must name a folder. Set it in {file}: VAR_DIR=/var/lib/scoring"),
        ([KEY, "STATIC_ROOT="], "STATIC_ROOT: Must name a folder. Set it in {file}: STATIC_ROOT=/opt/scoring/static"),
        *(
            (
                [KEY, f"RATE_LIMIT_ACCOUNT={limit}"],
                "RATE_LIMIT_ACCOUNT: Must be a number up to 999999, a slash, and seconds up to 86400; or empty for no "
                "limit. Set it in {file}: RATE_LIMIT_ACCOUNT=10/3600 (ten in an hour)",
            )
            for limit in ("10", "10/", "0/60", "10/0", "10/86401", "10/1h", "+1/60", "1_0/60", "１/60", "10 / 60")
        ),
        (
            [KEY, "RATE_LIMIT_ADDRESS=off"],
            "RATE_LIMIT_ADDRESS: Must be a number up to 999999, a slash, and seconds up to 86400; or empty for no "
            "limit. Set it in {file}: RATE_LIMIT_ADDRESS=3000/3600 (a mobile network has thousands at one address)",
        ),
        *(
            (
                [KEY, f"REDIS_URL={address}"],
                "REDIS_URL: Must be the address of a Redis server; or empty. "
                "Set it in {file}: REDIS_URL=redis://127.0.0.1:6379/0",
            )
            for address in (
                "127.0.0.1:6379",
                "http://127.0.0.1",
                "redis://",
                "redis://127.0.0.1/first",
                "redis://127.0.0.1:port",
                "redis://127.0.0.1:65536",
            )
        ),
        ([KEY, "DEBGU=1"], "{file} has the unknown setting DEBGU. The README lists all settings"),
    ],
    ids=lambda value: (value[-1] if value else "nothing") if isinstance(value, list) else "",
)
def test_an_invalid_setting_stops_the_start_with_advice(run_python, lines, message):
    status, last_line, env_file = run_python("manage.py", "check", lines=lines)
    assert (status, last_line) == (1, "The settings are wrong: " + message.format(file=env_file))


def test_the_environment_takes_precedence_over_the_file(read_settings):
    assert read_settings("DEBUG", "GRADE_MAX", lines=[KEY, "DEBUG=1", "GRADE_MAX=7"], GRADE_MAX="9") == [True, 9]


def test_by_default_the_site_is_closed_and_local(read_settings):
    names = ["DEBUG", "ALLOWED_HOSTS", "HTTPS", "TIME_ZONE", "GRADE_MIN", "GRADE_MAX", "DEDUPE_WINDOW"]
    assert read_settings(*names) == [
        False, ["127.0.0.1", "localhost", "[::1]"], False, "Asia/Shanghai", 1, 5, 10,
    ]  # fmt: skip


DEFAULTS = {
    setting.name: ",".join(setting.default) if isinstance(setting.default, list) else str(setting.default)
    for setting in SETTINGS
    if setting.default is not REQUIRED and setting.name != "DATABASE_URL"
} | {setting.name: str(int(setting.default)) for setting in SETTINGS if setting.kind == "bool"}


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


def test_a_relative_folder_starts_at_the_checkout(read_settings):
    lines = [KEY, "VAR_DIR=data", "STATIC_ROOT=/srv/static"]
    folders = read_settings("VAR_DIR", "STATIC_ROOT", "JOBS_DIR", lines=lines)
    assert folders == [f"{settings.BASE_DIR}/data", "/srv/static", f"{settings.BASE_DIR}/data/jobs"]


def test_texts_of_the_form_are_stripped(read_settings):
    lines = [KEY, "GRADE_LABELS= 态度 , 水平,  speed of answer", "PRIVACY_TEXT=号码, 评分。"]
    assert read_settings("GRADE_LABELS", "PRIVACY_TEXT", lines=lines) == [
        ["态度", "水平", "speed of answer"], "号码, 评分。",
    ]  # fmt: skip


def test_wechat_login_and_its_options_can_be_enabled_together(read_settings):
    lines = [
        KEY, "WECHAT_APPID=wx1", "WECHAT_SECRET=s", "REQUIRE_WECHAT_LOGIN=1", "ONE_RATING_PER_DISPATCH=1",
        "WECHAT_API_URL=http://127.0.0.1:8900",
    ]  # fmt: skip
    names = ["WECHAT_APPID", "WECHAT_SECRET", "REQUIRE_WECHAT_LOGIN", "ONE_RATING_PER_DISPATCH", "WECHAT_API_URL"]
    assert read_settings(*names, lines=lines) == ["wx1", "s", True, True, "http://127.0.0.1:8900"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "redis://127.0.0.1",
        "redis://127.0.0.1:6379/0",
        "redis://:secret@redis.example:6380/2",
        "redis://[2001:db8::1]:6379",
        "rediss://user:secret@redis.example:6380",
        "unix:///run/redis/redis.sock",
    ],
)
def test_the_address_of_redis_is_one_that_its_client_takes(read_settings, address):
    assert read_settings("REDIS_URL", lines=[KEY, f"REDIS_URL={address}"]) == [address]
    if address:
        redis.Redis.from_url(address).close()


@pytest.mark.parametrize("limit", ["", "1/1", "10/3600", "999999/86400"])
def test_a_rate_limit_is_a_number_in_seconds_or_empty(read_settings, limit):
    names = ["RATE_LIMIT_ACCOUNT", "RATE_LIMIT_ADDRESS"]
    assert read_settings(*names, lines=[KEY, *(f"{name}={limit}" for name in names)]) == [limit, limit]


@pytest.mark.parametrize(
    "address", ["", "https://rate.example.cn", "https://rate.example.cn/", "https://a.cn:8443", "http://127.0.0.1:8000"]
)
def test_the_public_address_is_https_or_on_this_machine(read_settings, address):
    assert read_settings("PUBLIC_URL", lines=[KEY, f"PUBLIC_URL={address}"]) == [address]


@pytest.mark.parametrize("config", ["gunicorn.conf.py", "gunicorn_score.conf.py"])
def test_gunicorn_names_the_invalid_setting(run_python, config):
    arguments = "-m", "gunicorn", "--config", f"deploy/{config}", "--check-config"
    status, out, env_file = run_python(*arguments, lines=[KEY, "WEB_WORKERS=many"])
    line = f"WEB_WORKERS: Not a valid integer. Set it in {env_file}: WEB_WORKERS=2"
    assert (status, out) == (1, f"The settings are wrong: {line}")


def test_the_score_workers_name_the_invalid_setting(run_python):
    status, out, env_file = run_python("deploy/serve_score.py", lines=[KEY, "SCORE_PORT=many"])
    line = f"SCORE_PORT: Not a valid integer. Set it in {env_file}: SCORE_PORT=8001"
    assert (status, out) == (1, f"The settings are wrong: {line}")
