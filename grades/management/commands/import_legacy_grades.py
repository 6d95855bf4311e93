"""Import the ratings that the original program stored in its table `grade`."""

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations
from django.utils import timezone
from tqdm import tqdm

from grades.imports import ImportFailed
from grades.imports.legacy import RUN_AGAIN, LegacyResult, Rejects, import_ratings, open_source
from grades.management.interrupts import stops_on_interrupt


class Command(BaseCommand):
    help = (
        "Imports ratings from the original program's table, or from a CSV file of it. It can be interrupted and run "
        "again: ratings that are stored already are skipped."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--from",
            dest="source",
            required=True,
            help="mysql://user:password@host:port/name, or a .csv file with the table's columns as headings; "
            "mysql:///name?read_default_file=/path/to/my.cnf keeps the password out of the list of processes",
        )
        parser.add_argument("--table", default="grade", help="the table to read (default: grade)")
        parser.add_argument(
            "--timezone",
            dest="zone",
            default=settings.TIME_ZONE,
            help=f"of insert_time (default: {settings.TIME_ZONE})",
        )
        parser.add_argument(
            "--rejects", type=Path, help="the file for refused rows (default: var/legacy-rejects-<time>.csv)"
        )
        parser.add_argument("--batch", type=int, default=1000, help="rows in one transaction (default: 1000)")
        parser.add_argument("--dry-run", action="store_true", help="read and check everything, add nothing")

    @no_translations  # the reasons are those of the wire contract, which are English
    def handle(self, *, source, table, zone, rejects, batch, dry_run, **options):
        try:
            zone = ZoneInfo(zone)
        except (LookupError, ValueError, OSError) as error:
            raise CommandError(f"--timezone: {zone} is not known; write it like Asia/Shanghai.") from error
        if not 1 <= batch <= 10_000:
            raise CommandError("--batch must be from 1 to 10000.")
        rejects = rejects_path(rejects, source)
        result = LegacyResult()

        def stopped():
            if dry_run:
                return "Stopped. Nothing was imported."
            return f"Stopped after {result.read} rows, {result.added} of them added. {RUN_AGAIN}"

        with stops_on_interrupt(self, stopped):
            try:
                with open_source(source, table) as opened, Rejects(rejects, opened.columns) as refused:
                    # disable=None: no bar without a terminal
                    with tqdm(total=opened.total, file=sys.stderr, disable=None, leave=False) as bar:
                        for result in import_ratings(opened, zone, refused, batch_size=batch, dry_run=dry_run):
                            bar.update(result.read - bar.n)
            except ImportFailed as error:
                raise CommandError(str(error)) from error
            self.stdout.write(
                f"read {result.read}, {'to be ' if dry_run else ''}added {result.added}, "
                f"already there {result.already_stored}, rejected {result.rejected}"
                + (f" (see {rejects})" if result.rejected else "")
            )


def rejects_path(path, source):
    """The path of the file for refused rows: `path`, or a new one in VAR_DIR."""
    if path is None:
        return settings.VAR_DIR / f"legacy-rejects-{timezone.localtime():%Y%m%d-%H%M%S}.csv"
    if not path.parent.is_dir():
        raise CommandError(f"--rejects: {path.parent} is not a folder.")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise CommandError("--rejects names the file that is to be read.")
    return path
