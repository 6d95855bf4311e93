"""The settings that an operator may change: the only reader of the environment and of `.env`.

Django's settings and the servers' configuration files read from here. A new setting is one entry in `SETTINGS`;
tests compare the entries with `.env.example` and with the tables of the READMEs.
"""

import os
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values
from environs import Env, EnvError, EnvValidationError, ValidationError, validate

BASE_DIR = Path(__file__).resolve().parent.parent

# With ENV_FILE= (empty) no file is read: an operator's settings must not change the outcome of a test.
ENV_FILE = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))

REQUIRED = object()  # a setting without a default


@dataclass(frozen=True)
class Setting:
    """One setting: `kind` is the method of `environs.Env` that reads it, `example` the value that a message offers."""

    name: str
    kind: str
    default: Any
    example: str
    check: Callable[[Any], Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def read(self, env: Env) -> Any:
        default = {} if self.default is REQUIRED else {"default": self.default}
        try:
            value = getattr(env, self.kind)(self.name, **default, **self.options)
            if self.check:
                self.check(value)
        except EnvValidationError as error:
            reason = " ".join(error.error_messages)
        except ValidationError as error:  # by `check`
            reason = " ".join(error.messages)
        except EnvError:
            reason = "It is required."
        else:
            return value
        raise ImproperlyConfigured(f"{self.name}: {reason} Set it in {place()}: {self.name}={self.example}")


def place() -> str:
    """Where an operator sets a setting."""
    return ENV_FILE or "the environment"


def three_texts(texts: list[str]) -> None:
    if len(texts) != 3 or not all(texts):
        raise ValidationError("Must be three texts, separated by commas.")


def a_folder(path: Path) -> None:
    if path == Path():
        raise ValidationError("Must name a folder.")


def known_time_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError("Must be a name of the time zone database.") from error


def regular_expression(pattern: str) -> None:
    try:
        re.compile(pattern)
        re.compile(rf"\A(?:{pattern})\Z")  # the form of the query page: flags such as (?i) must stand first
    except (re.error, OverflowError, RecursionError) as error:
        raise ValidationError(f"This is not a regular expression: {error}.") from error


def https_address(address: str) -> None:
    # The secret is sent there. http is allowed on this machine only, for a stub of WeChat.
    if not re.fullmatch(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?/?", address):
        raise ValidationError("Must begin with https://.")


def public_address(address: str) -> None:
    # WeChat opens only https. http is allowed on this machine only, for a first look.
    if address and not re.fullmatch(
        r"https://[0-9A-Za-z.-]+(:\d+)?/?|http://(127\.0\.0\.1|localhost)(:\d+)?/?", address
    ):
        raise ValidationError("Must be https:// and the host name, without a path.")


def parse_optional_database(url: str, **options: Any) -> dict[str, Any]:
    if not url:
        return {}
    try:
        return dict(dj_database_url.parse(url, **options))
    except ValueError as error:
        raise ValidationError("Not a valid database URL.") from error


def readers_database(config: dict[str, Any]) -> None:
    if config and (config["ENGINE"] != "django.db.backends.mysql" or not config.get("HOST") or not config.get("NAME")):
        raise ValidationError("Must name a MariaDB server and a database.")


def absolute_path(path: str) -> None:
    if path and not os.path.isabs(path):
        raise ValidationError("Must begin with /.")


def supported_database(config: dict[str, Any]) -> None:
    if config["ENGINE"] == "django.db.backends.sqlite3":
        return
    if config["ENGINE"] != "django.db.backends.mysql":
        raise ValidationError("Must name MySQL, MariaDB or SQLite.")
    if not config.get("HOST") or not config.get("NAME"):
        raise ValidationError("Must name a server and a database.")


def rate_limit(text: str) -> None:
    match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,4})", text)
    if text and not (match and int(match[2]) <= 86400):
        raise ValidationError("Must be a number up to 999999, a slash, and seconds up to 86400; or empty for no limit.")


def redis_address(address: str) -> None:
    # The last part is the number of the database.
    pattern = r"(rediss?://([^/?#@\s]*@)?[^/?#@\s]+|unix:///[^?#\s]+)(/\d+)?"
    try:
        urlsplit(address).port  # noqa: B018 - raises ValueError for a wrong port
    except ValueError:
        pattern = ""
    if address and not re.fullmatch(pattern, address):
        raise ValidationError("Must be the address of a Redis server; or empty.")


