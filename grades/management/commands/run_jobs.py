"""Run background jobs, one after another, in the foreground; several may run at a time."""

import os
import signal
import threading

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from grades import metrics
from grades.health import beat
from grades.jobs import run_next, run_until


class Command(BaseCommand):
    help = (
        "Runs background jobs (exports and reviews of many ratings) until SIGTERM or Ctrl-C. "
        "Several workers may run at once."
    )

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="run the jobs that wait, then end")
        parser.add_argument("--parent", type=int, metavar="PID", help="end when this parent process has ended")

    def handle(self, *, once, parent, **options):
        try:
            metrics.start(settings.METRICS_DIR)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if once:
            while run_next():
                pass
            return
        told = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_arguments: told.set())

        # It is asked between jobs and after each batch. Within a batch the signal waits.
        def is_ending():
            beat()
            return told.is_set() or (parent is not None and os.getppid() != parent)

        run_until(is_ending, told.wait)
