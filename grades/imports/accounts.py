"""The dispatch list (派单), in: rows of a file to rows of Account, all of them or none."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import islice

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheets

from ..models import ACC_NBR_LENGTH, Account
from .files import BROKEN_CELL, ImportFailed, is_blank, open_table

KEY = ("acct_id", "dispatched_on")
OTHERS = ("acc_nbr", "customer_name", "area", "product", "pay_type", "state", "monthly_fee")

# Understood whatever the language of the site; what the model calls its fields comes on top.
HEADINGS = {
    "acc_nbr": ("号码", "电话号码", "用户号码", "手机号码", "手机号", "业务号码"),
    "customer_name": ("客户姓名", "姓名", "客户名称", "用户姓名"),
    "area": ("区域", "所属区域", "地区"),
    "product": ("套餐", "产品", "套餐名称", "产品名称"),
    "pay_type": ("付费类型", "付费方式"),
    "state": ("状态", "用户状态"),
    "dispatched_on": ("派单日期", "派单时间"),
    "monthly_fee": ("月租费", "月租", "月租费(元)", "月租费（元）"),
    "acct_id": ("账户标识", "帐户标识", "账户ID", "帐户ID"),
}
PAY_TYPES = {
    "后付费": Account.PayType.POSTPAID,
    "postpaid": Account.PayType.POSTPAID,
    "post-paid": Account.PayType.POSTPAID,
    "预付费": Account.PayType.PREPAID,
    "prepaid": Account.PayType.PREPAID,
    "pre-paid": Account.PayType.PREPAID,
}

BATCH = 1000
ERRORS_KEPT = 100
TEMPLATE_ROWS = 5000  # that offer the pay types to choose from


@dataclass
class RowError:
    """What is wrong in one place of a file.

    `row` as a spreadsheet numbers it; `column` is the heading as the file spells it, "" for the whole
    row; `message` is translated and quotes at most 40 characters.
    """

    row: int
    column: str
    message: str


@dataclass
class ImportResult:
    """How many rows were added, changed and already the same; in a dry run, how many would be.

    With any error nothing is written and these three are 0. `errors` keeps the first 100 of
    `error_count`.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    error_count: int = 0
    dry_run: bool = False

    def add_error(self, row, column, message):
        self.error_count += 1
        if len(self.errors) < ERRORS_KEPT:
            self.errors.append(RowError(row, column, message))


def import_accounts(file, name, *, dry_run=False, progress=None):
    """Take over the dispatch list in `file`, an open seekable binary file that its owner calls `name`.

    A row is known by its acct_id and dispatch date: it is added, or changed where it differs, or left.
    All rows are written in one transaction; with an error in any of them, or with `dry_run`, none is.
    `progress(done, total)` is called every thousand rows, each of which counts once when it is checked
    and once when it is written; `total` is an estimate until all are checked. Returns an ImportResult.
    Raises ImportFailed for a file that cannot be used as a whole, and if the database refuses because
    of someone else.
    """
    known = known_headings()
    table = open_table(file, name, lambda heading: heading.casefold() in known)
    places = find_columns(table.headings, known)
    result = ImportResult(dry_run=dry_run)
    total = 2 * table.size

    # The file is read twice: between the passes a large one leaves its keys in memory, not its rows.
    rows = check_rows(table, places, result)
    done = 0
    while batch := sum(1 for _row in islice(rows, BATCH)):
        done += batch
        if progress:
            progress(min(done, total), total)
    if not done:
        raise ImportFailed(_("There are no rows below the heading."))
    total = 2 * done
    if result.error_count:
        return result
    try:
        with transaction.atomic():
            rows = (values for _number, values in read_rows(table, places, _refuse_changed_file))
            while batch := list(islice(rows, BATCH)):
                store(batch, result)
                done += len(batch)
                if progress:
                    progress(min(done, total), total)
    except (IntegrityError, OperationalError) as error:
        raise ImportFailed(
            _("The list is being changed by someone else, or the database is busy. Nothing was imported: try again.")
        ) from error
    return result


