"""`/healthz` and `/readyz`, for process managers and monitoring: no login, no personal data, nothing secret.

`grades.middleware.answer_probes` calls them before the other middleware.
"""

from django.http import JsonResponse
from django.views.decorators.http import require_safe

from ..health import OK, readiness


@require_safe
def healthz(request):
    """The process answers; it asks no database."""
    return reply({}, 200)


@require_safe
def readyz(request):
    """200 if everything that a request or a job needs is there, otherwise 503."""
    states = readiness()
    return reply(states, 200 if set(states.values()) == {OK} else 503)


def reply(states, status):
    body = {"status": OK if status == 200 else "failed", **states}
    return JsonResponse(body, status=status, json_dumps_params={"indent": 0}, headers={"Cache-Control": "no-store"})


PROBES = {"/healthz": healthz, "/readyz": readyz}
