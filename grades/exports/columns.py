"""What an export has: its columns in order, with their headings, widths and values.

The database makes the values: texts, numbers, and local times as text, so that a row needs little work in Python.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Case, CharField, Expression, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Concat

from ..database.joining import JoinedColumns, JoinedLines
from ..database.localtime import LocalText
from ..models import Account, AccountQuerySet, Grade, GradeQuerySet, ReviewNote, of_dispatch

TEXT, NUMBER, TIME, DAY = "text", "number", "time", "day"
SEPARATOR = "\x1f"
READ_ROWS = 2000


@dataclass(frozen=True)
class Column:
    heading: str
    width: int  # in XLSX, in characters
    kind: str = TEXT
    wraps: bool = False


@dataclass(frozen=True)
class Table:
    """What to export: rows, each with a cell for each column."""

    subject: str  # the beginning of the file's name
    title: str  # of the sheet
    columns: list[Column]

    def rows(self, using: str = "default") -> Iterator[tuple]:
        raise NotImplementedError

    def headings(self) -> list[str]:
        """Unique: two questions may have one wording, and the writer of XLSX takes a row as a dict."""
        seen: Counter[str] = Counter()
        headings = []
        for column in self.columns:
            seen[column.heading] += 1
            count = seen[column.heading]
            headings.append(column.heading if count == 1 else f"{column.heading} ({count})")
        return headings


@dataclass(frozen=True)
class FigureTable(Table):
    """A table of a page with figures."""

    lines: list[tuple]

    def rows(self, using: str = "default") -> Iterator[tuple]:
        return iter(self.lines)


@dataclass(frozen=True)
class ListTable(Table):
    """The rows of a list: `values` makes one tuple for each, and `finish` the cells of `columns` from that."""

    queryset: QuerySet
    values: list[Any]
    finish: Callable[[tuple], tuple] = tuple

    def rows(self, using: str = "default") -> Iterator[tuple]:
        """The rows of one statement, hence of one moment.

        Not by `iterator`: it closes its cursor at the end, also after an error, and MySQL's driver then reads the rest.
        """
        compiler = self.queryset.values_list(*self.values).query.get_compiler(using)
        try:
            statement, parameters = compiler.as_sql()
        except EmptyResultSet:
            return
        converters = compiler.get_converters([expression for expression, *_rest in compiler.select])
        cursor = connections[using].cursor()
        cursor.execute(statement, parameters)
        while batch := cursor.fetchmany(READ_ROWS):
            yield from map(self.finish, compiler.apply_converters(batch, converters) if converters else batch)


def heading(model: Any, name: str) -> str:
    return str(model._meta.get_field(name).verbose_name)


def label(field: str, choices: list[tuple[Any, Any]]) -> Expression:
    whens = [When(**{field: value}, then=Value(str(text))) for value, text in choices]
    return Case(*whens, default=F(field), output_field=CharField())


# --- Ratings --------------------------------------------------------------------------------------

# name of the field, width, kind, whether long text is wrapped
RATING_COLUMNS = [
    ("acc_nbr", 20, TEXT, False),
    ("grade1", 9, NUMBER, False),
    ("grade2", 9, NUMBER, False),
    ("grade3", 9, NUMBER, False),
    ("txt1", 40, TEXT, True),
    ("txt2", 40, TEXT, True),
    ("txt3", 40, TEXT, True),
    ("insert_time", 20, TIME, False),
    ("review_state", 12, TEXT, False),
    ("review_note", 40, TEXT, True),
    ("reviewer", 16, TEXT, False),
    ("reviewed_at", 20, TIME, False),
]
THREAD = [name for name, *_rest in RATING_COLUMNS].index("review_note")
REVIEWER = THREAD + 1
# Of the dispatch that the rating is about.
DISPATCH_COLUMNS = [
    ("dispatched_on", 14, DAY, False),
    ("customer_name", 16, TEXT, False),
    ("area", 12, TEXT, False),
    ("product", 24, TEXT, False),
]
# Excel holds 32,767 characters in a cell, and the writer of XLSX counts some characters more than once.
CELL_LENGTH = 30_000
NO_DISPATCH = ("",) * len(DISPATCH_COLUMNS)


def ratings_table(queryset: GradeQuerySet, *, moments: bool = False) -> ListTable:
    """Ratings, newest first, each beside its number's newest dispatch of the same day or earlier.

    Times are texts, or with `moments` datetimes.
    """

    def value(name: str, kind: str) -> Any:
        if kind == TIME and not moments:
            return Coalesce(LocalText(name), Value(""))
        if name == "review_state":
            return label(name, Grade.ReviewState.choices)
        if name == "review_note":
            return thread_text()
        return F(name)

    # Few people review, and a subquery for each rating costs a tenth of the export.
    names = dict(get_user_model().objects.values_list("pk", "username"))

    def finish(row: tuple) -> tuple:
        thread, reviewer = row[THREAD], row[REVIEWER]
        if len(thread) > CELL_LENGTH:
            thread = f"…{thread[1 - CELL_LENGTH :]}"
        after = row[REVIEWER + 1 : -1]
        return (*row[:THREAD], thread, names.get(reviewer, ""), *after, *split_dispatch(row[-1]))

    columns = [
        Column(heading(model, name), width, kind, wraps)
        for model, names in ((Grade, RATING_COLUMNS), (Account, DISPATCH_COLUMNS))
        for name, width, kind, wraps in names
    ]
    return ListTable(
        subject="grades",
        title=str(Grade._meta.verbose_name_plural),
        columns=columns,
        queryset=queryset.newest_first(),
        values=[*(value(name, kind) for name, _width, kind, _wraps in RATING_COLUMNS), dispatch_text()],
        finish=finish,
    )


def thread_text() -> Expression:
    """The notes of a rating as one text, a line for each: time, author and note."""
    line = Concat(
        LocalText("written_at"), Value(" "), F("author_name"), Value(": "), F("text"), output_field=CharField()
    )
    notes = ReviewNote.objects.filter(grade=OuterRef("pk")).exclude(text="").order_by().values("grade")
    joined = Subquery(notes.annotate(lines=JoinedLines(line, order="version, id")).values("lines"))
    # Most ratings have no note, and need no look-up.
    has_thread = Q(review_version__gt=0) | ~Q(review_note="")
    return Case(When(has_thread, then=Coalesce(joined, Value(""))), default=Value(""), output_field=CharField())


def dispatch_text() -> Subquery:
    """The columns of the dispatch as one text: one look-up in the index, where a subquery for each would be four."""
    return of_dispatch(JoinedColumns(SEPARATOR, *(name for name, *_rest in DISPATCH_COLUMNS)))


def split_dispatch(text: str | None) -> Sequence[str]:
    return text.split(SEPARATOR, len(NO_DISPATCH) - 1) if text else NO_DISPATCH


# --- Dispatches -----------------------------------------------------------------------------------

ACCOUNT_COLUMNS = [
    ("acc_nbr", 20, TEXT),
    ("customer_name", 16, TEXT),
    ("area", 12, TEXT),
    ("product", 24, TEXT),
    ("pay_type", 10, TEXT),
    ("state", 12, TEXT),
    ("dispatched_on", 14, DAY),
    ("monthly_fee", 12, NUMBER),
    ("acct_id", 20, TEXT),
]


def dispatches_table(queryset: AccountQuerySet) -> ListTable:
    """Dispatches, newest first, with the columns of the import."""

    def value(name: str, kind: str) -> Any:
        if name == "pay_type":
            return label(name, Account.PayType.choices)
        return Cast(name, CharField(max_length=10)) if kind == DAY else F(name)

    return ListTable(
        subject="dispatches",
        title=str(Account._meta.verbose_name_plural),
        columns=[Column(heading(Account, name), width, kind) for name, width, kind in ACCOUNT_COLUMNS],
        queryset=queryset.order_by("-dispatched_on", "-id"),
        values=[value(name, kind) for name, _width, kind in ACCOUNT_COLUMNS],
    )
