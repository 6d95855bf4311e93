"""The XLSX workbook in which a clerk fills in a dispatch list."""

from io import BytesIO
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from rustpy_xlsxwriter import Format, write_worksheets

from .cells import REQUIRED, max_length
from .headings import HEADINGS, label

# Rows that offer the pay types to choose from.
TEMPLATE_ROWS = 5000


def account_template(language: str | None = None) -> bytes:
    """An XLSX workbook to fill in: the nine headings, and a second sheet that explains each column.

    Its texts are in `language`, by default the active one.
    """
    with translation.override(language or translation.get_language()):
        headings = {column: label(column) for column in HEADINGS}
        list_sheet, help_sheet = _("Dispatch list"), _("How to fill it in")
        text = Format().set_num_format("@")  # otherwise Excel turns long numbers into 1.38E+10
        sheets: list[tuple[str, Any]] = [
            (list_sheet, [dict.fromkeys(headings.values())] * TEMPLATE_ROWS),
            (help_sheet, explanation()),
        ]
        file = BytesIO()
        write_worksheets(
            sheets,
            file,
            bold_headers=True,
            freeze_panes={list_sheet: {"row": 1, "col": 0}},
            column_width={list_sheet: 18, help_sheet: 18},
            column_widths={help_sheet: {_("Accepted values"): 80}},
            column_formats={list_sheet: {headings["acc_nbr"]: text, headings["acct_id"]: text}},
            data_validations={list_sheet: {headings["pay_type"]: {"type": "list", "values": ["后付费", "预付费"]}}},
        )
        return file.getvalue()


def explanation() -> list[dict[str, str]]:
    """The rows of the second sheet, one for each column."""

    def up_to(column: str) -> str:
        return _("Up to %(limit)d characters.") % {"limit": max_length(column)}

    values_and_examples = {
        "acc_nbr": (_("Digits, or letters and digits, as text: up to 32 characters."), "13800138000"),
        "customer_name": (up_to("customer_name"), "王小明"),
        "area": (up_to("area"), "城东"),
        "product": (up_to("product"), "畅享 129 套餐"),
        "pay_type": (_("后付费 (postpaid) or 预付费 (prepaid)."), "后付费"),
        "state": (up_to("state"), "在用"),
        "dispatched_on": (
            _("A date from 2000 to 2099: a date cell, or 2026-11-01, 2026/11/1, 20261101."),
            "2026-11-01",
        ),
        "monthly_fee": (_("Yuan, from 0, with at most two decimals."), "129.00"),
        "acct_id": (
            _("Up to 32 characters without spaces. The acct_id and the dispatch date together identify a row."),
            "A1024",
        ),
    }
    return [
        {
            _("Column"): label(column),
            _("Required"): _("yes") if column in REQUIRED else _("no"),
            _("Accepted values"): values,
            _("Example"): example,
        }
        for column, (values, example) in values_and_examples.items()
    ]
