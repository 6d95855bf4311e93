"""The way to the first steps, on the back office's first page."""

from django import template

from ..access import SET_UP, may
from ..first_steps import read_steps

register = template.Library()


@register.inclusion_tag("admin/grades/first_steps.html", takes_context=True)
def first_steps(context):
    """A line that leads to the first steps, until they are done, for those who may take them."""
    return {"is_shown": may(context["request"].user, SET_UP) and not read_steps().all_done}
