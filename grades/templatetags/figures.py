"""Filters that write figures."""

from django import template

from ..formats import duration, mean, percent, signed, thousands

register = template.Library()
for write in (duration, mean, percent, signed, thousands):
    register.filter(write)
