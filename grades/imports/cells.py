"""From a cell of a dispatch list to the value of its column."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias, TypeGuard

from django.conf import settings
from django.utils.translation import gettext as _

from ..models import ACC_NBR_LENGTH, Account, clean_number, is_empty
from ..reader.tables import BROKEN_CELL, Cell, is_blank
from .headings import FIELDS

Value: TypeAlias = str | date | Decimal

PAY_TYPES = {
    "后付费": Account.PayType.POSTPAID,
    "postpaid": Account.PayType.POSTPAID,
    "post-paid": Account.PayType.POSTPAID,
    "预付费": Account.PayType.PREPAID,
    "prepaid": Account.PayType.PREPAID,
    "pre-paid": Account.PayType.PREPAID,
}
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
FLOAT_NOISE = Decimal("0.000001")
MAX_FEE = 10**8
MANGLED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+", re.IGNORECASE)
MAX_EXACT = 10**15  # Excel keeps fifteen digits of a number and replaces the others by 0
# ="138…" and '138… keep Excel from reading a number; other programs write 13800138000.0 for a number.
WRAPPED_NUMBER = re.compile(r"""="([^"]*)"|'(.*)|([0-9]{1,15})\.0""")
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


class ValueRefused(Exception):
    """The cell does not hold a value of its column; the message gives the reason, translated."""


def clean(column: str, cell: Cell) -> Value:
    """The value of a cell in a column. Raises ValueRefused."""
    if cell is BROKEN_CELL:
        raise ValueRefused(_("The cell holds an error such as #N/A, or a formula without its result."))
    if is_blank(cell):
        if column in REQUIRED:
            raise ValueRefused(_("A value is required."))
        return ""
    return CLEANERS[column](cell)


def quote(cell: Cell) -> str:
    """The cell for a message: at most 40 characters, and no control characters, which a terminal would obey."""
    text = "".join(character if character.isprintable() else "?" for character in to_text(cell)[:41])
    return text if len(text) <= 40 else text[:39] + "…"


def max_length(column: str) -> int:
    length = FIELDS[column].max_length
    assert length is not None, column  # noqa: S101 - a programming error: the column is not a text
    return length


def is_number(cell: Cell) -> TypeGuard[int | float]:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def to_text(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def clean_identifier(cell: Cell) -> str:
    """An account number or an acct_id: a text, or a whole number in Excel."""
    text = to_text(cell)
    if wrapped := WRAPPED_NUMBER.fullmatch(text):
        text = next(filter(None, wrapped.groups()), "")
    check_digits(text)
    if is_number(cell) and abs(cell) >= MAX_EXACT:
        raise shortened(cell)
    # As text, a date, True and 1.5 would pass for identifiers.
    if not isinstance(cell, str) and not (is_number(cell) and text.isdigit()):
        raise ValueRefused(_("“%(value)s” is not a whole number.") % {"value": quote(cell)})
    return text


def check_digits(text: str) -> str:
    if MANGLED.fullmatch(text):
        raise shortened(text)
    return text


def shortened(cell: Cell) -> ValueRefused:
    return ValueRefused(
        _("Excel has shortened “%(value)s”, digits are lost: format the column as text and fill it in again.")
        % {"value": quote(cell)}
    )


def clean_acc_nbr(cell: Cell) -> str:
    text = clean_number(clean_identifier(cell))
    if len(text) > ACC_NBR_LENGTH or not re.fullmatch(settings.ACC_NBR_PATTERN, text) or is_empty(text):
        raise ValueRefused(_("“%(value)s” is not an account number.") % {"value": quote(cell)})
    return text


def clean_acct_id(cell: Cell) -> str:
    return check_acct_id(clean_identifier(cell))


def check_acct_id(text: str) -> str:
    limit = max_length("acct_id")
    if not 1 <= len(text) <= limit or not text.isprintable() or " " in text:
        raise ValueRefused(
            _("“%(value)s” must have 1 to %(limit)d characters and no spaces.") % {"value": quote(text), "limit": limit}
        )
    return text


def clean_text(cell: Cell, limit: int) -> str:
    text = to_text(cell)
    if len(text) > limit:
        raise ValueRefused(
            _("“%(value)s” is longer than %(limit)d characters.") % {"value": quote(cell), "limit": limit}
        )
    return check_text(text)


def check_text(text: str) -> str:
    if CONTROLS.search(text):
        raise ValueRefused(_("“%(value)s” holds a line break or another control character.") % {"value": quote(text)})
    return text


def clean_pay_type(cell: Cell) -> str:
    try:
        return PAY_TYPES[to_text(cell).casefold()].value
    except KeyError:
        raise ValueRefused(_("“%(value)s” is neither 后付费 nor 预付费.") % {"value": quote(cell)}) from None


def clean_date(cell: Cell) -> date:
    day = to_date(cell)
    if day is None:
        raise ValueRefused(_("“%(value)s” is not a date. Write it like 2026-11-01.") % {"value": quote(cell)})
    return check_day(day, cell)


def check_day(day: date, cell: Cell = None) -> date:
    if not FIRST_DATE <= day <= LAST_DATE:
        raise ValueRefused(
            _("“%(value)s” is not between 2000 and 2099.") % {"value": quote(day if cell is None else cell)}
        )
    return day


def to_date(cell: Cell) -> date | None:
    """The day in a cell, or None."""
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
            year, month, day = map(int, match.groups())
            try:
                return date(year, month, day)
            except ValueError:
                return None
    return None


def clean_fee(cell: Cell) -> Decimal:
    fee = to_amount(cell)
    if fee is None:
        raise ValueRefused(
            _("“%(value)s” is not an amount from 0 to 99999999.99 with at most two decimals.") % {"value": quote(cell)}
        )
    return fee


def to_amount(cell: Cell) -> Decimal | None:
    """The amount in a cell, in yuan with two decimals, or None."""
    noise = Decimal(0)
    if is_number(cell):
        # Excel computes in binary: 0.1 + 0.2 is 0.30000000000000004.
        exact, noise = Decimal(cell), FLOAT_NOISE
    elif match := AMOUNT.fullmatch(to_text(cell)):
        exact = Decimal(match[1].replace(",", "") + (match[2] or ""))
    else:
        return None
    if not exact.is_finite() or not -1 < exact < MAX_FEE:  # rounding fails beyond 28 digits
        return None
    rounded = round(exact, 2) + 0  # no -0.00
    return rounded if abs(exact - rounded) <= noise and 0 <= rounded < MAX_FEE else None


CLEANERS: dict[str, Callable[[Cell], Value]] = {
    "acc_nbr": clean_acc_nbr,
    "customer_name": lambda cell: clean_text(cell, max_length("customer_name")),
    "area": lambda cell: clean_text(cell, max_length("area")),
    "product": lambda cell: clean_text(cell, max_length("product")),
    "pay_type": clean_pay_type,
    "state": lambda cell: clean_text(cell, max_length("state")),
    "dispatched_on": clean_date,
    "monthly_fee": clean_fee,
    "acct_id": clean_acct_id,
}
REQUIRED = {"acc_nbr", "pay_type", "dispatched_on", "monthly_fee", "acct_id"}
