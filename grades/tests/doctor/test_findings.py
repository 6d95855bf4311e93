"""doctor/findings.py: checks run beside each other, and none holds up the command."""

import threading
import time

from django.utils import translation

from grades.doctor import Finding, Installation, Level, findings
from grades.doctor.findings import CannotRun, Check, examine, ok, skipped


def test_a_check_that_hangs_holds_up_no_other(monkeypatch):
    monkeypatch.setattr(findings, "SECONDS", 1)
    end = threading.Event()
    checks = [
        Check("hangs", lambda _installation: ok(str(end.wait(10))), needs_url=False),
        Check("goes-on", lambda _installation: ok("Fine."), needs_url=False),
    ]
    begun = time.monotonic()
    with translation.override("en"):
        found = examine(Installation(None), checks)
    end.set()
    assert time.monotonic() - begun < 9
    assert found == [
        Finding(Level.UNKNOWN, "No result within 1 seconds.", id="hangs"),
        Finding(Level.OK, "Fine.", id="goes-on"),
    ]


def test_a_check_that_fails_or_cannot_run_says_so():
    def fails(_installation):
        raise KeyError("name")

    def cannot_run(_installation):
        raise CannotRun("Not from here.")

    checks = [Check("fails", fails, needs_url=False), Check("cannot-run", cannot_run, needs_url=False)]
    with translation.override("en"):
        assert examine(Installation(None), checks) == [
            Finding(Level.UNKNOWN, "The check failed: KeyError: 'name'", id="fails"),
            Finding(Level.UNKNOWN, "Not from here.", id="cannot-run"),
        ]


def test_a_check_may_find_several_things_with_ids_of_their_own():
    several = [Finding(Level.WARNING, "Old.", "Renew it.", "one"), skipped("Not here.")]
    assert examine(Installation(None), [Check("many", lambda _installation: several, needs_url=False)]) == [
        Finding(Level.WARNING, "Old.", "Renew it.", "one"),
        Finding(Level.SKIPPED, "Not here.", id="many"),
    ]


def test_a_check_of_the_address_is_skipped_without_one():
    with translation.override("en"):
        assert examine(Installation(None), [Check("far", lambda _installation: ok("Fine."), needs_url=True)]) == [
            Finding(
                Level.SKIPPED, "Needs the address of the site: --url https://… or the setting PUBLIC_URL.", id="far"
            )
        ]
