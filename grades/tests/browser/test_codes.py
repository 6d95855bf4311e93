"""Codes for customers: chosen on the dispatch list, printed on A4, and read back as a phone reads them."""

import json
from urllib.parse import quote, urlsplit

import pypdfium2
import pytest
import zxingcpp
from django.core.management import call_command
from playwright.sync_api import expect

from ..helpers.servers import request
from .conftest import PASSWORD, violations

pytestmark = pytest.mark.browser

A4 = (595, 842)  # points
PRINTER_DOTS, POINTS = 300, 72  # per inch


@pytest.fixture
def printer(django_user_model):
    """A member of staff who keeps the dispatch list."""
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("printer", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_account", "change_account"]))
    return user


def printed_codes(page, path):
    """The codes on each sheet of paper, as a decoder reads them from the print."""
    page.pdf(path=path, prefer_css_page_size=True)
    document = pypdfium2.PdfDocument(path)
    assert {tuple(round(side) for side in sheet.get_size()) for sheet in document} == {A4}
    pictures = [sheet.render(scale=PRINTER_DOTS / POINTS).to_pil() for sheet in document]
    return [[code.text for code in zxingcpp.read_barcodes(picture)] for picture in pictures]


def account_of(server, text):
    """(number, area) that the server tells a phone which has read `text`."""
    code = urlsplit(text).path.rpartition("/")[2] if "/" in text else text
    status, _headers, body = request(server, "GET", f"/score/code?scene={quote(code)}")
    assert status == 200
    return tuple(json.loads(body).values())


@pytest.mark.parametrize("javascript", [True, False])
def test_a_printed_sheet_leads_each_phone_to_its_account(log_in, server, printer, make_account, tmp_path, javascript):
    for number in range(13):
        make_account(acct_id=f"A{number}", acc_nbr=f"1380013{number:04}", area=f"城{number % 2}")
    page = log_in(printer, "/admin/grades/account/", java_script_enabled=javascript)
    for box in page.locator("#result_list input.action-select").all()[:12]:
        box.check()
    page.select_option("select[name=action]", label="制作评价二维码")
    page.click("button[name=index]")
    expect(page.locator("#confirm-form")).to_contain_text("将为 12 条派单制作二维码。")
    page.get_by_role("button", name="制作评价二维码").click()
    expect(page.get_by_role("article")).to_have_count(12)
    expect(page.get_by_role("button", name="打印")).to_have_count(1 if javascript else 0)

    sheets = printed_codes(page, tmp_path / "sheet.pdf")

    assert [len(codes) for codes in sheets] == [10, 2]
    texts = [text for sheet in sheets for text in sheet]
    assert all(text.startswith("https://rate.example.cn/r/") for text in texts)
    found = [account_of(server, text) for text in texts]
    assert sorted(found) == sorted((f"1380013{number:04}", f"城{number % 2}") for number in range(1, 13))
    areas = [area for _number, area in found]
    assert areas == sorted(areas)
    page.get_by_role("link", name="返回列表").click()
    page.wait_for_url("**/admin/grades/account/")


@pytest.mark.parametrize("kind", ["link", "wechat"])
def test_the_file_of_the_command_prints_without_the_site(
    open_page, server, make_account, settings, wechat, tmp_path, kind
):
    """The stub of WeChat draws a QR code of the scene; WeChat's own round codes have no free decoder."""
    settings.PUBLIC_URL = "https://rate.example.cn"
    long_words = {"customer_name": "很长的名字" * 12, "area": "很长的区域" * 12, "product": "很长的套餐" * 25}
    for number in range(11):
        make_account(acct_id=f"A{number}", acc_nbr=f"1380013{number:04}", **long_words)
    call_command("make_codes", tmp_path / "codes.html", "--kind", kind, verbosity=0)
    page = open_page(f"file://{tmp_path}/codes.html")
    sheets = printed_codes(page, tmp_path / "sheet.pdf")
    assert [len(codes) for codes in sheets] == [10, 1]
    found = sorted(account_of(server, text)[0] for sheet in sheets for text in sheet)
    assert found == [f"1380013{number:04}" for number in range(11)]


def test_a_code_outside_wechat_shows_a_calm_page_in_both_languages(open_page):
    page = open_page("/r/AAAAAAAAAA9RimlQqlt5a0h3XYPA", bypass_csp=True, viewport={"width": 390, "height": 800})
    expect(page.get_by_role("heading", level=1)).to_have_text("请用微信打开这个二维码")
    expect(page.get_by_role("listitem")).to_have_count(3)
    assert violations(page) == []
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Open this code in WeChat")
    assert urlsplit(page.url).path == "/r/AAAAAAAAAA9RimlQqlt5a0h3XYPA"
