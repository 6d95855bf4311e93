"""Import a dispatch list (派单): check the rows of a file and store all of them or none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import IO, Any, TypeAlias

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import Account, DailyScore, normal_number
from ..models.coverage import rewind
from ..models.figures import days_rated
from ..reader.tables import Table, is_blank
from .cells import ValueRefused, clean
from .files import open_table
from .headings import find_columns, known_headings
from .process import COMMAND, Limits
from .refusals import ImportFailed

KEY = ("acct_id", "dispatched_on")
OTHERS = ("acc_nbr", "customer_name", "area", "product", "pay_type", "state", "monthly_fee")

BATCH = 1000
ERRORS_KEPT = 100
ERRORS_COUNTED = 1000

Values: TypeAlias = dict[str, Any]
AddError: TypeAlias = Callable[[int, str, str], None]


@dataclass
class RowError:
    """An error in one row of a file.

    `row` is the row number that a spreadsheet shows. `column` is the heading as the file spells it, "" for
    the whole row. `message` is translated and quotes at most 40 characters.
    """

    row: int
    column: str
    message: str


@dataclass
class ImportResult:
    """The numbers of rows that were added, changed and already the same; after a dry run, that would be.

    With any error nothing is written and these three are 0. `errors` keeps the first 100 of
    `error_count`. With more than 1,000 errors `stopped` is true: the rest of the file was not checked.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    error_count: int = 0
    dry_run: bool = False
    stopped: bool = False

    def add_error(self, row: int, column: str, message: str) -> None:
        if self.error_count == ERRORS_COUNTED:
            self.stopped = True
            return
        self.error_count += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(RowError(row, column, message))


def import_accounts(
    file: IO[bytes],
    name: str,
    *,
    limits: Limits = COMMAND,
    dry_run: bool = False,
    progress: Callable[[int, int], object] | None = None,
    before_commit: Callable[[], object] | None = None,
) -> ImportResult:
    """Import the dispatch list in `file`, an open seekable binary file; `name` is its name on its owner's computer.

    A row is identified by its acct_id and dispatch date: it is added, or changed if it differs, or left as
    it is. All rows are written in one transaction. With an error in any of them, or with `dry_run`, nothing
    is written.

    `progress(done, total)` is called every thousand rows. Each row counts once when it is checked and once
    when it is written; `total` is an estimate until all are checked. `before_commit()` is called when all
    rows are written and only the commit is left.

    Raises ImportFailed if the file cannot be used as a whole, or if another writer makes the database refuse.
    """
    with open_table(file, name, known_headings(), limits) as table:
        return import_table(table, dry_run=dry_run, progress=progress, before_commit=before_commit)


def import_table(
    table: Table,
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], object] | None = None,
    before_commit: Callable[[], object] | None = None,
) -> ImportResult:
    """Import the rows of a table; see import_accounts."""
    places = find_columns(table.headings, known_headings())
    result = ImportResult(dry_run=dry_run)
    total = 2 * table.size

    # The file is read twice: in between, memory holds the keys of a large file and not its rows.
    checked = check_rows(table, places, result)
    done = 0
    while size := sum(1 for _row in islice(checked, BATCH)):
        done += size
        if progress:
            progress(min(done, total), total)
    if not done:
        raise ImportFailed(_("There are no rows below the heading."))
    total = 2 * done
    if result.error_count:
        return result
    try:
        with transaction.atomic():
            rows = (values for _number, values in read_rows(table, places, refuse_changed_file) if values)
            begun, days = timezone.now(), set()
            while batch := list(islice(rows, BATCH)):
                since = store(batch, result)
                Account.objects.recount(since)
                days |= days_rated(since)
                done += len(batch)
                if progress:
                    progress(min(done, total), total)
            # Last, because others wait for these rows.
            if result.created or result.updated:
                rewind(begun)
            DailyScore.objects.mark(days)
            if before_commit:
                before_commit()
    except (IntegrityError, OperationalError) as error:
        raise ImportFailed(
            _("The list is being changed by someone else, or the database is busy. Nothing was imported: try again.")
        ) from error
    return result


def check_rows(table: Table, places: dict[str, int], result: ImportResult) -> Iterator[int]:
    """Add the errors of the rows to `result`; yields each row number, by which the caller counts its progress.

    Ends after the thousandth error.
    """
    first_rows: dict[date, dict[str, int]] = {}  # dispatched_on → acct_id → row
    for number, values in read_rows(table, places, result.add_error):
        if values:
            first = first_rows.setdefault(values["dispatched_on"], {}).setdefault(values["acct_id"], number)
            if first != number:
                message = _("Rows %(first)d and %(second)d are the same account and dispatch date.")
                result.add_error(number, "", message % {"first": first, "second": number})
        yield number
        if result.stopped:
            return


def read_rows(table: Table, places: dict[str, int], add_error: AddError) -> Iterator[tuple[int, Values | None]]:
    """(number, values by column) of each row; None for the values if `add_error` was called for the row."""
    width = len(table.headings)
    for number, cells in table.rows():
        if len(cells) > width and not all(map(is_blank, cells[width:])):
            # Further errors would name the wrong columns.
            add_error(number, "", _("The row has more cells than the heading: is a value with a comma not quoted?"))
            yield number, None
            continue
        values: Values = {}
        for column, place in places.items():
            try:
                values[column] = clean(column, cells[place] if place < len(cells) else None)
            except ValueRefused as refusal:
                add_error(number, table.headings[place], str(refusal))
        yield number, values if len(values) == len(places) else None


def store(batch: list[Values], result: ImportResult) -> dict[str, date]:
    """Write one batch of checked rows and count it in `result`; returns what changed, see `days_rated`."""
    dates = [values["dispatched_on"] for values in batch]
    # The index of the unique constraint answers this; for a list of pairs, not every database uses it.
    candidates = Account.objects.filter(
        acct_id__in=[values["acct_id"] for values in batch], dispatched_on__range=(min(dates), max(dates))
    )
    stored = {tuple(account[column] for column in KEY): account for account in candidates.values(*KEY, *OTHERS)}
    new, changed, left = [], [], set()
    for values in batch:
        account = stored.get(tuple(values[column] for column in KEY))
        if account is None:
            new.append(Account(**values))
        elif account != values:
            changed.append(Account(**values))
            left.add(normal_number(account["acc_nbr"]))
    result.created += len(new)
    result.updated += len(changed)
    result.unchanged += len(batch) - len(new) - len(changed)
    if result.dry_run:
        return {}
    since = earliest_changes(new + changed)
    Account.objects.bulk_create(new)
    # An upsert takes one statement; bulk_update would build a CASE of a thousand branches per column.
    named_target = connection.features.supports_update_conflicts_with_target
    Account.objects.bulk_create(
        changed, update_conflicts=True, update_fields=OTHERS, unique_fields=KEY if named_target else None
    )
    return since | {number: date.min for number in left if number not in since}


def earliest_changes(accounts: list[Account]) -> dict[str, date]:
    """{number: the earliest dispatch of these accounts}, `date.min` for a number that is not on the list yet."""
    since: dict[str, date] = {}
    for account in accounts:
        number = normal_number(account.acc_nbr)
        since[number] = min(account.dispatched_on, since.get(number, account.dispatched_on))
    listed = set(Account.objects.filter(number__in=since).values_list("number", flat=True))
    return {number: day if number in listed else date.min for number, day in since.items()}


def refuse_changed_file(row: int, column: str, message: str) -> None:
    raise ImportFailed(_("The file changed while it was read. Nothing was imported: try again."))
