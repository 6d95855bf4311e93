"""The settings: Django's own system checks, and what these do not know."""

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.checks import WARNING, CheckMessage, Tags, run_checks
from django.http.request import validate_host
from django.utils.translation import gettext as _

from .database import facts_of
from .findings import Finding, Level, check, critical, needs_address, ok, skipped, warning

if TYPE_CHECKING:
    from .installation import Installation

# One setting is behind them: HTTPS.
OF_HTTPS = {"security.W004", "security.W008", "security.W012", "security.W016"}


def known(id: str) -> Finding | None:
    """Our words for what an operator can mend by a setting; Django's would name settings that the site computes."""
    if id == "security.W018":
        return critical(
            _("DEBUG is on: pages show parts of the program and of the data."), _("DEBUG=0 in the settings.")
        )
    if id == "security.W009":
        return critical(
            _("SECRET_KEY can be guessed, and sessions and receipts forged with it."),
            _("A random SECRET_KEY in the settings: openssl rand -base64 48"),
        )
    if id == "security.W020":
        return critical(_("ALLOWED_HOSTS is empty."), _("ALLOWED_HOSTS=<the name of the host> in the settings."))
    return None


@check("django")
def django_finds_nothing(installation: "Installation") -> list[Finding]:
    """`manage.py check --deploy`."""
    messages = [message for message in run_checks(include_deployment_checks=True) if not message.is_silenced()]
    found = []
    if any(message.id in OF_HTTPS for message in messages):
        finding = critical(
            _("Cookies may be sent in the clear: HTTPS is off."), _("HTTPS=1 in the settings, behind a proxy with TLS.")
        )
        found.append(replace(finding, id="https"))
    for message in messages:
        if message.id not in OF_HTTPS and message.level >= WARNING:
            found.append(from_django(message))
    return found or [ok(_("Django's checks for production find nothing."))]


@check("django-database")
def django_finds_nothing_in_the_database(installation: "Installation") -> list[Finding]:
    """`manage.py check --database default`: strict mode, character set, a table of another program."""
    facts_of(installation)  # without a database there is nothing to check
    messages = run_checks(tags=[Tags.database], databases=["default"])
    found = [from_django(message) for message in messages if message.level >= WARNING and not message.is_silenced()]
    return found or [ok(_("Django's checks of the database find nothing."))]


def from_django(message: CheckMessage) -> Finding:
    id = message.id or "django"
    finding = known(id) or Finding(
        Level.CRITICAL if message.is_serious() else Level.WARNING, message.msg, message.hint or ""
    )
    return replace(finding, id=id)


# --- The address ------------------------------------------------------------------------------------


@check("allowed-hosts")
def hosts_are_named(installation: "Installation") -> Finding:
    host = installation.host
    mend = _("ALLOWED_HOSTS=%(host)s in the settings.") % {"host": host or "rate.example.cn"}
    if "*" in settings.ALLOWED_HOSTS:
        return warning(_("ALLOWED_HOSTS admits every name."), mend)
    if not host:
        return skipped(needs_address())
    if not validate_host(host, settings.ALLOWED_HOSTS):
        return critical(_("ALLOWED_HOSTS does not have %(host)s: every page answers 400.") % {"host": host}, mend)
    return ok(_("ALLOWED_HOSTS has %(host)s.") % {"host": host})


@check("public-url", needs_url=True)
def printed_codes_lead_here(installation: "Installation") -> Finding:
    if not settings.PUBLIC_URL:
        return skipped(_("PUBLIC_URL is not set: printed codes are not links."))
    if urlsplit(settings.PUBLIC_URL).hostname != installation.host:
        return warning(
            _("Printed codes lead to another address: %(url)s.") % {"url": settings.PUBLIC_URL},
            _("PUBLIC_URL=https://%(host)s in the settings.") % {"host": installation.host},
        )
    return ok(_("Printed codes lead to this address."))


# --- Redis ------------------------------------------------------------------------------------------


@check("redis")
def redis_answers(installation: "Installation") -> Finding:
    address = getattr(settings, "REDIS_URL", "")
    if not address:
        return skipped(_("REDIS_URL is not set."))
    try:
        with redis.Redis.from_url(address, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        return critical(
            _("Redis does not answer: %(error)s.") % {"error": type(error).__name__},
            _("Check REDIS_URL, and that the server runs: systemctl status redis-server"),
        )
    return ok(_("Redis answers."))
