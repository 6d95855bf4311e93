"""Settings of the scoring site: one file, read from the environment and from `.env`.

Every setting an operator may change is read through `env` below and described in the README's
table. A missing, malformed or misspelt one stops the start with the line that mends it.
"""

import os
import re
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from dotenv import dotenv_values
from environs import Env, EnvError, ValidationError, validate

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

# ENV_FILE= (empty) reads no file: the tests must not depend on an operator's settings.
ENV_FILE = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))

env = Env()
if ENV_FILE:
    env.read_env(ENV_FILE, recurse=False)


# Every name read below; settings of other programs that share the file come first.
known_names = {"PORT", "WEB_WORKERS", "WEB_THREADS", "SCORE_PORT", "SCORE_SERVER", "SCORE_WORKERS", "SCORE_THREADS"}


def read(reader, name, help_text, **options):
    """One setting through `reader` (a method of `env`); says how to mend what it cannot use."""
    known_names.add(name)
    try:
        return reader(name, **options)
    except EnvError as error:
        reason = str(error).rstrip(".")
        raise ImproperlyConfigured(f"{reason}. Set it in {ENV_FILE or 'the environment'}: {help_text}") from error


def three_texts(texts):
    if len(texts) != 3 or not all(texts):
        raise ValidationError("Must be three texts, separated by commas.")


# --- What an operator sets ------------------------------------------------------------------------

