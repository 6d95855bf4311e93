"""Files to import: raw bytes, workbooks and dispatch lists, and the rows that they leave in the table."""

import csv
import io
import zipfile
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from django.utils import translation

from grades.imports import ImportFailed, ImportResult
from grades.imports.accounts import import_table
from grades.imports.files import kind_of
from grades.imports.headings import HEADINGS, known_headings
from grades.imports.refusals import refusal as failure
from grades.models import Account
from grades.reader.__main__ import open_file
from grades.reader.tables import Refused

# --- Any table ------------------------------------------------------------------------------------

TWO_HEADINGS = ["号码", "姓名"]
TWO_COLUMNS = "号码,姓名\n138,王小明\n"


def read(content, name):
    """(headings, [(row, cells) …]) of a file, in English. The reader runs in the process of the test."""
    file = io.BytesIO(content)
    with translation.override("en"):
        try:
            table = open_file(file, kind_of(file, name), TWO_HEADINGS)
            return table.headings, list(table.rows())
        except Refused as refused:
            raise failure(refused.code, refused.values) from refused


def refusal(content, name):
    with pytest.raises(ImportFailed) as caught:
        read(content, name)
    return str(caught.value)


def make_workbook(fill):
    """An XLSX file as bytes; `fill` writes into its openpyxl workbook."""
    book = openpyxl.Workbook()
    fill(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def workbook_of(*rows):
    """An XLSX file as bytes: TWO_HEADINGS and `rows` below them."""

    def fill(book):
        for row in (TWO_HEADINGS, *rows):
            book.active.append(row)

    return make_workbook(fill)


def repack(content, change):
    """The zip `content` with the bytes of each member replaced by `change(name, bytes)`."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return file.getvalue()


# --- Dispatch lists -------------------------------------------------------------------------------

COLUMNS = tuple(HEADINGS)
CHINESE = [names[0] for names in HEADINGS.values()]
ROW = {
    "acc_nbr": "13800138000",
    "customer_name": "王小明",
    "area": "城东",
    "product": "畅享 129 套餐",
    "pay_type": "后付费",
    "state": "在用",
    "dispatched_on": "2026-11-01",
    "monthly_fee": "99.00",
    "acct_id": "A1",
}
STORED = {**ROW, "pay_type": "postpaid", "dispatched_on": date(2026, 11, 1), "monthly_fee": Decimal("99.00")}


def csv_file(*rows, headings=CHINESE, encoding="utf-8"):
    """A CSV file with one row for each of `rows`: ROW with the values of that dict."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows([{**ROW, **row}[column] for column in COLUMNS] for row in rows)
    return io.BytesIO(text.getvalue().encode(encoding))


def xlsx_file(*rows):
    """An XLSX file with the same rows as `csv_file`."""
    book = openpyxl.Workbook()
    book.active.append(CHINESE)
    for row in rows:
        book.active.append([{**ROW, **row}[column] for column in COLUMNS])
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def import_here(file, name):
    """`import_accounts` with the reader in the process of the test."""
    result = ImportResult()
    for _progress in import_table(open_file(file, kind_of(file, name), known_headings()), result):
        pass
    return result


def numbered(count, **columns):
    """`count` rows for `csv_file` that differ by acct_id."""
    return [{"acct_id": f"A{number:05}", **columns} for number in range(count)]


def all_accounts():
    """Every column of every stored dispatch, in the order of the ids."""
    return list(Account.objects.order_by("id").values())


def stored():
    """The nine columns of every stored dispatch, by acct_id and date."""
    return list(Account.objects.order_by("acct_id", "dispatched_on").values(*COLUMNS))
