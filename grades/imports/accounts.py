"""Import a dispatch list (派单): check the rows of a file and store all of them or none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import IO, Any, TypeAlias

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import Account, Grade, is_cut_off, mark_days, normal_number, normal_prefix
from ..models.accounts import NO_RATING, earliest
from ..models.coverage import rewind
from ..models.figures import days_rated
from ..reader.tables import BROKEN_CELL, Cell, Table, is_blank
from .cells import ValueRefused, clean, to_text
from .files import open_table
from .headings import find_columns, known_headings, label
from .process import COMMAND, Limits
from .refusals import ImportFailed

KEY = ("acct_id", "dispatched_on")
OTHERS = ("acc_nbr", "customer_name", "area", "product", "pay_type", "state", "monthly_fee")

BATCH = 1000
ERRORS_KEPT = 100
ERRORS_COUNTED = 1000
CHANGES_KEPT = 100  # of each kind
CELL_KEPT = 500  # characters of a cell of a faulty row
CUT_OFF_KEPT = 10

Values: TypeAlias = dict[str, Any]
AddError: TypeAlias = Callable[[int, str, str], None]
OnChanges: TypeAlias = Callable[[str, list[tuple[Values, Values]]], object]


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
class FaultyRow:
    """The nine cells of a row with errors, as text, and its errors: (heading or "", message)."""

    cells: list[str] = field(default_factory=list)
    reasons: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Change:
    """A row of the file and the row of the list that it became; `old` has the columns that were different."""

    kind: str  # "created", "updated" or "unchanged"
    account: Account
    old: Values = field(default_factory=dict)

    def differences(self) -> list[tuple[str, Any, Any]]:
        """(name, old value, new value) of each column that changed, as people read them."""
        after = self.account
        return [
            (label(column), shown(column, old), shown(column, getattr(after, column)))
            for column, old in self.old.items()
        ]


@dataclass
class ImportResult:
    """The numbers of rows that were added, changed and already the same; after a dry run, that would be.

    With any error nothing is written and these three are 0. `errors` keeps the first 100 of
    `error_count`. With more than 1,000 errors `stopped` is true: the rest of the file was not checked.
    `faulty` has every row with errors by its number, `changes` the first 100 rows of each kind. `cut_off` has the
    first ten of `cut_off_count` rows whose number looks like the beginning of a mobile number; they are imported.
    `on_changes(kind, rows)` gets every row, a batch at a time before the commit, with the values that were different.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    error_count: int = 0
    dry_run: bool = False
    stopped: bool = False
    headings: list[str] = field(default_factory=list, compare=False)
    faulty: dict[int, FaultyRow] = field(default_factory=dict, compare=False)
    changes: list[Change] = field(default_factory=list, compare=False)
    cut_off: list[int] = field(default_factory=list, compare=False)
    cut_off_count: int = field(default=0, compare=False)
    on_changes: OnChanges | None = field(default=None, compare=False)

    def add_error(self, row: int, column: str, message: str) -> None:
        if self.error_count == ERRORS_COUNTED:
            self.stopped = True
            return
        self.error_count += 1
        self.faulty.setdefault(row, FaultyRow()).reasons.append((column, message))
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(RowError(row, column, message))

    def add_cut_off(self, row: int) -> None:
        self.cut_off_count += 1
        if len(self.cut_off) < CUT_OFF_KEPT:
            self.cut_off.append(row)

    def cut_off_rows(self) -> str:
        """The rows as a text, such as "3, 5"; "…" stands for more than ten."""
        more = ["…"] if self.cut_off_count > len(self.cut_off) else []
        return ", ".join([*map(str, self.cut_off), *more])

    def add_changes(self, kind: str, rows: list[tuple[Values, Values]]) -> None:
        """Count rows of a kind, each with the values that were different, and keep the first."""
        if self.on_changes and rows:
            self.on_changes(kind, rows)
        count = getattr(self, kind)
        setattr(self, kind, count + len(rows))
        self.changes += [Change(kind, Account(**values), old) for values, old in rows[: max(0, CHANGES_KEPT - count)]]


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
    result = ImportResult(dry_run=dry_run)
    for done, total in import_in_steps(file, name, result, limits=limits, before_commit=before_commit):
        if progress:
            progress(done, total)
    return result


def import_in_steps(
    file: IO[bytes],
    name: str,
    result: ImportResult,
    *,
    limits: Limits = COMMAND,
    before_commit: Callable[[], object] | None = None,
) -> Iterator[tuple[int, int]]:
    """`import_accounts` as a generator of (done, total), which fills `result`. To close it early imports nothing."""
    with open_table(file, name, known_headings(), limits) as table:
        yield from import_table(table, result, before_commit=before_commit)


