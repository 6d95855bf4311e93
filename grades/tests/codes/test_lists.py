"""codes/lists.py: codes for companies that print by their own tools."""

from datetime import datetime, time

import pytest
from django.utils import translation
from openpyxl import load_workbook

from grades.codes import csv_list, make_cards, xlsx_list

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_url")]

HEADINGS = ["号码", "客户姓名", "区域", "套餐", "派单日期", "二维码内容", "链接", "有效期至"]


def test_a_csv_list_is_made_for_excel(make_account):
    [card] = make_cards([make_account(customer_name="=1+1")])
    text = b"".join(csv_list([card])).decode()
    line = f"13800138000,'=1+1,城东,畅享 129 套餐,2026-11-01,{card.code},{card.link},{card.last_day}"
    assert text == f"\ufeff{','.join(HEADINGS)}\r\n{line}\r\n"


def test_a_csv_list_is_streamed(make_account):
    cards = list(make_cards([make_account()])) * 1001
    assert [chunk.count(b"\r\n") for chunk in csv_list(cards)] == [501, 500, 1]


def test_the_headings_are_those_of_the_request(make_account):
    with translation.override("en"):
        chunks = csv_list([])
    assert b"".join(chunks).decode().startswith("\ufeffaccount number,customer name,area,")


def test_an_xlsx_list_has_numbers_as_text_and_days_as_days(make_account):
    [card] = make_cards([make_account(customer_name="=1+1", acc_nbr="013800138000")])
    with xlsx_list([card]) as file:
        sheet = load_workbook(file).active
    rows = [[cell.value for cell in row] for row in sheet.rows]
    day = datetime.combine(card.last_day, time.min)
    assert rows == [
        HEADINGS,
        ["013800138000", "=1+1", "城东", "畅享 129 套餐", datetime(2026, 11, 1), card.code, card.link, day],  # noqa: DTZ001
    ]
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "s", "s", "d", "s", "s", "d"]
    assert sheet.title == "二维码"
