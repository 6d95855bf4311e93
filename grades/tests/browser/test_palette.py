"""static/css/tokens.css in the back office: the colours follow the system or the switch."""

import re

import pytest
from django.conf import settings

from .conftest import PASSWORD

pytestmark = pytest.mark.browser

CSS = settings.BASE_DIR / "static" / "css"
NAMES = sorted(set(re.findall(r"(--[\w-]+):", (CSS / "tokens.css").read_text() + (CSS / "admin.css").read_text())))
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 33, 30)"}

READ_STYLE = """names => {
    const style = getComputedStyle(document.documentElement);
    return [style.colorScheme, ...names.map(name => style.getPropertyValue(name).trim())];
}"""


def read_style(page):
    return page.evaluate(READ_STYLE, NAMES)


def paper(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.fixture
def styles(log_in, django_user_model):
    """{(system, switched): every colour of the back office}"""
    boss = django_user_model.objects.create_superuser("boss", password=PASSWORD)
    styles = {}
    for system, other in (("light", "dark"), ("dark", "light")):
        page = log_in(boss, "/admin/", color_scheme=system)
        styles[system, system] = read_style(page)
        assert paper(page) == PAPER[system]
        page.locator(".theme-toggle").click()
        styles[system, other] = read_style(page)
        assert paper(page) == PAPER[other]
        page.emulate_media(media="print")
        assert paper(page) == PAPER["light"]
    return styles


def test_the_switch_and_the_system_lead_to_the_same_colours(styles):
    for scheme in ("light", "dark"):
        assert styles["light", scheme] == styles["dark", scheme]
        assert styles[scheme, scheme][0] == scheme
    assert styles["light", "light"] != styles["light", "dark"]
