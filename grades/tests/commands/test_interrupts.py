"""Ctrl-C in a command."""

import io
import signal

import pytest
from django.core.management.base import BaseCommand

from grades.management.interrupts import stops_on_interrupt


@pytest.fixture
def command():
    return BaseCommand(stderr=io.StringIO(), no_color=True)


def test_an_interrupt_writes_the_line_and_exits_with_130(command):
    with pytest.raises(SystemExit) as caught:
        with stops_on_interrupt(command, lambda: "Stopped."):
            signal.raise_signal(signal.SIGINT)
    assert caught.value.code == 130
    assert command.stderr.getvalue() == "Stopped.\n"


def test_an_interrupt_shortly_before_the_commit_has_no_effect(command):
    handler = signal.getsignal(signal.SIGINT)
    with stops_on_interrupt(command, lambda: "Stopped.") as ignore_interrupts:
        ignore_interrupts()
        signal.raise_signal(signal.SIGINT)
    assert command.stderr.getvalue() == ""
    assert signal.getsignal(signal.SIGINT) is handler
