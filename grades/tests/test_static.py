"""static/css: one palette, in tokens.css."""

import re

import pytest
from django.conf import settings

CSS = settings.BASE_DIR / "static" / "css"
MINI_PROGRAM = settings.BASE_DIR / "miniprogram"

# The mini program's own package cannot read the site's files, so app.wxss repeats the colours it needs.
ONLY_IN_THE_MINI_PROGRAM = {"--star", "--field-line", "--warning-ink"}


def palette():
    """{name: (light, dark)} of tokens.css."""
    rules = re.findall(r"(--[\w-]+): var\(--light, (\S+)\) var\(--dark, (\S+)\);", (CSS / "tokens.css").read_text())
    return {name: (light, dark) for name, light, dark in rules}


def mini_program_palette():
    # Further rules for the dark mode follow the palette; they name no colour.
    light, dark, *_rules = (MINI_PROGRAM / "app.wxss").read_text().split("@media (prefers-color-scheme: dark)")
    light, dark = (dict(re.findall(r"(--[\w-]+): (#\w+);", part)) for part in (light, dark))
    assert light.keys() == dark.keys()
    return {name: (light[name], dark[name]) for name in light}


def test_the_mini_program_has_the_colours_of_the_site():
    tokens, mini_program = palette(), mini_program_palette()
    assert len(mini_program) == 15
    assert mini_program.keys() - tokens.keys() == ONLY_IN_THE_MINI_PROGRAM
    assert {name: tokens[name] for name in mini_program if name in tokens} == {
        name: colours for name, colours in mini_program.items() if name in tokens
    }


@pytest.mark.parametrize("name", ["admin.css", "site.css"])
def test_other_style_sheets_use_only_colours_of_the_palette(name):
    text = (CSS / name).read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*;)|\b(?:rgb|hsl)a?\(", text) == []


def test_each_colour_of_the_palette_is_used():
    used = {name for path in CSS.iterdir() for name in re.findall(r"var\((--[\w-]+)\)", path.read_text())}
    assert palette().keys() - used == set()
