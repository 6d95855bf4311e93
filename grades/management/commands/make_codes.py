"""Make codes for dispatches: a sheet of cards to print, or a list for other programs."""

import os
import re
import sys
from datetime import date
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from grades.codes import (
    SHEET_CARDS,
    CodesFailed,
    available_kinds,
    csv_list,
    make_cards,
    select_dispatches,
    sheet_chunks,
    xlsx_list,
)
from grades.management.interrupts import stops_on_interrupt
from grades.models import ACC_NBR_LENGTH, Account, clean_number, is_empty

LIST_ROWS = 1_000_000  # of a worksheet
NUMBERS_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


def day(text: str) -> date:
    return date.fromisoformat(text)


class Command(BaseCommand):
    help = "Makes codes for the dispatches that match all options: a sheet to print (.html), or a list (.csv, .xlsx)."

    def add_arguments(self, parser):
        parser.add_argument("output", type=Path, help="the file to write: .html, .csv or .xlsx; it must not exist yet")
        parser.add_argument("--area", help="only dispatches of this area")
        parser.add_argument("--from", type=day, dest="first", metavar="DAY", help="dispatched on this day or later")
        parser.add_argument("--to", type=day, dest="last", metavar="DAY", help="dispatched on this day or earlier")
        parser.add_argument("--unrated", action="store_true", help="only numbers without a rating since the dispatch")
        parser.add_argument(
            "--numbers", type=Path, metavar="FILE", help="only these account numbers: a text file, one on each line"
        )
        parser.add_argument("--kind", choices=["wechat", "link"], help="mini program codes, or QR codes of links")
        parser.add_argument(
            "--env-version",
            choices=["release", "trial", "develop"],
            default="release",
            help="the version of the mini program that its codes open (release)",
        )
        parser.add_argument(
            "--language",
            choices=[code for code, _name in settings.LANGUAGES],
            default=settings.LANGUAGE_CODE,
            help=f"the language of the cards ({settings.LANGUAGE_CODE})",
        )

    def handle(self, *, output, area, first, last, unrated, numbers, kind, env_version, language, **options):
        if output.suffix not in (".html", ".csv", ".xlsx"):
            raise CommandError(_("The name of the file must end in .html, .csv or .xlsx."))
        if output.exists():
            raise CommandError(_("%(file)s exists already.") % {"file": output})
        kind = choose_kind(kind)
        dispatches = Account.objects.dispatched_between(first, last)
        if area is not None:
            dispatches = dispatches.filter(area=area)
        chosen = select_dispatches(dispatches, read_numbers(numbers) if numbers else None, unrated)
        with stops_on_interrupt(self, lambda: _("Stopped. Nothing was written.")) as ignore_interrupts:
            rows = bounded(chosen, SHEET_CARDS[kind] if output.suffix == ".html" else LIST_ROWS)
            # disable=None: no bar without a terminal
            with tqdm(rows, file=sys.stderr, disable=None, leave=False) as bar:
                cards = make_cards(bar)
                if output.suffix == ".html":
                    chunks = (text.encode() for text in sheet_chunks(cards, kind, language, env_version))
                else:
                    chunks = csv_list(cards) if output.suffix == ".csv" else xlsx_chunks(cards)
                try:
                    write_file(output, chunks, ignore_interrupts)
                except OSError as error:
                    raise CommandError(f"{output}: {error.strerror}") from error
                except CodesFailed as error:
                    raise CommandError(str(error)) from error
        message = _("Codes: %(count)d. %(file)s holds names of customers: keep it safe.")
        self.stdout.write(message % {"count": len(rows), "file": output})


def choose_kind(kind):
    """The kind of codes that is asked for, or the better one; raises CommandError for one without its setting."""
    kinds = available_kinds()
    if kind is None and kinds:
        return kinds[0]
    if kind in kinds:
        return kind
    if kind == "wechat":
        raise CommandError(_("Mini program codes need the settings WECHAT_APPID and WECHAT_SECRET."))
    raise CommandError(_("Codes need the setting PUBLIC_URL, or WECHAT_APPID and WECHAT_SECRET."))


def bounded(chosen, limit):
    """The dispatches, by area, the newest first in each; raises CommandError for none and for more than `limit`."""
    rows = list(islice(chosen, limit + 1))
    if not rows:
        raise CommandError(_("No dispatch matches. Nothing was written."))
    if len(rows) > limit:
        raise CommandError(
            _("More than %(limit)d dispatches match. Choose fewer by --area, --from and --to, or make a list (.csv).")
            % {"limit": limit}
        )
    return sorted(rows, key=lambda dispatch: dispatch.area)


def read_numbers(path):
    """The account numbers in a text file; raises CommandError with the line of the first that is none."""
    try:
        with path.open("rb") as file:
            content = file.read(NUMBERS_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    if len(content) > NUMBERS_BYTES:
        raise CommandError(_("The file of numbers is larger than %(limit)d MB.") % {"limit": NUMBERS_BYTES >> 20})
    numbers = set()
    # utf-8-sig: Windows' editor writes a byte order mark.
    for line, text in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1):
        if number := clean_number(text):
            if len(number) > ACC_NBR_LENGTH or not re.fullmatch(settings.ACC_NBR_PATTERN, number) or is_empty(number):
                raise CommandError(_("Line %(line)d of the file is not an account number.") % {"line": line})
            numbers.add(number)
    return numbers


def xlsx_chunks(cards):
    with xlsx_list(cards) as workbook:
        while chunk := workbook.read(CHUNK_BYTES):
            yield chunk


def write_file(path, chunks, before_commit):
    """Write a file that only its owner may read; it has its name only when it is complete."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(chunks)
        before_commit()
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
