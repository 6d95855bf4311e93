"""Import the ratings that the original program stored in its table `grade`.

An import can be interrupted and run again: every row has an id made of its content, so a row that is stored
already is recognised.
"""

import csv
import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import dj_database_url
from django.db import DatabaseError, transaction

from ..models import CONTENT, Grade
from ..reader.tables import Table
from ..submissions.validate import SubmissionError, validate
from .files import open_table
from .process import COMMAND
from .refusals import ImportFailed

REMARKS = ("txt1", "txt2", "txt3")
REQUIRED = ("acc_nbr", "grade1", "grade2", "grade3", "insert_time")
NULLS = ("NULL", r"\N")  # MySQL's own tools write NULL into a file like this
TIME = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?", re.ASCII)
# Part of every id that an import has made: with another namespace, the next run would add all rows again.
NAMESPACE = uuid.UUID("0d3b5f0e-6a52-4c6b-9f0c-3d6f1e1f7f52")
RUN_AGAIN = "Run the same command again: stored ratings are skipped, the others are added."


@dataclass
class Source:
    """The rows of a legacy table, from a database or a file.

    `rows` yields (number, cells in the order of `columns`); a cell is None for NULL. `grouped` is true if
    rows of the same insert_time follow one another. `zone` is the time zone of insert_time, None if the
    operator must name it.
    """

    columns: list[str]
    total: int
    rows: Iterable[tuple[int, Sequence[Any]]]
    grouped: bool
    zone: tzinfo | None = None


@dataclass
class LegacyResult:
    """The numbers of rows that were read, added (in a dry run: to be added) and rejected."""

    read: int = 0
    added: int = 0
    rejected: int = 0

    @property
    def already_stored(self) -> int:
        return self.read - self.added - self.rejected


def import_ratings(
    source: Source, zone: tzinfo, rejects: "Rejects", *, batch_size: int = 1000, dry_run: bool = False
) -> Iterator[LegacyResult]:
    """Import the ratings of `source` in transactions of `batch_size` rows; yields the result so far after each.

    `zone` is the time zone of insert_time if the source has none. Raises ImportFailed.
    """
    result = LegacyResult()
    ratings = read_ratings(source, source.zone or zone, rejects)
    try:
        while batch := list(islice(ratings, batch_size)):
            added = store([rating for rating in batch if rating], dry_run)
            result.read += len(batch)
            result.added += added
            result.rejected = rejects.count
            yield result
    except DatabaseError as error:
        # The code and not the message: a driver may quote a customer's text in the message.
        reason = f"{type(error).__name__} {error.args[:1]}"
        raise ImportFailed(f"The site's database failed after {result.read} rows: {reason}. {RUN_AGAIN}") from error


# --- From a row to a rating -----------------------------------------------------------------------


def read_ratings(source: Source, zone: tzinfo, rejects: "Rejects") -> Iterator[Grade | None]:
    """A rating, not yet stored, for each row of the source; None for a row that went to `rejects`.

    Its id is made of its content, its time and the number of equal rows before it, so another run gives the
    same ids. Equal rows are real: the original program stored duplicates.
    """
    seen: Counter[bytes] = Counter()
    latest = None
    for number, cells in source.rows:
        row = dict(zip((column.casefold() for column in source.columns), cells, strict=False))
        try:
            content, insert_time = check(row)
            aware = insert_time.replace(tzinfo=zone).astimezone(UTC)
        except (SubmissionError, ValueError) as refusal:
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


def check(row: dict[str, Any]) -> tuple[dict[str, Any], datetime]:
    """The content of a rating by the contract of /score, and its naive local time.

    Raises SubmissionError or ValueError with the field at fault and the reason.
    """
    content = validate({name: plain(row.get(name)) for name in CONTENT})
    if row.get("insert_time") is None:
        raise ValueError("insert_time: required")
    insert_time = to_time(row["insert_time"])
    if insert_time is None:
        raise ValueError("insert_time: must be like 2026-11-01 08:30:00")
    if not 1970 <= insert_time.year <= 2099:
        raise ValueError("insert_time: out of range")
    return {name: content[name] for name in CONTENT}, insert_time


