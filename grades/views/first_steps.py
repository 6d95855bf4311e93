"""The first steps of a new installation."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from ..access import SET_UP, staff_route
from ..first_steps import read_steps, trial_code


@staff_route(SET_UP)
@require_safe
def first_steps(request):
    steps = read_steps()
    # A picture may be a call to WeChat: only while it is needed.
    dispatch, picture, problem = (None, "", "") if steps.rating else trial_code()
    context = {"steps": steps, "dispatch": dispatch, "picture": picture, "problem": problem}
    return render(request, "grades/first_steps.html", context)
