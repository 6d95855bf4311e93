"""Examine the installation; each line is ok, or says what is wrong and how to mend it."""

import json
import sys
from argparse import ArgumentTypeError
from collections import Counter
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import translation

from grades.doctor import Installation, Level, examine


def address(text):
    try:
        parts = urlsplit(text)
        has_host = parts.scheme in ("https", "http") and bool(parts.hostname)
        _port = parts.port  # raises ValueError
    except ValueError:
        has_host = False
    if not has_host:
        raise ArgumentTypeError("it must be https:// and the name of the host: --url https://rate.example.cn")
    return text


class Command(BaseCommand):
    help = (
        "Examines the installation and changes nothing. Each line is ok, or says what is wrong and how to mend it. "
        "Exit status for monitoring: 0 ok, 1 warning, 2 critical."
    )
    requires_system_checks = []  # they are among the checks

    def add_arguments(self, parser):
        parser.add_argument("--url", type=address, help="the address of the site (default: the setting PUBLIC_URL)")
        parser.add_argument("--connect", metavar="HOST", help="connect to this machine and not to the address of --url")
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
        parser.add_argument("--language", choices=[code for code, _name in settings.LANGUAGES], help="of the texts")

    def handle(self, *, url, connect, language, **options):
        with translation.override(language or settings.LANGUAGE_CODE):
            installation = Installation(
                url or settings.PUBLIC_URL or None,
                tls=(connect, 443) if connect else None,
                plain=(connect, 80) if connect else None,
            )
            findings = examine(installation)
        status = max(finding.level.exit_status for finding in findings)
        level = [Level.OK, Level.WARNING, Level.CRITICAL][status]
        self.stdout.write(as_json(findings, level) if options["json"] else as_lines(findings, level))
        sys.exit(status)


def as_lines(findings, level):
    counts = Counter(finding.level for finding in findings)
    summary = ", ".join(f"{counts[each]} {each}" for each in Level if counts[each])
    return "\n".join([*map(str, findings), f"{level} doctor: {summary}"])


def as_json(findings, level):
    checks = [
        {"id": finding.id, "level": finding.level, "text": finding.text, "remedy": finding.remedy}
        for finding in findings
    ]
    return json.dumps({"level": level, "checks": checks}, ensure_ascii=False, indent=1)