def plain(value: Any) -> Any:
    """A value of any column type as the contract accepts it; other values are returned unchanged."""
    if isinstance(value, Decimal | float) and value == value // 1:
        return int(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def to_time(value: Any) -> datetime | None:
    """The naive datetime in a cell, or None."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    match = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    microsecond = int((match[7] or "").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 - its zone comes later
    except ValueError:
        return None


def store(ratings: list[Grade], dry_run: bool) -> int:
    """Add the ratings that are not stored yet, in one transaction; returns their number."""
    with transaction.atomic():
        ids = Grade.objects.filter(submission_id__in=[rating.submission_id for rating in ratings])
        stored = set(ids.values_list("submission_id", flat=True))
        new = [rating for rating in ratings if rating.submission_id not in stored]
        if not dry_run:
            Grade.objects.bulk_create(new)
    return len(new)


# --- Sources --------------------------------------------------------------------------------------


def open_source(location: str, table: str) -> AbstractContextManager[Source]:
    """The source at a mysql:// URL, with the name of its table, or in a CSV file. Raises ImportFailed."""
    return mysql_source(location, table) if "://" in location else csv_source(Path(location))


def check_columns(columns: list[str], where: str) -> None:
    """Refuse a table that the original program did not make."""
    names = {column.casefold() for column in columns}
    if "submission_id" in names:
        raise ImportFailed(f"{where} is a table of this site, not of the original program: name another one.")
    if missing := [column for column in REQUIRED if column not in names]:
        raise ImportFailed(f"{where} has no column {', '.join(missing)}.")


@contextmanager
def csv_source(path: Path) -> Iterator[Source]:
    if path.suffix.casefold() not in {".csv", ".txt"}:
        raise ImportFailed(f"{path}: only .csv files can be read, or mysql://user:password@host:port/name.")
    known = {*REQUIRED, *REMARKS}

    def rows() -> Iterator[tuple[int, list[Any]]]:
        with errors_of(path):
            for number, cells in table.rows():
                yield number, [None if cell in NULLS else cell for cell in cells]

    with errors_of(path):
        file = path.open("rb")
    with file, ExitStack() as stack:
        with errors_of(path):
            table = stack.enter_context(open_table(file, path.name, known, COMMAND))
        check_columns(table.headings, str(path))
        place = [heading.casefold() for heading in table.headings].index("insert_time")
        with errors_of(path):
            total, grouped = survey(table, place)
        yield Source(table.headings, total, rows(), grouped)


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Put the name of the file before the messages of its errors."""
    try:
        yield
    except OSError as error:
        raise ImportFailed(f"{path}: {error.strerror}") from error
    except ImportFailed as error:
        raise ImportFailed(f"{path}: {error}") from error


def survey(table: Table, place: int) -> tuple[int, bool]:
    """The number of rows in a file, and whether they are sorted by the time in column `place`, either way."""
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
def mysql_source(url: str, table: str) -> Iterator[Source]:
    if not re.fullmatch(r"[0-9A-Za-z_$]{1,64}", table):
        raise ImportFailed("--table must be the name of a table: letters, digits, _ and $.")
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise ImportFailed("--from must be like mysql://user:password@host:port/name.") from error
    if not config["ENGINE"].endswith(".mysql") or not config["NAME"]:
        raise ImportFailed("--from must be like mysql://user:password@host:port/name.")
    try:
        import MySQLdb
        from MySQLdb.constants import FIELD_TYPE
        from MySQLdb.cursors import SSCursor
    except ImportError as error:
        raise ImportFailed("Reading from MySQL needs mysqlclient; see `make setup`.") from error
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "database": "NAME"}
    arguments = {name: config[key] for name, key in names.items() if config[key]}
    try:
        connection = MySQLdb.connect(
            **{"connect_timeout": 10, **arguments, **config.get("OPTIONS", {}), "charset": "utf8mb4"}
        )
    except (MySQLdb.Error, TypeError) as error:  # TypeError: an unknown option
        raise ImportFailed(f"--from: {error.args[-1]}") from error
    try:
        cursor = connection.cursor()
        # A TIMESTAMP column arrives in the session's zone; a DATETIME column as it was stored.
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute("SET net_write_timeout = 3600")  # the server waits while a batch is written
        cursor.execute(f"SELECT COUNT(*) FROM `{table}`")  # noqa: S608 - checked above
        (total,) = cursor.fetchone()
        # Unbuffered: otherwise the client would hold the whole table in memory.
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
            # A text column sorts by its collation, which treats some different texts as equal and mixes them.
            grouped=kind in {FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE},
            zone=UTC if kind == FIELD_TYPE.TIMESTAMP else None,
        )
    except MySQLdb.Error as error:
        raise ImportFailed(f"The source database says: {error.args[-1]}. {RUN_AGAIN}") from error
    finally:
        connection.close()  # closing the cursor would read all remaining rows


# --- Refused rows ---------------------------------------------------------------------------------


class Rejects:
    """The file of refused rows, created with the first of them and readable only by its owner.

    Its columns are those of the source, so that a corrected file can be imported, and the number of the row
    and the reason. It holds customers' texts: open it as text, not in a spreadsheet.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        self.path, self.columns = path, columns
        self.count = 0
        self.file: IO[str] | None = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.file:
            with errors_of(self.path):
                self.file.close()

    def add(self, number: int, cells: Sequence[Any], reason: str) -> None:
        if not self.file:
            self.open()
        width = len(self.columns)
        cells = [cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in cells[:width]]
        with errors_of(self.path):
            self.writer.writerow([*cells, *[""] * (width - len(cells)), number, reason])
        self.count += 1

    def open(self) -> None:
        with errors_of(self.path):
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            os.fchmod(descriptor, 0o600)  # the file may have existed before
        self.file = os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow([*self.columns, "row", "reason"])
