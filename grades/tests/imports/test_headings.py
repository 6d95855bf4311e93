"""The headings of a dispatch list, in several languages and any order."""

import io

import pytest
from django.utils import translation

from grades.imports import ImportFailed, ImportResult, import_accounts
from grades.imports.headings import HEADINGS
from grades.models import Account

from ..helpers.files import CHINESE, COLUMNS, ROW, STORED, csv_file, stored, xlsx_file

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "headings",
    [
        list(COLUMNS),
        [column.upper() for column in COLUMNS],
        [f" {Account._meta.get_field(column).verbose_name}\t" for column in COLUMNS],
        *([names[min(place, len(names) - 1)] for names in HEADINGS.values()] for place in range(6)),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_field_names_english_and_chinese_headings_are_accepted_in_every_language(headings, language):
    headings = [str(heading) for heading in headings]
    with translation.override(language):
        assert import_accounts(csv_file({}, headings=headings), "list.csv") == ImportResult(created=1)
    assert stored() == [STORED]


def test_the_models_field_labels_are_accepted_in_every_language(monkeypatch):
    class Name(str):
        def __str__(self):
            return {"en": "the fee", "zh-hans": "每月的钱"}[translation.get_language()]

    monkeypatch.setattr(Account._meta.get_field("monthly_fee"), "verbose_name", Name())
    for heading in ("the fee", "每月的钱", "The Fee"):
        headings = [heading if column == "monthly_fee" else column for column in COLUMNS]
        assert not import_accounts(csv_file({}, headings=headings), "list.csv").error_count


def test_columns_may_have_any_order_and_other_columns_between_them():
    rows = [
        ["备注", *reversed(CHINESE), "备注", ""],
        ["=1+1", *reversed([ROW[column] for column in COLUMNS]), "x", "y"],
    ]
    text = "\n".join("\t".join(row) for row in rows)
    assert import_accounts(io.BytesIO(text.encode()), "list.txt") == ImportResult(created=1)
    assert stored() == [STORED]


def test_all_missing_columns_are_named_in_one_message():
    headings = ["x" if column in {"area", "acct_id"} else column for column in COLUMNS]
    with pytest.raises(ImportFailed) as caught:
        import_accounts(csv_file({}, headings=headings), "list.csv")
    assert str(caught.value) == "The first row must name the columns. Missing: area, acct_id."


def test_two_headings_of_the_same_column_are_refused():
    headings = ["电话号码" if column == "area" else column for column in COLUMNS]
    with pytest.raises(ImportFailed) as caught:
        import_accounts(csv_file({}, headings=headings), "list.csv")
    assert str(caught.value) == "Two columns mean the same: “acc_nbr” and “电话号码”. Remove one."


def test_a_heading_without_rows_is_refused():
    for file, name in [(csv_file(), "list.csv"), (xlsx_file(), "list.xlsx")]:
        with pytest.raises(ImportFailed) as caught:
            import_accounts(file, name)
        assert str(caught.value) == "There are no rows below the heading."
