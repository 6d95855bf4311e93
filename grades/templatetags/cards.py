"""The rows of a list as cards on a phone."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst

register = template.Library()


@register.filter
def labelled(cells, headers):
    """The cells of a row, as stock admin renders them, with the name of their column in `data-label`."""
    for cell, header in zip(cells, headers, strict=True):
        tag, rest = cell.split(">", 1)
        text = capfirst(header["text"]) if "field-" in tag else ""
        yield mark_safe(format_html('{} data-label="{}">', mark_safe(tag), text) + rest)  # noqa: S308 - stock markup