SECRET_KEY = read(env.str, "SECRET_KEY", "SECRET_KEY=<50 random characters>", validate=validate.Length(min=20))
DEBUG = read(env.bool, "DEBUG", "DEBUG=0 (1 only while developing)", default=False)
ALLOWED_HOSTS = read(
    env.list, "ALLOWED_HOSTS", "ALLOWED_HOSTS=rate.example.cn", default=["127.0.0.1", "localhost", "[::1]"]
)
HTTPS = read(env.bool, "HTTPS", "HTTPS=1 once the site is reached by https only", default=False)
DATABASE_URL_EXAMPLE = "DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring"
DATABASES = {
    "default": read(
        env.dj_db_url,
        "DATABASE_URL",
        DATABASE_URL_EXAMPLE,
        default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
TIME_ZONE = read(env.str, "TIME_ZONE", "TIME_ZONE=Asia/Shanghai", default="Asia/Shanghai")
LOG_LEVEL = read(
    env.str,
    "LOG_LEVEL",
    "LOG_LEVEL=INFO (or DEBUG, WARNING, ERROR)",
    default="INFO",
    validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
)

# The range of a grade, both ends included. The columns hold -32768..32767 on every database.
GRADE_MIN = read(env.int, "GRADE_MIN", "GRADE_MIN=1", default=1, validate=validate.Range(0, 1000))
GRADE_MAX = read(env.int, "GRADE_MAX", "GRADE_MAX=5", default=5, validate=validate.Range(0, 1000))
# What an account number looks like, whole; never longer than its column, 32 characters.
ACC_NBR_PATTERN = read(
    env.str, "ACC_NBR_PATTERN", "ACC_NBR_PATTERN=[0-9A-Za-z._@+-]{1,32}", default=r"[0-9A-Za-z._@+-]{1,32}"
)
# Seconds in which the same ratings of the same account, sent without an id, are one. 0 = never.
DEDUPE_WINDOW = read(env.int, "DEDUPE_WINDOW", "DEDUPE_WINDOW=10", default=10, validate=validate.Range(0, 86400))
# What the form asks, as the mini program shows it: a label for each grade, a question for each remark.
GRADE_LABELS = read(
    env.list,
    "GRADE_LABELS",
    "GRADE_LABELS=服务态度,专业水平,响应速度",
    default=["服务态度", "专业水平", "响应速度"],
    subcast=str.strip,
    validate=three_texts,
)
REMARK_PROMPTS = read(
    env.list,
    "REMARK_PROMPTS",
    "REMARK_PROMPTS=服务态度如何？,专业水平如何？,还有什么要说的？",
    default=["服务态度如何？", "专业水平如何？", "还有什么要说的？"],
    subcast=str.strip,
    validate=three_texts,
)
# What the mini program says about personal data before any is sent; docs/privacy.md has the whole list.
PRIVACY_TEXT = read(
    env.str,
    "PRIVACY_TEXT",
    "PRIVACY_TEXT=<a sentence: what is collected, and why>",
    default="我们收集您填写的号码、评分、留言和提交时间，只用于改进服务和回访；"
    "使用微信登录时，还收集您的微信身份标识（openid）。",
    validate=validate.Length(min=1, max=1000),
)
# Days for which a customer who has rated can see the ratings again by receipt.
RECEIPT_DAYS = read(env.int, "RECEIPT_DAYS", "RECEIPT_DAYS=365", default=365, validate=validate.Range(1, 3650))
# WeChat login: both from the mini program's console, or neither.
WECHAT_APPID = read(env.str, "WECHAT_APPID", "WECHAT_APPID=<AppID of the mini program>", default="")
WECHAT_SECRET = read(env.str, "WECHAT_SECRET", "WECHAT_SECRET=<AppSecret of the mini program>", default="")
WECHAT_SESSION_DAYS = read(
    env.int, "WECHAT_SESSION_DAYS", "WECHAT_SESSION_DAYS=30", default=30, validate=validate.Range(1, 365)
)
WECHAT_API_URL = read(
    env.str, "WECHAT_API_URL", "WECHAT_API_URL=https://api.weixin.qq.com", default="https://api.weixin.qq.com"
)
# 1 refuses ratings without a WeChat login.
REQUIRE_WECHAT_LOGIN = read(env.bool, "REQUIRE_WECHAT_LOGIN", "REQUIRE_WECHAT_LOGIN=0 (or 1)", default=False)
# 1 lets a person who is logged in rate a dispatch once.
ONE_RATING_PER_DISPATCH = read(env.bool, "ONE_RATING_PER_DISPATCH", "ONE_RATING_PER_DISPATCH=0 (or 1)", default=False)
# The largest dispatch list that the import page takes, in MiB; the command takes any size.
IMPORT_MAX_MB = read(env.int, "IMPORT_MAX_MB", "IMPORT_MAX_MB=20", default=20, validate=validate.Range(1, 500))

if GRADE_MIN >= GRADE_MAX:
    raise ImproperlyConfigured(f"GRADE_MIN={GRADE_MIN} must be below GRADE_MAX={GRADE_MAX}: GRADE_MIN=1 GRADE_MAX=5")
try:
    re.compile(ACC_NBR_PATTERN)
except re.error as error:
    raise ImproperlyConfigured(
        f"ACC_NBR_PATTERN is no regular expression ({error}): ACC_NBR_PATTERN=[0-9A-Za-z._@+-]{{1,32}}"
    ) from error
if bool(WECHAT_APPID) != bool(WECHAT_SECRET):
    raise ImproperlyConfigured(
        "WECHAT_APPID and WECHAT_SECRET belong together. Set both, as WeChat's console shows them, or neither"
    )
for name, on in {
    "REQUIRE_WECHAT_LOGIN": REQUIRE_WECHAT_LOGIN,
    "ONE_RATING_PER_DISPATCH": ONE_RATING_PER_DISPATCH,
}.items():
    if on and not WECHAT_APPID:
        raise ImproperlyConfigured(f"{name}=1 needs WeChat login: set WECHAT_APPID and WECHAT_SECRET, or {name}=0")
# The secret is sent there: in the clear only to this machine, where a stub may stand in for WeChat.
if not re.fullmatch(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?/?", WECHAT_API_URL):
    raise ImproperlyConfigured("WECHAT_API_URL must begin with https://: WECHAT_API_URL=https://api.weixin.qq.com")
if ENV_FILE and os.path.exists(ENV_FILE):
    if unknown := sorted(set(dotenv_values(ENV_FILE)) - known_names):
        raise ImproperlyConfigured(f"{ENV_FILE} sets {', '.join(unknown)}, which is no setting: see the README's table")

# --- The database ---------------------------------------------------------------------------------

API_DATABASE = "default"
if DATABASES["default"]["ENGINE"] == "django.db.backends.mysql":
    DATABASES["default"]["OPTIONS"] = {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        "connect_timeout": 5,
        # Strict mode whatever the server's default: a value that does not fit is an error, not cut.
        "init_command": "SET sql_mode='STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        **DATABASES["default"].get("OPTIONS", {}),
    }
    # What mini programs call has connections of its own. Each step gives up after seconds, where an office's
    # long query may go on; and there is no ping before the first query, since a lost connection is replaced
    # and the query tried again (grades/database/retries.py).
    DATABASES["api"] = {
        **DATABASES["default"],
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            **DATABASES["default"]["OPTIONS"],
            "connect_timeout": 2,
            "read_timeout": 4,
            "write_timeout": 4,
            "init_command": f"{DATABASES['default']['OPTIONS']['init_command']}, innodb_lock_wait_timeout=2",
        },
    }
    API_DATABASE = "api"
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"}
elif DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(mode=0o700, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,  # seconds that a write waits for another; a rating is answered within ten
        # Taking the write lock at the start waits for its turn; upgrading a read lock fails at once.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    raise ImproperlyConfigured(
        f"DATABASE_URL names {DATABASES['default']['ENGINE']}; use MySQL, MariaDB or SQLite: {DATABASE_URL_EXAMPLE}"
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- The application ------------------------------------------------------------------------------

ROOT_URLCONF = "scoring_site.urls"
WSGI_APPLICATION = "scoring_site.wsgi.application"
INSTALLED_APPS = [
    "grades",  # before the admin: its templates come first
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

REST_FRAMEWORK = {
    # Closed unless a view opens itself: DRF's own default would let anyone in.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# --- Language and time ----------------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "grades" / "locale"]
USE_I18N = True
USE_TZ = True

# --- Static files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Security -------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "grades.views.errors.csrf_failure"
# The one switch for what only works over https. gunicorn tells Django the scheme, and believes
# X-Forwarded-Proto from the proxy on this machine only.
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^score$"]  # the contract of /score knows no redirect
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600  # a working day

# --- Logs -----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "scoring_site.logs.PrivateFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # They log the addresses that they call, and WeChat takes the secret and the code in the address.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
