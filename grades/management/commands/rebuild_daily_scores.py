"""Recompute the figures of overview and coverage, the ratings of each dispatch and the dispatch of each rating."""

import sys
from datetime import date

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from grades.management.interrupts import stops_on_interrupt
from grades.models import DailyScore, day_of, dispatch_figures
from grades.models.coverage import rebuild
from grades.models.figures import known_days, recompute


def day(text):
    return date.fromisoformat(text)


class Command(BaseCommand):
    help = (
        "Recomputes the figures that the overview shows, day by day, and without a range also the ratings of each "
        "dispatch, the dispatch of each rating and the figures of the coverage. It can be interrupted and run again, "
        "also while the site is in use."
    )

    def add_arguments(self, parser):
        parser.add_argument("--from", dest="first", type=day, help="the first day, YYYY-MM-DD (default: all days)")
        parser.add_argument("--to", dest="last", type=day, help="the last day, YYYY-MM-DD (default: today)")

    def handle(self, *, first, last, **options):
        if first and last and first > last:
            raise CommandError("--from is after --to.")
        all_days = not (first or last)
        days = self.days(first or date.min, last or date.max)
        self.recompute(days, recompute, "Recomputed days")
        if all_days:
            with stops_on_interrupt(self, lambda: "Stopped while the dispatches were counted."):
                self.recount()
            self.recompute(dispatch_figures.known_days(), dispatch_figures.recompute, "Recomputed days of dispatches")

    def recompute(self, days, compute, done_line):
        done = []
        with stops_on_interrupt(self, lambda: f"Stopped after {len(done)} of {len(days)} days."):
            # disable=None: no bar without a terminal
            for each in tqdm(days, file=sys.stderr, disable=None, leave=False, unit="day"):
                compute(each)
                done.append(each)
            self.stdout.write(f"{done_line}: {len(days)}.")

    def recount(self):
        total = 0
        with tqdm(file=sys.stderr, disable=None, leave=False, unit="row") as progress:
            for done, progress.total, corrected in rebuild():
                progress.update(done - progress.n)
                total += corrected
        self.stdout.write(f"Corrected dispatches and ratings: {total}.")

    def days(self, first, last):
        """The days with ratings, and those that have figures."""
        stored = DailyScore.objects.filter(day__range=(first, min(last, day_of(timezone.now()))))
        days = set(stored.values_list("day", flat=True)) | set(known_days(first, last))
        return sorted(days)