def import_table(
    table: Table, result: ImportResult, *, before_commit: Callable[[], object] | None = None
) -> Iterator[tuple[int, int]]:
    """Import the rows of a table; see import_in_steps."""
    places = find_columns(table.headings, known_headings())
    result.headings = [table.headings[place] for place in places.values()]
    total = 2 * table.size

    # The file is read twice: in between, memory holds the keys of a large file and not its rows.
    checked = check_rows(table, places, result)
    done = 0
    while size := sum(1 for _row in islice(checked, BATCH)):
        done += size
        yield min(done, total), total
    if not done:
        raise ImportFailed(_("There are no rows below the heading."))
    total = 2 * done
    if result.error_count:
        return
    try:
        with transaction.atomic():
            rows = (values for _number, _cells, values in read_rows(table, places, refuse_changed_file) if values)
            begun, days, dispatch_days = timezone.now(), set(), set()
            numbers: set[str] = set()
            while batch := list(islice(rows, BATCH)):
                touched = store(batch, result)
                since = earliest(touched)
                dispatch_days |= Account.objects.recount(since, placed=NO_RATING)
                dispatch_days.update(day for _number, day in touched)
                days |= days_rated(since)
                numbers.update(since)
                done += len(batch)
                yield min(done, total), total
            # Last, because others wait for these rows; /score does for a duplicate of one of these ratings.
            placed = sorted(numbers)
            for start in range(0, len(placed), BATCH):
                if start:
                    yield total, total
                with Account.objects.locked(placed[start : start + BATCH]):
                    Grade.objects.filter(number__in=placed[start : start + BATCH]).place()
            if result.created or result.updated:
                rewind(begun)
            mark_days(days, dispatch_days)
            if before_commit:
                before_commit()
    except (IntegrityError, OperationalError) as error:
        raise ImportFailed(
            _("The list is being changed by someone else, or the database is busy. Nothing was imported: try again.")
        ) from error


def check_rows(table: Table, places: dict[str, int], result: ImportResult) -> Iterator[int]:
    """Add the errors of the rows to `result`; yields each row number, by which the caller counts its progress.

    Ends after the thousandth error.
    """
    first_rows: dict[date, dict[str, int]] = {}  # dispatched_on → acct_id → row
    for number, cells, values in read_rows(table, places, result.add_error):
        if values:
            first = first_rows.setdefault(values["dispatched_on"], {}).setdefault(values["acct_id"], number)
            if first != number:
                message = _("Rows %(first)d and %(second)d are the same account and dispatch date.")
                result.add_error(number, "", message % {"first": first, "second": number})
            if is_cut_off(normal_prefix(values["acc_nbr"])):
                result.add_cut_off(number)
        if number in result.faulty:
            result.faulty[number].cells = [cell_text(cells, place) for place in places.values()]
        yield number
        if result.stopped:
            return


def read_rows(
    table: Table, places: dict[str, int], add_error: AddError
) -> Iterator[tuple[int, Sequence[Cell], Values | None]]:
    """(number, cells, values by column) of each row; None for the values if `add_error` was called for the row."""
    width = len(table.headings)
    for number, cells in table.rows():
        if len(cells) > width and not all(map(is_blank, cells[width:])):
            # Further errors would name the wrong columns.
            add_error(number, "", _("The row has more cells than the heading: is a value with a comma not quoted?"))
            yield number, cells, None
            continue
        values: Values = {}
        for column, place in places.items():
            try:
                values[column] = clean(column, cells[place] if place < len(cells) else None)
            except ValueRefused as refusal:
                add_error(number, table.headings[place], str(refusal))
        yield number, cells, values if len(values) == len(places) else None


def store(batch: list[Values], result: ImportResult) -> list[tuple[str, date]]:
    """Write one batch of checked rows and count it in `result`; returns (number, day) of the dispatches that changed.

    A dispatch that changes its number is there with both.
    """
    dates = [values["dispatched_on"] for values in batch]
    # The index of the unique constraint answers this; for a list of pairs, not every database uses it.
    candidates = Account.objects.filter(
        acct_id__in=[values["acct_id"] for values in batch], dispatched_on__range=(min(dates), max(dates))
    )
    stored = {tuple(account[column] for column in KEY): account for account in candidates.values(*KEY, *OTHERS)}
    kinds: dict[str, list[tuple[Values, Values]]] = {"created": [], "updated": [], "unchanged": []}
    for values in batch:
        account = stored.get(tuple(values[column] for column in KEY))
        if account is None:
            kinds["created"].append((values, {}))
        else:
            old = {column: account[column] for column in OTHERS if account[column] != values[column]}
            kinds["updated" if old else "unchanged"].append((values, old))
    for kind, rows in kinds.items():
        result.add_changes(kind, rows)
    if result.dry_run:
        return []
    new = [Account(**values) for values, _old in kinds["created"]]
    changed = [Account(**values) for values, _old in kinds["updated"]]
    left = [(old["acc_nbr"], values["dispatched_on"]) for values, old in kinds["updated"] if "acc_nbr" in old]
    touched = [*left, *((account.acc_nbr, account.dispatched_on) for account in new + changed)]
    Account.objects.bulk_create(new)
    # An upsert takes one statement; bulk_update would build a CASE of a thousand branches per column.
    named_target = connection.features.supports_update_conflicts_with_target
    Account.objects.bulk_create(
        changed,
        update_conflicts=True,
        update_fields=OTHERS,
        unique_fields=KEY if named_target else None,
    )
    return [(normal_number(number), day) for number, day in touched]


def refuse_changed_file(row: int, column: str, message: str) -> None:
    raise ImportFailed(_("The file changed while it was read. Nothing was imported: try again."))


def cell_text(cells: Sequence[Cell], place: int) -> str:
    cell = cells[place] if place < len(cells) else None
    return "" if cell is None or cell is BROKEN_CELL else to_text(cell)[:CELL_KEPT]


def shown(column: str, value: Any) -> Any:
    """The value as people read it."""
    return str(Account.PayType(value).label) if column == "pay_type" else value
