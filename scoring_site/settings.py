"""Django's settings of the scoring site. `env.py` reads the settings that an operator may change."""

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from scoring_site.env import BASE_DIR, read_settings
from scoring_site.env import ENV_FILE as ENV_FILE  # for `manage.py doctor`, which looks at its mode
from scoring_site.logs import FORMATTERS

# Every setting of `env.SETTINGS` is a Django setting of the same name, for example settings.GRADE_MIN.
env = read_settings()
globals().update(vars(env))

# --- The database ---------------------------------------------------------------------------------

API_DATABASE = "default"
DATABASES = {"default": env.DATABASE_URL}
if env.DATABASE_URL["ENGINE"] == "django.db.backends.mysql":
    DATABASES["default"]["OPTIONS"] = {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        "connect_timeout": 5,
        # Strict mode: a value that does not fit is an error and is not cut. An export joins the notes of a rating;
        # MySQL would cut them off at 1,024 bytes.
        "init_command": "SET sql_mode='STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
        "group_concat_max_len=16000000",
        **DATABASES["default"].get("OPTIONS", {}),
    }
    # Mini-program endpoints use an alias with short timeouts; staff queries may take longer. It sends no ping
    # before the first query: a lost connection is replaced and the query tried again (grades/database/retries.py).
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
    if env.DATABASE_READ_URL:
        # Other nodes of the Galera cluster, for long reads of staff (grades/database/routers.py): a session waits until
        # the node has what was committed before, and refuses to write.
        DATABASES["readers"] = {
            **env.DATABASE_READ_URL,
            "OPTIONS": {
                **DATABASES["default"]["OPTIONS"],
                **env.DATABASE_READ_URL.get("OPTIONS", {}),
                "init_command": f"{DATABASES['default']['OPTIONS']['init_command']}, wsrep_sync_wait=1, tx_read_only=1",
            },
        }
        DATABASE_ROUTERS = ["grades.database.routers.ReadersRouter"]
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"}
else:
    (BASE_DIR / "var").mkdir(mode=0o700, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,  # seconds that a write waits for the lock; a rating is answered within ten
        # A transaction takes the write lock at its start and waits for it; upgrading a read lock fails at once.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- The application ------------------------------------------------------------------------------

VERSION = BASE_DIR.name if BASE_DIR.parent.name == "releases" else "checkout"
ROOT_URLCONF = "scoring_site.urls"
WSGI_APPLICATION = "scoring_site.wsgi.application"
INSTALLED_APPS = [
    "grades",  # before the admin, so that its templates win
    "scoring_site.apps.BackOfficeConfig",
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
    "grades.middleware.answer_probes",
    "grades.middleware.count_requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "grades.middleware.limit_body",
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
    # Closed unless a view opens itself; DRF's default admits anyone.
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
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "scoring_site.storage.StaticFilesStorage"},
}

# --- Background jobs --------------------------------------------------------------------------------

JOBS_DIR = env.VAR_DIR / "jobs"  # the files that they make, for an hour

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
# gunicorn tells Django the scheme; it trusts X-Forwarded-Proto from the proxy on this machine only.
SECURE_SSL_REDIRECT = env.HTTPS
# The contract of /score has no redirect. The pattern has the addresses of replies.is_score_path.
SECURE_REDIRECT_EXEMPT = [r"^[/.]*score(?![0-9A-Za-z_-])(?!/form/?$)"]
# HSTS is for this host only: its subdomains and the list of the browsers are not ours to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_HSTS_SECONDS = 31536000 if env.HTTPS else 0
SESSION_COOKIE_SECURE = env.HTTPS
CSRF_COOKIE_SECURE = env.HTTPS
LANGUAGE_COOKIE_SECURE = env.HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600  # a working day

# --- Logs -----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "private": {
            "()": FORMATTERS[env.LOG_FORMAT],
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "private"},
        "null": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": env.LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": env.LOG_LEVEL, "propagate": True},
        # A wrong Host is refused with 400; the access log has it. Django would log a traceback for each.
        "django.security.DisallowedHost": {"handlers": ["null"], "propagate": False},
        # They log the addresses that they call, and the address of a WeChat call holds the secret and the code.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