PORT_RANGE = validate.Range(1, 65535)
PROCESS_RANGE = validate.Range(1, 64)
THREAD_RANGE = validate.Range(1, 256)
STRIPPED = {"subcast": str.strip}
PRIVACY_TEXT = (
    "我们收集您填写的号码、评分、留言和提交时间，只用于改进服务和回访；"
    "使用微信登录时，还收集您的微信身份标识（openid）。"
)

SETTINGS = [
    # Signs sessions, receipts and printed codes.
    Setting("SECRET_KEY", "str", REQUIRED, "<50 random characters>", validate.Length(min=20)),
    Setting(
        "DATABASE_URL", "dj_db_url", f"sqlite:///{BASE_DIR / 'var' / 'db.sqlite3'}",
        "mysql://user:password@127.0.0.1:3306/scoring", supported_database,
        {"conn_max_age": 60, "conn_health_checks": True},
    ),
    # Other nodes of a Galera cluster, for lists, figures and exports of staff; empty: DATABASE_URL serves them.
    Setting(
        "DATABASE_READ_URL", "optional_db_url", "", "mysql://user:password@127.0.0.1:3308/scoring", readers_database,
        {"conn_max_age": 60, "conn_health_checks": True},
    ),
    Setting("ALLOWED_HOSTS", "list", ["127.0.0.1", "localhost", "[::1]"], "rate.example.cn"),
    Setting("HTTPS", "bool", False, "1 once the site is reached by https only"),
    # The site's own files, such as those of background jobs, and the static files that collectstatic gathers. A
    # relative path starts at the checkout. Releases of an installation share both folders.
    Setting("VAR_DIR", "path", Path("var"), "/var/lib/scoring", a_folder),
    Setting("STATIC_ROOT", "path", Path("var/static"), "/opt/scoring/static", a_folder),
    Setting("DEBUG", "bool", False, "0 (1 only while developing)"),
    Setting("TIME_ZONE", "str", "Asia/Shanghai", "Asia/Shanghai", known_time_zone),
    Setting(
        "LOG_LEVEL", "str", "INFO", "INFO (or DEBUG, WARNING, ERROR)",
        validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
    ),
    Setting("LOG_FORMAT", "str", "plain", "plain (or json)", validate.OneOf(["plain", "json"])),
    # The folder of the metrics that `/metrics` shows; empty: no metrics.
    Setting("METRICS_DIR", "str", "", "/run/scoring/metrics", absolute_path),
    # The range of a grade, both ends included. The columns hold -32768..32767 on every database.
    Setting("GRADE_MIN", "int", 1, "1", validate.Range(0, 1000)),
    Setting("GRADE_MAX", "int", 5, "5", validate.Range(0, 1000)),
    # A whole account number; never longer than its column, 32 characters.
    Setting(
        "ACC_NBR_PATTERN", "str", "[0-9A-Za-z._@+-]{1,32}", "[0-9A-Za-z._@+-]{1,32}", regular_expression,
    ),
    # Seconds in which equal ratings without an id are one. 0 = never.
    Setting("DEDUPE_WINDOW", "int", 10, "10", validate.Range(0, 86400)),
    # The form of the mini program: a label for each grade, a question for each remark.
    Setting(
        "GRADE_LABELS", "list", ["服务态度", "专业水平", "响应速度"], "服务态度,专业水平,响应速度",
        three_texts, STRIPPED,
    ),
    Setting(
        "REMARK_PROMPTS", "list", ["服务态度如何？", "专业水平如何？", "还有什么要说的？"],
        "服务态度如何？,专业水平如何？,还有什么要说的？", three_texts, STRIPPED,
    ),
    # The mini program shows it before it sends personal data; docs/privacy.md has the whole list.
    Setting(
        "PRIVACY_TEXT", "str", PRIVACY_TEXT, "<a sentence: what is collected, and why>",
        validate.Length(min=1, max=1000),
    ),
    # Days for which a receipt shows its rating.
    Setting("RECEIPT_DAYS", "int", 365, "365", validate.Range(1, 3650)),
    # Printed codes: days for which one is valid, and the site's address in the links that they hold.
    Setting("CODE_DAYS", "int", 90, "90", validate.Range(1, 3650)),
    Setting("PUBLIC_URL", "str", "", "https://rate.example.cn", public_address),
    # WeChat login: both from the console of the mini program, or neither.
    Setting("WECHAT_APPID", "str", "", "<AppID of the mini program>"),
    Setting("WECHAT_SECRET", "str", "", "<AppSecret of the mini program>"),
    Setting("WECHAT_SESSION_DAYS", "int", 30, "30", validate.Range(1, 365)),
    # 1 refuses ratings without a WeChat login.
    Setting("REQUIRE_WECHAT_LOGIN", "bool", False, "0 (or 1)"),
    # 1 lets a person who is logged in rate each dispatch once.
    Setting("ONE_RATING_PER_DISPATCH", "bool", False, "0 (or 1)"),
    Setting("WECHAT_API_URL", "str", "https://api.weixin.qq.com", "https://api.weixin.qq.com", https_address),
    # At most so many submissions in so many seconds, of an account number and from a client address.
    Setting("RATE_LIMIT_ACCOUNT", "str", "", "10/3600 (ten in an hour)", rate_limit),
    Setting("RATE_LIMIT_ADDRESS", "str", "", "3000/3600 (a mobile network has thousands at one address)", rate_limit),
    # Where the limits are counted; in the database without it.
    Setting("REDIS_URL", "str", "", "redis://127.0.0.1:6379/0", redis_address),
    # The largest dispatch list that the import page takes, in MiB; the command takes any size.
    Setting("IMPORT_MAX_MB", "int", 20, "20", validate.Range(1, 500)),
    # `manage.py doctor`: how old the last backup, and the last trial of a restore, may be. 0 = done on another machine.
    Setting("BACKUP_MAX_HOURS", "int", 30, "30", validate.Range(0, 8760)),
    Setting("DRILL_MAX_DAYS", "int", 35, "35", validate.Range(0, 3650)),
    # The worker of the background jobs runs on another application host, the one that serves the office.
    Setting("JOBS_ELSEWHERE", "bool", False, "0 (or 1)"),
    # The server of the office: port on 127.0.0.1, processes, threads of each.
    Setting("PORT", "int", 8000, "8000", PORT_RANGE),
    Setting("WEB_WORKERS", "int", 2, "2", PROCESS_RANGE),
    Setting("WEB_THREADS", "int", 4, "4", PROCESS_RANGE),
    # The score workers: the server that serves mini programs.
    Setting("SCORE_SERVER", "str", "granian", "granian (or gunicorn)", validate.OneOf(["granian", "gunicorn"])),
    Setting("SCORE_PORT", "int", 8001, "8001", PORT_RANGE),
    Setting("SCORE_WORKERS", "int", 2, "2", PROCESS_RANGE),
    Setting("SCORE_THREADS", "int", 16, "16", THREAD_RANGE),
]  # fmt: skip


