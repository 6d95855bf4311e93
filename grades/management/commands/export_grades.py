"""Export ratings to a file, with the filters of the back office as options."""

import getpass
import os
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from tqdm import tqdm

from grades.database.routers import from_readers
from grades.database.streaming import streaming_alias
from grades.exports import FORMATS, About, has_pyarrow, is_disk_full, ratings_table, write_export
from grades.management.interrupts import stops_on_interrupt
from grades.models import Grade, clean_number

PARQUET = "parquet"
FILTERS = ("review", "lowest", "remarks", "from", "to", "number")


class Command(BaseCommand):
    help = "Exports the ratings that match all options, newest first, each with its dispatch: .csv, .xlsx or .parquet."

    def add_arguments(self, parser):
        parser.add_argument(
            "output", type=Path, help="the file to write, .csv, .xlsx or .parquet; it must not exist yet"
        )
        parser.add_argument("--review", choices=Grade.ReviewState.values, help="only ratings in this review state")
        lowest = range(settings.GRADE_MIN, settings.GRADE_MAX)
        parser.add_argument("--lowest", type=int, choices=lowest, help="only ratings with a grade of this or less")
        parser.add_argument("--remarks", choices=["yes", "no"], help="only ratings with, or without, remarks")
        parser.add_argument("--from", type=date.fromisoformat, metavar="DAY", help="submitted on this day or later")
        parser.add_argument("--to", type=date.fromisoformat, metavar="DAY", help="submitted on this day or earlier")
        parser.add_argument("--number", help="only ratings of this account number")
        parser.add_argument(
            "--language",
            choices=[code for code, _name in settings.LANGUAGES],
            default=settings.LANGUAGE_CODE,
            help=f"the language of headings and states ({settings.LANGUAGE_CODE})",
        )

    def handle(self, *, output, language, **options):
        file_format = output.suffix.removeprefix(".")
        if file_format not in (*dict(FORMATS), PARQUET):
            raise CommandError(_("The name of the file must end in .csv, .xlsx or .parquet."))
        if file_format == PARQUET and not has_pyarrow():
            raise CommandError(_("Parquet needs pyarrow, which is not installed. Run bin/setup --parquet."))
        if output.exists():
            raise CommandError(_("%(file)s exists already.") % {"file": output})
        filters = {name: options[name] for name in FILTERS if options[name] is not None}
        queryset = narrow(Grade.objects.all(), **filters)
        about = About(filter="; ".join(f"{name} {value}" for name, value in filters.items()), slug="", by=user_name())
        temporary = output.with_name(f".{output.name}.{os.getpid()}")
        with translation.override(language), stops_on_interrupt(self, lambda: _("Stopped. Nothing was written.")):
            try:
                count = self.write(temporary, queryset, about, file_format)
                if count:
                    temporary.rename(output)
            except OSError as error:
                text = _("The disk is full.") if is_disk_full(error) else str(error)
                raise CommandError(f"{output}: {text}") from error
            finally:
                temporary.unlink(missing_ok=True)
        if not count:
            raise CommandError(_("No rating matches. Nothing was written."))
        message = _("Ratings: %(count)s. %(file)s holds personal data of customers: keep it safe.")
        self.stdout.write(message % {"count": f"{count:,}", "file": output})

    def write(self, path, queryset, about, file_format):
        """Write a file that only its owner may read; returns the number of rows."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with from_readers():
            total = queryset.count()
        # disable=None: no bar without a terminal
        with tqdm(total=total, file=sys.stderr, disable=None, leave=False) as bar, streaming_alias() as alias:

            def report(count):
                bar.update(count - bar.n)

            table = ratings_table(queryset, moments=file_format == PARQUET)
            return write_export(table, about, file_format, path, expected=total, report=report, using=alias)


def narrow(queryset, review=None, lowest=None, remarks=None, number=None, **days):
    """The ratings that match all options, by the filters of the back office."""
    if review:
        queryset = queryset.filter(review_state=review)
    if lowest is not None:
        queryset = queryset.at_or_below(lowest)
    if remarks:
        queryset = queryset.filter(has_remarks__in=[remarks == "yes"])
    if first := days.get("from"):
        queryset = queryset.filter(insert_time__gte=start_of(first))
    if last := days.get("to"):
        queryset = queryset.filter(insert_time__lt=start_of(last + timedelta(days=1)))
    return queryset.of_account(clean_number(number)) if number else queryset


def start_of(day):
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


def user_name():
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())
