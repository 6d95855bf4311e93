"""Sheets of cards for A4 paper, as HTML with print CSS: a browser prints them with the fonts of its system."""

from collections.abc import Iterable, Iterator
from itertools import islice

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from .cards import Card
from .pictures import LINK, WECHAT, picture_of

CARDS_PER_PAGE = 10
# Cards of one document, so that an office computer prints it. A picture from WeChat is ten times a QR code.
SHEET_CARDS = {LINK: 2000, WECHAT: 500}
STYLES = settings.BASE_DIR / "static" / "css" / "sheet.css"


def sheet_chunks(
    cards: Iterable[Card], kind: str, language: str, env_version: str = "release", back: str = ""
) -> Iterator[str]:
    """One HTML document with all `cards`, page by page; memory is one page. Raises `CodesFailed` on the way.

    `language` is the language of the cards; the hint above them has the active one. With `back`, the address of the
    list, it is a page of the site and links to its style; without, the file holds its style and prints anywhere.
    """
    cards = iter(cards)
    yield render_to_string("grades/codes/head.html", {"styles": STYLES.read_text(), "back": back})
    while page := list(islice(cards, CARDS_PER_PAGE)):
        printed = [(card, picture_of(card, kind, env_version)) for card in page]
        with translation.override(language):
            text = render_to_string("grades/codes/page.html", {"cards": printed})
        yield text
    yield "</main>\n</body>\n</html>\n"
