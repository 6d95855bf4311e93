"""Import a dispatch list (派单) from an XLSX or CSV file."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from grades.imports import ImportFailed, import_accounts
from grades.management.interrupts import stops_on_interrupt


class Command(BaseCommand):
    help = "Imports a dispatch list from an .xlsx or .csv file: all of its rows or none."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="check the file and count, write nothing")

    def handle(self, *, file, dry_run, **options):
        with stops_on_interrupt(self, lambda: _("Stopped. Nothing was imported.")) as ignore_interrupts:
            result = self.read(file, dry_run, ignore_interrupts)
            if result.error_count:
                self.report(result)
            if result.cut_off_count:
                text = _("Numbers that look incomplete: %(count)d, in rows %(rows)s. A mobile number has 11 digits.")
                self.stderr.write(text % {"count": result.cut_off_count, "rows": result.cut_off_rows()})
            counts = {"created": result.created, "updated": result.updated, "unchanged": result.unchanged}
            if dry_run:
                message = _("To be added: %(created)d; to be changed: %(updated)d; unchanged: %(unchanged)d.")
            else:
                message = _("Added: %(created)d; changed: %(updated)d; unchanged: %(unchanged)d.")
            self.stdout.write(message % counts)

    def read(self, file, dry_run, before_commit):
        """Import the file with a progress bar; returns the ImportResult."""
        # disable=None: no bar without a terminal
        with tqdm(file=sys.stderr, disable=None, leave=False) as bar:

            def progress(done, total):
                bar.total = total
                bar.update(done - bar.n)

            try:
                with file.open("rb") as rows:
                    return import_accounts(
                        rows, file.name, dry_run=dry_run, progress=progress, before_commit=before_commit
                    )
            except OSError as error:
                raise CommandError(f"{file}: {error.strerror}") from error
            except ImportFailed as error:
                raise CommandError(str(error)) from error

    def report(self, result):
        """Write the errors of the rows and end the command."""
        for error in result.errors:
            place = _("row %(row)d, %(column)s") if error.column else _("row %(row)d")
            self.stderr.write(place % {"row": error.row, "column": error.column} + f": {error.message}")
        if result.error_count > len(result.errors):
            self.stderr.write(_("… and %(count)d more.") % {"count": result.error_count - len(result.errors)})
        if result.stopped:
            raise CommandError(
                _("More than %(count)d errors. Nothing was imported, and the rest of the file was not checked.")
                % {"count": result.error_count}
            )
        raise CommandError(
            _("Errors: %(count)d. Nothing was imported: correct the file and import it again.")
            % {"count": result.error_count}
        )