def check_rows(table, places, result):
    """Put what is wrong with the rows into `result`; an iterator, so that its caller can tell how far it is."""
    first_rows = {}  # dispatched_on → acct_id → row
    for number, values in read_rows(table, places, result.add_error):
        if values:
            first = first_rows.setdefault(values["dispatched_on"], {}).setdefault(values["acct_id"], number)
            if first != number:
                message = _("Rows %(first)d and %(second)d are the same account and dispatch date.")
                result.add_error(number, "", message % {"first": first, "second": number})
        yield number


def read_rows(table, places, add_error):
    """(number, values by column) of each row; None for the values where `add_error` was told a reason."""
    width = len(table.headings)
    for number, cells in table.rows():
        if len(cells) > width and not all(map(is_blank, cells[width:])):
            # The cells beside it would be checked against the wrong columns.
            add_error(number, "", _("The row has more cells than the heading: is a value with a comma not quoted?"))
            yield number, None
            continue
        values = {}
        for column, place in places.items():
            try:
                values[column] = clean(column, cells[place] if place < len(cells) else None)
            except ValueRefused as refusal:
                add_error(number, table.headings[place], str(refusal))
        yield number, values if len(values) == len(places) else None


def store(batch, result):
    """Write one batch of checked rows and count it in `result`."""
    dates = [values["dispatched_on"] for values in batch]
    # Answered by the index of the unique constraint; a list of pairs would not be, on every database.
    stored = Account.objects.filter(
        acct_id__in=[values["acct_id"] for values in batch], dispatched_on__range=(min(dates), max(dates))
    )
    stored = {tuple(account[column] for column in KEY): account for account in stored.values(*KEY, *OTHERS)}
    new, changed = [], []
    for values in batch:
        account = stored.get(tuple(values[column] for column in KEY))
        if account is None:
            new.append(Account(**values))
        elif account != values:
            changed.append(Account(**values))
    result.created += len(new)
    result.updated += len(changed)
    result.unchanged += len(batch) - len(new) - len(changed)
    if result.dry_run:
        return
    Account.objects.bulk_create(new)
    # An upsert takes one statement; bulk_update would build a CASE of a thousand branches per column.
    named_target = connection.features.supports_update_conflicts_with_target
    Account.objects.bulk_create(
        changed, update_conflicts=True, update_fields=OTHERS, unique_fields=KEY if named_target else None
    )


def _refuse_changed_file(row, column, message):
    raise ImportFailed(_("The file changed while it was read. Nothing was imported: try again."))


# --- Headings -------------------------------------------------------------------------------------


def label(column):
    """What the active language calls a column."""
    return str(Account._meta.get_field(column).verbose_name)


def known_headings():
    """Every heading that is understood, casefolded, and the column that it names."""
    known = {}
    for column, names in HEADINGS.items():
        known.update(dict.fromkeys((name.casefold() for name in (column, *names)), column))
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for column in HEADINGS:
                known.setdefault(label(column).casefold(), column)
    return known


def find_columns(headings, known):
    """The place of each of the nine columns in a row; columns beyond them are ignored."""
    places = {}
    for place, heading in enumerate(headings):
        if column := known.get(heading.casefold()):
            if column in places:
                raise ImportFailed(
                    _("Two columns mean the same: “%(first)s” and “%(second)s”. Remove one.")
                    % {"first": headings[places[column]], "second": heading}
                )
            places[column] = place
    if missing := [label(column) for column in HEADINGS if column not in places]:
        raise ImportFailed(
            _("The first row must name the columns. Missing: %(columns)s.") % {"columns": ", ".join(missing)}
        )
    return places


# --- Values ---------------------------------------------------------------------------------------


class ValueRefused(Exception):
    """A cell that cannot be used; the message says why, translated."""


