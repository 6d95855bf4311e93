"""The accepted values of each column, and the message for every other value."""

from datetime import date

import pytest

from grades.imports.headings import HEADINGS
from grades.models import Account

from ..helpers.files import all_accounts, csv_file, import_here, stored, xlsx_file

pytestmark = pytest.mark.django_db

MANGLED = "Excel has shortened “{}”, digits are lost: format the column as text and fill it in again."


def import_cell(column, value, make_file=xlsx_file):
    """The stored value of one cell, or the message of its refusal."""
    result = import_here(make_file({column: value}), "list.csv" if make_file is csv_file else "list.xlsx")
    if result.errors:
        assert [(error.row, error.column) for error in result.errors] == [(2, HEADINGS[column][0])]
        assert all_accounts() == []
        return result.errors[0].message
    return stored()[0][column]


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("013800138000", "013800138000"),
        (" 138 \u3000", "138"),
        ("138 0013", "1380013"),
        ("\u202d138-0013-8000\u202c", "138-0013-8000"),
        ("１３８００１３８０００", "13800138000"),
        (13800138000, "13800138000"),
        (13800138000.0, "13800138000"),
        (999999999999999, "999999999999999"),
        ("13800138000.0", "13800138000"),  # a program wrote it as a number
        ('="013800138000"', "013800138000"),  # a formula or an apostrophe keeps it text in Excel
        ("'013800138000", "013800138000"),
        ("user@example.cn", "user@example.cn"),
        ("1" * 32, "1" * 32),
        ("1" * 33, f"“{'1' * 33}” is not an account number."),
        ("see note", "“see note” is not an account number."),
        ("-", "“-” is not an account number."),  # it stands for none
        ("+", "“+” is not an account number."),
        ("－", "“－” is not an account number."),
        ('=""', '“=""” is not an account number.'),
        ("1\x7f38", "“1?38” is not an account number."),
        ("号" * 60, f"“{'号' * 39}…” is not an account number."),
        (138.5, "“138.5” is not a whole number."),
        (-138, "“-138” is not a whole number."),
        (True, "“True” is not a whole number."),
        (date(2026, 11, 1), "“2026-11-01” is not a whole number."),
        ("1.38E+10", MANGLED.format("1.38E+10")),
        ("1e+10", MANGLED.format("1e+10")),
        (1234567890123456000, MANGLED.format("1234567890123456000")),
        (None, "A value is required."),
        ("  ", "A value is required."),
    ],
)
def test_account_numbers_become_text_or_are_refused(value, outcome):
    if isinstance(value, str) and value.startswith("="):
        assert import_cell("acc_nbr", value, csv_file) == outcome  # in a workbook it would be a formula
    else:
        assert import_cell("acc_nbr", value) == outcome


def test_an_account_number_must_match_the_operators_pattern(settings):
    settings.ACC_NBR_PATTERN = "1[0-9]{10}"
    assert import_cell("acc_nbr", "0592-5551234") == "“0592-5551234” is not an account number."
    assert import_cell("acc_nbr", 13800138000) == "13800138000"


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (1024, "1024"),
        ("账户/7#", "账户/7#"),
        ("x" * 32, "x" * 32),
        ("x" * 33, f"“{'x' * 33}” must have 1 to 32 characters and no spaces."),
        ("A 1", "“A 1” must have 1 to 32 characters and no spaces."),
        ("A\u200b1", "“A?1” must have 1 to 32 characters and no spaces."),
        (1.5, "“1.5” is not a whole number."),
        ("2.0E+15", MANGLED.format("2.0E+15")),
        (None, "A value is required."),
    ],
)
def test_acct_ids_become_text_or_are_refused(value, outcome):
    assert import_cell("acct_id", value) == outcome


