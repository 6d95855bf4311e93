"""Take over the ratings that the original program stored in its table `grade`."""

import csv
import json
import os
import re
import sys
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import dj_database_url
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import DatabaseError, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from tqdm import tqdm

from grades.imports.files import ImportFailed, open_table
from grades.models import Grade
from grades.serializers import SubmissionSerializer

REMARKS = ("txt1", "txt2", "txt3")
REQUIRED = ("acc_nbr", "grade1", "grade2", "grade3", "insert_time")
NULLS = ("NULL", r"\N")  # how MySQL's own tools write NULL into a file
TIME = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?", re.ASCII)
# Part of every id that an import has given: with another one, the next run would add all rows again.
NAMESPACE = uuid.UUID("0d3b5f0e-6a52-4c6b-9f0c-3d6f1e1f7f52")
RUN_AGAIN = "Run the same command again: what is stored already stays as it is, and the rest is added."


@dataclass
class Source:
    """Where ratings come from.

    `rows` yields (number, cells in the order of `columns`), a cell being None where there is none.
    `grouped` says that rows of the same insert_time follow one another. `zone` is the time zone of
    insert_time, None where it is the operator's to say.
    """

    columns: list[str]
    total: int
    rows: Iterable[tuple[int, list]]
    grouped: bool
    zone: object = None


