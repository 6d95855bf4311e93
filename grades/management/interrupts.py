"""Ctrl-C in a command: one line and exit status 130 instead of a traceback."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management.base import BaseCommand

# A shell's status for a process that SIGINT ended.
INTERRUPTED = 128 + signal.SIGINT


@contextmanager
def stops_on_interrupt(command: BaseCommand, line: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """On Ctrl-C within the block, write `line()` to standard error and exit with status 130.

    Yields a function. After its call Ctrl-C has no effect until the end of the block. Call it before a commit:
    an interrupt after the commit would make `line()` wrong.
    """
    handler = signal.getsignal(signal.SIGINT)

    def ignore_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    try:
        yield ignore_interrupts
    except KeyboardInterrupt:
        command.stderr.write(line())
        sys.exit(INTERRUPTED)
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Hold a Ctrl-C back until the end of the block. SQLite turns one within a function of ours into its own error."""
    interrupts: list[int] = []
    # Not pthread_sigmask: another thread, such as the one of a progress bar, would take the signal.
    handler = signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if interrupts:
        raise KeyboardInterrupt