NOT_A_DATE = "“{}” is not a date. Write it like 2026-11-01."
FIRST = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (date(2026, 11, 1), FIRST),
        (46327, FIRST),  # the number that Excel shows for a date without a date format
        (20261101, FIRST),
        ("2026-11-01", FIRST),
        ("2026-11-1 00:00:00", FIRST),
        ("2026/11/1 0:00", FIRST),
        ("2026-11-01T00:00:00.000", FIRST),
        ("2026年11月1日", FIRST),
        ("20261101", FIRST),
        ("46327", FIRST),
        (36526, date(2000, 1, 1)),
        (73050, date(2099, 12, 31)),
        (36525, "“36525” is not between 2000 and 2099."),
        (73051, "“73051” is not between 2000 and 2099."),
        ("1999-12-31", "“1999-12-31” is not between 2000 and 2099."),
        (46327.5, NOT_A_DATE.format("46327.5")),
        ("2026-11-01 08:30:00", NOT_A_DATE.format("2026-11-01 08:30:00")),
        ("2026-02-30", NOT_A_DATE.format("2026-02-30")),
        ("2026-11/01", NOT_A_DATE.format("2026-11/01")),
        ("11/1/2026", NOT_A_DATE.format("11/1/2026")),
        ("２０２６-11-01", NOT_A_DATE.format("２０２６-11-01")),
        (7, NOT_A_DATE.format("7")),
        (True, NOT_A_DATE.format("True")),
        (None, "A value is required."),
    ],
)
def test_dates_are_read_in_every_usual_form(value, outcome):
    assert import_cell("dispatched_on", value) == outcome


NOT_AN_AMOUNT = "“{}” is not an amount from 0 to 99999999.99 with at most two decimals."


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (99, "99.00"),
        (99.5, "99.50"),
        (0.1 + 0.2, "0.30"),  # 0.30000000000000004
        (1e-9, "0.00"),
        (99.005, NOT_AN_AMOUNT.format("99.005")),
        (-1, NOT_AN_AMOUNT.format("-1")),
        (-0.01, NOT_AN_AMOUNT.format("-0.01")),
        (99999999.99, "99999999.99"),
        (99999999.999999999, NOT_AN_AMOUNT.format("100000000")),
        (1e300, NOT_AN_AMOUNT.format(str(int(1e300))[:39] + "…")),
        ("1,234.50", "1234.50"),
        ("1234.5", "1234.50"),
        ("¥99", "99.00"),
        ("￥ 1,234,567.8", "1234567.80"),
        ("99.000", "99.00"),
        ("99.0000001", NOT_AN_AMOUNT.format("99.0000001")),
        ("99999999.99", "99999999.99"),
        ("100000000", NOT_AN_AMOUNT.format("100000000")),
        ("9" * 60, NOT_AN_AMOUNT.format("9" * 39 + "…")),
        ("1,23", NOT_AN_AMOUNT.format("1,23")),
        ("-5", NOT_AN_AMOUNT.format("-5")),
        ("1e3", NOT_AN_AMOUNT.format("1e3")),
        ("NaN", NOT_AN_AMOUNT.format("NaN")),
        ("Infinity", NOT_AN_AMOUNT.format("Infinity")),
        ("９９", NOT_AN_AMOUNT.format("９９")),
        (True, NOT_AN_AMOUNT.format("True")),
        (date(2026, 11, 1), NOT_AN_AMOUNT.format("2026-11-01")),
        (None, "A value is required."),
    ],
)
def test_monthly_fees_are_amounts_with_two_decimals(value, outcome):
    assert str(import_cell("monthly_fee", value)) == outcome


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("后付费", "postpaid"),
        ("Post-paid", "postpaid"),
        (" POSTPAID ", "postpaid"),
        ("预付费", "prepaid"),
        ("Prepaid", "prepaid"),
        ("月付", "“月付” is neither 后付费 nor 预付费."),
        (1, "“1” is neither 后付费 nor 预付费."),
        (None, "A value is required."),
    ],
)
def test_pay_types_have_chinese_and_english_names(value, outcome):
    assert import_cell("pay_type", value) == outcome


@pytest.mark.parametrize(("column", "limit"), [("customer_name", 64), ("area", 64), ("product", 128), ("state", 32)])
def test_other_texts_may_be_empty_and_have_a_length_limit(column, limit):
    for value, outcome in [
        (None, ""),
        ("\u3000 ", ""),
        (" 王 小明😀 ", "王 小明😀"),
        (129, "129"),
        ("长" * limit, "长" * limit),
    ]:
        Account.objects.all().delete()
        assert import_cell(column, value) == outcome
    Account.objects.all().delete()
    assert import_cell(column, "长" * (limit + 1)) == (
        f"“{'长' * 39 + '…' if limit > 39 else '长' * 33}” is longer than {limit} characters."
    )
    for value, quoted in [("王\n小明", "王?小明"), ("王\t小明", "王?小明"), ("\x1b[2J王", "?[2J王")]:
        assert import_cell(column, value, csv_file) == (f"“{quoted}” holds a line break or another control character.")