FIRST_DATE, LAST_DATE = date(2000, 1, 1), date(2099, 12, 31)
DATE_FORMS = [
    re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"),
    re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})"),
    re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日"),
    re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"),
]
MIDNIGHT = re.compile(r"[ T]+0?0:00(:00(\.0+)?)?")
SERIAL = re.compile(r"[0-9]{5}")  # a date that Excel shows as its number
SERIAL_EPOCH = date(1899, 12, 30)  # right for all days after February 1900
AMOUNT = re.compile(r"[¥￥]? ?([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(\.[0-9]+)?")
CENT = Decimal("0.01")
FLOAT_NOISE = Decimal("0.000001")
MAX_FEE = 10**8
MANGLED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+", re.IGNORECASE)
MAX_EXACT = 10**15  # Excel keeps fifteen digits of a number and makes 0 of the others
# ="138…" and '138… keep Excel from reading a number; 13800138000.0 is what other programs make of it.
WRAPPED_NUMBER = re.compile(r"""="([^"]*)"|'(.*)|([0-9]{1,15})\.0""")
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def clean(column, cell):
    """The value that a cell gives to a column; raises ValueRefused."""
    if cell is BROKEN_CELL:
        raise ValueRefused(_("The cell holds an error such as #N/A, or a formula without its result."))
    cleaner, required = CLEANERS[column]
    if is_blank(cell):
        if required:
            raise ValueRefused(_("A value is required."))
        return ""
    return cleaner(cell)


def quote(cell):
    """A cell as a message may show it: at most 40 characters, none of which a terminal would act on."""
    text = "".join(character if character.isprintable() else "?" for character in to_text(cell)[:41])
    return text if len(text) <= 40 else text[:39] + "…"


def is_number(cell):
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def to_text(cell):
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def clean_identifier(cell):
    """A number that is a name, such as an account number: text, or a whole number in Excel."""
    text = to_text(cell)
    if wrapped := WRAPPED_NUMBER.fullmatch(text):
        text = next(filter(None, wrapped.groups()), "")
    if MANGLED.fullmatch(text) or (is_number(cell) and abs(cell) >= MAX_EXACT):
        raise ValueRefused(
            _("Excel has shortened “%(value)s”, digits are lost: format the column as text and fill it in again.")
            % {"value": quote(cell)}
        )
    # A date, True or 1.5 would pass for text.
    if not isinstance(cell, str) and not (is_number(cell) and text.isdigit()):
        raise ValueRefused(_("“%(value)s” is no whole number.") % {"value": quote(cell)})
    return text


def clean_acc_nbr(cell):
    text = clean_identifier(cell)
    if len(text) > ACC_NBR_LENGTH or not re.fullmatch(settings.ACC_NBR_PATTERN, text):
        raise ValueRefused(_("“%(value)s” is no account number.") % {"value": quote(cell)})
    return text


def clean_acct_id(cell):
    text = clean_identifier(cell)
    limit = Account._meta.get_field("acct_id").max_length
    if not 1 <= len(text) <= limit or not text.isprintable() or " " in text:
        raise ValueRefused(
            _("“%(value)s” must have 1 to %(limit)d characters and no spaces.") % {"value": quote(cell), "limit": limit}
        )
    return text


def clean_text(column, cell):
    text = to_text(cell)
    limit = Account._meta.get_field(column).max_length
    if len(text) > limit:
        raise ValueRefused(
            _("“%(value)s” is longer than %(limit)d characters.") % {"value": quote(cell), "limit": limit}
        )
    if CONTROLS.search(text):
        raise ValueRefused(_("“%(value)s” holds a line break or another control character.") % {"value": quote(cell)})
    return text


def clean_pay_type(cell):
    try:
        return PAY_TYPES[to_text(cell).casefold()].value
    except KeyError:
        raise ValueRefused(_("“%(value)s” is neither 后付费 nor 预付费.") % {"value": quote(cell)}) from None


def clean_date(cell):
    day = to_date(cell)
    if day is None:
        raise ValueRefused(_("“%(value)s” is no date: write it like 2026-11-01.") % {"value": quote(cell)})
    if not FIRST_DATE <= day <= LAST_DATE:
        raise ValueRefused(_("“%(value)s” is not between 2000 and 2099.") % {"value": quote(cell)})
    return day


def to_date(cell):
    """The day that a cell means, or None."""
    if isinstance(cell, datetime):
        return cell.date() if cell.time() == time() else None
    if isinstance(cell, date):
        return cell
    text = to_text(cell)
    if SERIAL.fullmatch(text):
        return SERIAL_EPOCH + timedelta(days=int(text))
    text = MIDNIGHT.sub("", text)
    for form in DATE_FORMS:
        if match := form.fullmatch(text):
            try:
                return date(*map(int, match.groups()))
            except ValueError:
                return None
    return None


