"""The workbook to fill in."""

import io

import openpyxl
import pytest
from django.utils import translation

from grades.imports import ImportFailed, ImportResult, account_template, import_accounts
from grades.models import Account

from ..helpers.files import COLUMNS, ROW, STORED, csv_file, stored

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_template_can_be_filled_in_and_imported(language):
    book = openpyxl.load_workbook(io.BytesIO(account_template(language)))
    sheet, _explanation = book.worksheets
    with translation.override(language):
        assert [cell.value for cell in sheet[1]] == [
            str(Account._meta.get_field(column).verbose_name) for column in COLUMNS
        ]
    assert sheet.max_row == 1
    with pytest.raises(ImportFailed, match="no rows below the heading"):
        import_accounts(io.BytesIO(account_template(language)), "template.xlsx")

    for place, column in enumerate(COLUMNS, 1):
        sheet.cell(2, place).value = ROW[column]
    file = io.BytesIO()
    book.save(file)
    assert import_accounts(file, "template.xlsx") == ImportResult(created=1)
    assert stored() == [STORED]


def test_the_template_formats_numbers_as_text_and_offers_the_pay_types():
    sheet = openpyxl.load_workbook(io.BytesIO(account_template())).worksheets[0]
    formats = {heading.value: sheet.column_dimensions[heading.column_letter] for heading in sheet[1]}
    assert [name for name, column in formats.items() if column.number_format == "@"] == ["account number", "acct_id"]
    (choice,) = sheet.data_validations.dataValidation
    assert (choice.formula1, str(choice.sqref)) == ('"后付费,预付费"', "E2:E5001")


def test_the_second_sheet_explains_each_column_with_a_valid_example():
    book = openpyxl.load_workbook(io.BytesIO(account_template("en")))
    heading, *rows = book.worksheets[1].values
    assert heading == ("Column", "Required", "Accepted values", "Example")
    assert [row[0] for row in rows] == [cell.value for cell in book.worksheets[0][1]]
    assert [row[1] for row in rows] == ["yes", "no", "no", "no", "yes", "no", "yes", "yes", "yes"]
    example = {column: row[3] for column, row in zip(COLUMNS, rows, strict=True)}
    assert import_accounts(csv_file(example), "list.csv") == ImportResult(created=1)