def read_settings() -> SimpleNamespace:
    """Read all settings, each as an attribute; the environment goes before the file.

    Raises `ImproperlyConfigured` with the line that mends a setting that is missing, malformed or unknown.
    """
    env = Env()
    env.add_parser("optional_db_url", parse_optional_database)
    if ENV_FILE:
        env.read_env(ENV_FILE, recurse=False)
    values = SimpleNamespace(**{setting.name: setting.read(env) for setting in SETTINGS})
    values.VAR_DIR, values.STATIC_ROOT = BASE_DIR / values.VAR_DIR, BASE_DIR / values.STATIC_ROOT
    check_together(values)
    if ENV_FILE and os.path.exists(ENV_FILE):
        if unknown := sorted(set(dotenv_values(ENV_FILE)) - {setting.name for setting in SETTINGS}):
            raise ImproperlyConfigured(
                f"{ENV_FILE} has the unknown setting {', '.join(unknown)}. The README lists all settings"
            )
    return values


def check_together(values: SimpleNamespace) -> None:
    """Refuse settings that contradict each other."""
    if values.GRADE_MIN >= values.GRADE_MAX:
        raise ImproperlyConfigured(
            f"GRADE_MIN={values.GRADE_MIN} must be below GRADE_MAX={values.GRADE_MAX}: GRADE_MIN=1 GRADE_MAX=5"
        )
    if values.DATABASE_READ_URL and values.DATABASE_URL["ENGINE"] != "django.db.backends.mysql":
        raise ImproperlyConfigured(
            "DATABASE_READ_URL is for other nodes of the database that DATABASE_URL names. Set both"
        )
    if bool(values.WECHAT_APPID) != bool(values.WECHAT_SECRET):
        raise ImproperlyConfigured(
            "WECHAT_APPID and WECHAT_SECRET belong together. Set both, as WeChat's console shows them, or neither"
        )
    for name in ("REQUIRE_WECHAT_LOGIN", "ONE_RATING_PER_DISPATCH"):
        if getattr(values, name) and not values.WECHAT_APPID:
            raise ImproperlyConfigured(f"{name}=1 needs WeChat login: set WECHAT_APPID and WECHAT_SECRET, or {name}=0")