def clean_fee(cell):
    fee = to_amount(cell)
    if fee is None:
        raise ValueRefused(
            _("“%(value)s” is no amount from 0 to 99999999.99 with at most two decimals.") % {"value": quote(cell)}
        )
    return fee


def to_amount(cell):
    """The yuan that a cell means, with two decimals, or None."""
    if is_number(cell):
        # Excel computes in binary: 0.1 + 0.2 is 0.30000000000000004.
        exact, noise = Decimal(cell), FLOAT_NOISE
    else:
        match = AMOUNT.fullmatch(to_text(cell))
        exact, noise = Decimal(match[1].replace(",", "") + (match[2] or "")) if match else Decimal("NaN"), 0
    if not exact.is_finite() or not -1 < exact < MAX_FEE:  # rounding fails beyond 28 digits
        return None
    rounded = round(exact, 2) + 0  # no -0.00
    return rounded if abs(exact - rounded) <= noise and 0 <= rounded < MAX_FEE else None


# How a cell of each column is read, and whether it must be filled in.
CLEANERS = {
    "acc_nbr": (clean_acc_nbr, True),
    "customer_name": (partial(clean_text, "customer_name"), False),
    "area": (partial(clean_text, "area"), False),
    "product": (partial(clean_text, "product"), False),
    "pay_type": (clean_pay_type, True),
    "state": (partial(clean_text, "state"), False),
    "dispatched_on": (clean_date, True),
    "monthly_fee": (clean_fee, True),
    "acct_id": (clean_acct_id, True),
}


# --- The template ---------------------------------------------------------------------------------


def account_template(language=None):
    """An XLSX workbook to fill in, as bytes: the nine headings in `language` (default: the active one),
    and a second sheet that says of each column what it takes."""
    with translation.override(language or translation.get_language()):
        length = {column: Account._meta.get_field(column).max_length for column in HEADINGS}
        up_to = _("Up to %(limit)d characters.")
        takes = {
            "acc_nbr": (_("Digits, or letters and digits, as text: up to 32 characters."), "13800138000"),
            "customer_name": (up_to % {"limit": length["customer_name"]}, "王小明"),
            "area": (up_to % {"limit": length["area"]}, "城东"),
            "product": (up_to % {"limit": length["product"]}, "畅享 129 套餐"),
            "pay_type": (_("后付费 (postpaid) or 预付费 (prepaid)."), "后付费"),
            "state": (up_to % {"limit": length["state"]}, "在用"),
            "dispatched_on": (
                _("A date from 2000 to 2099: a date cell, or 2026-11-01, 2026/11/1, 20261101."),
                "2026-11-01",
            ),
            "monthly_fee": (_("Yuan, from 0, with at most two decimals."), "129.00"),
            "acct_id": (
                _("Up to 32 characters without spaces. It and the dispatch date are what a row is known by."),
                "A1024",
            ),
        }
        headings = {column: label(column) for column in HEADINGS}
        pay_type = headings["pay_type"]
        list_sheet, help_sheet = _("Dispatch list"), _("How to fill it in")
        explanation = [
            {
                _("Column"): headings[column],
                _("Required"): _("yes") if CLEANERS[column][1] else _("no"),
                _("What it takes"): text,
                _("Example"): example,
            }
            for column, (text, example) in takes.items()
        ]
        text = Format().set_num_format("@")  # so that Excel does not turn long numbers into 1.38E+10
        file = BytesIO()
        write_worksheets(
            [(list_sheet, [dict.fromkeys(headings.values())] * TEMPLATE_ROWS), (help_sheet, explanation)],
            file,
            bold_headers=True,
            freeze_panes={list_sheet: {"row": 1, "col": 0}},
            column_width={list_sheet: 18, help_sheet: 18},
            column_widths={help_sheet: {_("What it takes"): 80}},
            column_formats={list_sheet: {headings["acc_nbr"]: text, headings["acct_id"]: text}},
            data_validations={list_sheet: {pay_type: {"type": "list", "values": ["后付费", "预付费"]}}},
        )
        return file.getvalue()