class Command(BaseCommand):
    help = (
        "Takes over ratings from the original program's table, or from a CSV file of it. It may be interrupted and "
        "run again: what is stored already stays as it is."
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
        opened = mysql_source(source, table) if "://" in source else csv_source(Path(source))
        with opened as source, Rejects(rejects, source.columns) as rejects:
            self.take_over(source, zone, rejects, batch, dry_run)

    def take_over(self, source, zone, rejects, batch_size, dry_run):
        read = added = 0
        grades = read_grades(source, source.zone or zone, rejects)
        # disable=None: no bar unless someone watches
        with tqdm(total=source.total, file=sys.stderr, disable=None, leave=False) as bar:
            try:
                while batch := list(islice(grades, batch_size)):
                    added += store([grade for grade in batch if grade], dry_run)
                    read += len(batch)
                    bar.update(len(batch))
            except KeyboardInterrupt:
                raise CommandError(f"Interrupted after {read} rows. {RUN_AGAIN}") from None
            except DatabaseError as error:
                # The code and not the message, in which a driver may quote what a customer wrote.
                reason = f"{type(error).__name__} {error.args[:1]}"
                raise CommandError(f"The site's database failed after {read} rows: {reason}. {RUN_AGAIN}") from error
        there = read - added - rejects.count
        summary = f"read {read}, {'to be ' if dry_run else ''}added {added}, already there {there}, "
        self.stdout.write(summary + f"rejected {rejects.count}" + (f" (see {rejects.path})" if rejects.count else ""))


# --- Rows to ratings ------------------------------------------------------------------------------


def read_grades(source, zone, rejects):
    """A Grade, not yet stored, for each row of the source; None for a row that went to `rejects`.

    The id of each is made of its content and time, and of how many equal rows came before it: another
    run gives the same ids. Equal rows are real: the original program kept what was sent twice.
    """
    contract = SubmissionSerializer()  # one for all rows: making one takes longer than using it
    seen, latest = Counter(), None
    for number, cells in source.rows:
        row = dict(zip((column.casefold() for column in source.columns), cells, strict=False))
        try:
            content, insert_time = check(contract, row)
            aware = insert_time.replace(tzinfo=zone).astimezone(UTC)
        except ValueError as refusal:
            rejects.add(number, cells, str(refusal))
            yield None
            continue
        if source.grouped and insert_time != latest:
            seen.clear()  # no equal row can follow, and ten million digests would fill the memory
            latest = insert_time
        # The time as the source states it: a run with another --timezone must not add every row again.
        key = uuid.uuid5(NAMESPACE, json.dumps([*content.values(), insert_time.isoformat()]))
        submission_id = uuid.uuid5(key, str(seen[key.bytes]))
        seen[key.bytes] += 1
        yield Grade(submission_id=submission_id, insert_time=aware, **content)


def check(contract, row):
    """The content of a rating by the contract of /score, and its naive local time; ValueError says why not."""
    given = {name: plain(row.get(name)) for name in Grade.CONTENT}
    try:
        content = contract.run_validation({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        field, reasons = next(iter(error.detail.items()))
        raise ValueError(f"{field}: {reasons[0]}") from error
    if row.get("insert_time") is None:
        raise ValueError("insert_time: required")
    insert_time = to_time(row["insert_time"])
    if insert_time is None:
        raise ValueError("insert_time: must be like 2026-11-01 08:30:00")
    if not 1970 <= insert_time.year <= 2099:
        raise ValueError("insert_time: out of range")
    return {name: content[name] for name in Grade.CONTENT}, insert_time


def plain(value):
    """A value of any column type, as the contract takes it; what it does not take stays as it is."""
    if isinstance(value, Decimal | float) and value == value // 1:
        return int(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def to_time(value):
    """The naive datetime that a cell means, or None."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    match = isinstance(value, str) and TIME.fullmatch(value.strip())
    if not match:
        return None
    *parts, fraction = match.groups()
    try:
        return datetime(*map(int, parts), int((fraction or "").ljust(6, "0")))  # noqa: DTZ001 - its zone comes later
    except ValueError:
        return None


def store(grades, dry_run):
    """Add the ratings that are not stored yet, in one transaction; returns how many."""
    with transaction.atomic():
        ids = Grade.objects.filter(submission_id__in=[grade.submission_id for grade in grades])
        stored = set(ids.values_list("submission_id", flat=True))
        new = [grade for grade in grades if grade.submission_id not in stored]
        if not dry_run:
            Grade.objects.bulk_create(new)
    return len(new)


# --- Sources --------------------------------------------------------------------------------------


def check_columns(columns, where):
    """Refuse a source that the original program did not make."""
    names = {column.casefold() for column in columns}
    if "submission_id" in names:
        raise CommandError(f"{where} is a table of this site, not of the original program: name another one.")
    if missing := [column for column in REQUIRED if column not in names]:
        raise CommandError(f"{where} has no column {', '.join(missing)}.")


@contextmanager
def csv_source(path):
    if path.suffix.casefold() not in {".csv", ".txt"}:
        raise CommandError(f"{path}: only .csv files can be read, or mysql://user:password@host:port/name.")
    known = {*REQUIRED, *REMARKS}
    try:
        with path.open("rb") as file:
            table = open_table(file, path.name, lambda heading: heading.casefold() in known)
            check_columns(table.headings, path)
            place = [heading.casefold() for heading in table.headings].index("insert_time")
            total, grouped = survey(table, place)
            rows = ((number, [None if cell in NULLS else cell for cell in cells]) for number, cells in table.rows())
            yield Source(table.headings, total, rows, grouped)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except ImportFailed as error:
        raise CommandError(f"{path}: {error}") from error


def survey(table, place):
    """How many rows a file has, and whether they are in the order of their times, either way."""
    total, ascending, descending, latest = 0, True, True, None
    for _number, cells in table.rows():
        total += 1
        current = to_time(cells[place]) if place < len(cells) else None
        if current and latest:
            ascending = ascending and latest <= current
            descending = descending and latest >= current
        latest = current or latest
    return total, ascending or descending


@contextmanager
def mysql_source(url, table):
    if not re.fullmatch(r"[0-9A-Za-z_$]{1,64}", table):
        raise CommandError("--table must be the name of a table: letters, digits, _ and $.")
    try:
        config = dj_database_url.parse(url)
    except ValueError as error:
        raise CommandError("--from must be like mysql://user:password@host:port/name.") from error
    if not config["ENGINE"].endswith(".mysql") or not config["NAME"]:
        raise CommandError("--from must be like mysql://user:password@host:port/name.")
    try:
        import MySQLdb
        from MySQLdb.constants import FIELD_TYPE
        from MySQLdb.cursors import SSCursor
    except ImportError as error:
        raise CommandError("Reading from MySQL needs mysqlclient; see `make setup`.") from error
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "database": "NAME"}
    arguments = {name: config[key] for name, key in names.items() if config[key]}
    try:
        connection = MySQLdb.connect(
            **{"connect_timeout": 10, **arguments, **config.get("OPTIONS", {}), "charset": "utf8mb4"}
        )
    except (MySQLdb.Error, TypeError) as error:  # TypeError: an option that there is not
        raise CommandError(f"--from: {error.args[-1]}") from error
    try:
        cursor = connection.cursor()
        # A TIMESTAMP column comes in the session's zone; a DATETIME column comes as it was stored.
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute("SET net_write_timeout = 3600")  # the server waits while a batch is written
        cursor.execute(f"SELECT COUNT(*) FROM `{table}`")  # noqa: S608 - checked above
        (total,) = cursor.fetchone()
        # Unbuffered: the rows stay with the server until they are asked for.
        cursor = connection.cursor(SSCursor)
        cursor.execute(f"SELECT * FROM `{table}` LIMIT 0")  # noqa: S608
        columns = [column[0] for column in cursor.description]
        types = {column[0].casefold(): column[1] for column in cursor.description}
        cursor.close()
        check_columns(columns, f"`{table}`")
        kind = types["insert_time"]
        cursor = connection.cursor(SSCursor)
        cursor.execute(f"SELECT * FROM `{table}` ORDER BY insert_time")  # noqa: S608
        yield Source(
            columns,
            total,
            enumerate(cursor, 1),
            # Text sorts by its collation, which takes different texts for equal and mixes them.
            grouped=kind in {FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE},
            zone=UTC if kind == FIELD_TYPE.TIMESTAMP else None,
        )
    except MySQLdb.Error as error:
        raise CommandError(f"The source database says: {error.args[-1]}. {RUN_AGAIN}") from error
    finally:
        connection.close()  # closing the cursor would read all that is left


# --- Rows that are refused ------------------------------------------------------------------------


def rejects_path(path, source):
    if path is None:
        return settings.VAR_DIR / f"legacy-rejects-{timezone.localtime():%Y%m%d-%H%M%S}.csv"
    if not path.parent.is_dir():
        raise CommandError(f"--rejects: {path.parent} is no folder.")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise CommandError("--rejects names the file that is to be read.")
    return path


class Rejects:
    """The file of refused rows: made when the first comes, readable by its owner alone.

    Its columns are the source's, as they are there, so that a corrected file can be imported; and the
    number of the row and the reason. Customers wrote what is in it: open it as text.
    """

    def __init__(self, path, columns):
        self.path, self.columns = path, columns
        self.count = 0
        self.file = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if self.file:
            self.file.close()

    def add(self, number, cells, reason):
        if not self.file:
            self.open()
        width = len(self.columns)
        cells = [cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in cells[:width]]
        self.writer.writerow([*cells, *[""] * (width - len(cells)), number, reason])
        self.count += 1

    def open(self):
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            os.fchmod(descriptor, 0o600)  # a file of that name may have been there
        except OSError as error:
            raise CommandError(f"{self.path}: {error.strerror}") from error
        self.file = os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow([*self.columns, "row", "reason"])
