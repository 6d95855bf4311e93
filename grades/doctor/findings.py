"""A check, what it finds, and how all checks run: each in a thread of its own, with a limit of time."""

import enum
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import translation
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from .installation import Installation

SECONDS = 20


class Level(enum.StrEnum):
    OK = "ok"
    SKIPPED = "skipped"  # it does not apply to this installation
    UNKNOWN = "unknown"  # the check cannot run
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def exit_status(self) -> int:
        """As monitoring programs read it: 0 ok, 1 warning, 2 critical."""
        return {Level.OK: 0, Level.SKIPPED: 0, Level.CRITICAL: 2}.get(self, 1)


@dataclass(frozen=True)
class Finding:
    level: Level
    text: str
    remedy: str = ""
    id: str = ""  # that of the check, unless it has one of its own

    def __str__(self) -> str:
        return " ".join(part for part in (f"{self.level} {self.id}:", self.text, self.remedy) if part)


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


def skipped(text: str) -> Finding:
    return Finding(Level.SKIPPED, text)


def warning(text: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, text, remedy)


def critical(text: str, remedy: str) -> Finding:
    return Finding(Level.CRITICAL, text, remedy)


def needs_address() -> str:
    return _("Needs the address of the site: --url https://… or the setting PUBLIC_URL.")


class CannotRun(Exception):
    """The check cannot find out; the text says why."""


Found = Finding | list[Finding]


@dataclass(frozen=True)
class Check:
    id: str
    function: "Callable[[Installation], Found]"
    needs_url: bool

    def run(self, installation: "Installation") -> Found:
        if self.needs_url and not installation.host:
            return skipped(needs_address())
        return self.function(installation)


CHECKS: list[Check] = []


def check(
    id: str, *, needs_url: bool = False
) -> "Callable[[Callable[[Installation], Found]], Callable[[Installation], Found]]":
    """Decorate a check. It returns what it found, several findings with ids of their own, or raises `CannotRun`."""

    def register(function: "Callable[[Installation], Found]") -> "Callable[[Installation], Found]":
        CHECKS.append(Check(id, function, needs_url))
        return function

    return register


def in_background(function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    """Run the function in a thread that does not keep the process from ending, with connections of its own."""
    future: Future[Any] = Future()
    language = translation.get_language()

    def run() -> None:
        try:
            with translation.override(language):
                future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run, daemon=True).start()
    return future


def examine(installation: "Installation", checks: Iterable[Check] | None = None) -> list[Finding]:
    """Run the checks at the same time; returns their findings in the order of the checks."""
    end = time.monotonic() + SECONDS
    started = [(each, in_background(each.run, installation)) for each in (CHECKS if checks is None else checks)]
    return [
        replace(finding, id=finding.id or each.id)
        for each, future in started
        for finding in outcome(future, end - time.monotonic())
    ]


def outcome(future: "Future[Any]", seconds: float) -> list[Finding]:
    try:
        found = future.result(max(seconds, 0))
    except CannotRun as error:
        return [Finding(Level.UNKNOWN, str(error))]
    except Exception as error:
        if not future.done():
            return [Finding(Level.UNKNOWN, _("No result within %(seconds)d seconds.") % {"seconds": SECONDS})]
        return [
            Finding(Level.UNKNOWN, _("The check failed: %(error)s") % {"error": f"{type(error).__name__}: {error}"})
        ]
    return found if isinstance(found, list) else [found]
