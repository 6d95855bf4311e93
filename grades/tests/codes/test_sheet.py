"""codes/sheet.py: cards for A4 paper."""

import re

import pytest
from django.utils import translation

from grades.codes import make_cards, sheet_chunks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_url")]


def texts(html):
    return [text.strip() for text in re.findall(r"<p[^>]*>([^<]*)</p>", html) if text.strip()]


def test_a_card_has_area_customer_code_and_what_to_do(make_card):
    card = make_card(dispatched_on="2026-11-02")
    head, page, _end = sheet_chunks([card], "link", "zh-hans")
    assert texts(page) == [
        "微信扫一扫，为本次服务打分", "王小明", "城东", "畅享 129 套餐", "2026-11-02 · 尾号 8000",
        f"有效期至 {card.last_day}",
    ]  # fmt: skip
    assert page.count("<svg") == 1
    assert "13800138000" not in head + page


def test_the_cards_have_their_language_and_the_hint_has_the_users(make_card):
    with translation.override("en"):
        head, page, _end = sheet_chunks([make_card()], "link", "zh-hans")
    assert "Print on A4" in head
    assert '<section class="page" lang="zh-hans">' in page
    with translation.override("zh-hans"):
        head, page, _end = sheet_chunks([make_card(acct_id="A2")], "link", "en")
        assert translation.get_language() == "zh-hans"
    assert "用 A4 纸按实际大小打印" in head
    assert "Scan with WeChat and rate our service" in page


def test_ten_cards_are_a_page_and_pages_are_made_one_at_a_time(make_account):
    made = []

    def cards():
        for card in make_cards([make_account(acct_id=f"A{number}") for number in range(21)]):
            made.append(card)
            yield card

    chunks = sheet_chunks(cards(), "link", "zh-hans")
    next(chunks)
    assert len(made) == 0
    assert [(chunk.count("<article"), len(made)) for chunk in chunks] == [(10, 10), (10, 20), (1, 21), (0, 21)]


def test_a_file_holds_its_style_and_refers_to_nothing(make_card):
    html = "".join(sheet_chunks([make_card()], "link", "zh-hans"))
    assert "@page { size: A4 portrait" in html
    assert not re.search(r"<(link|script|img|a)\b|url\(|https?:", html)


def test_a_page_of_the_site_has_no_inline_style_or_script(make_card):
    html = "".join(sheet_chunks([make_card()], "link", "zh-hans", back="/admin/grades/account/?q=1&p=2"))
    assert "<style" not in html
    assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", html)
    assert 'href="/admin/grades/account/?q=1&amp;p=2"' in html


def test_the_words_of_a_dispatch_are_escaped(make_card):
    html = "".join(sheet_chunks([make_card(customer_name="<b>&", area='"><script>')], "link", "zh-hans"))
    assert "&lt;b&gt;&amp;" in html
    assert "<script" not in html
