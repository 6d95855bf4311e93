"""The pages of background jobs: each person sees the own ones."""

from django.apps import apps
from django.contrib import admin
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ..access import SEE_OWN_JOBS, staff_route
from ..jobs import KINDS
from ..models import Job
from ..replies import is_ajax

JOBS_SHOWN = 50


def own_job(request, pk):
    if pk >= 2**63:  # too large for the column: SQLite would fail
        raise Http404
    return get_object_or_404(Job, pk=pk, owner=request.user)


def may_see_rows(request, job):
    """Whether the owner may still see the list that the job has read."""
    name = job.parameters.get("list")
    return name is None or admin.site.get_model_admin(apps.get_model("grades", name)).has_view_permission(request)


def context_of(job):
    kind = KINDS.get(job.kind)
    percent = min(100 * job.done // job.total, 100) if job.total else None
    return {
        "job": job,
        "label": kind.label if kind else job.kind,
        "done": f"{job.done:,}",
        "total": None if job.total is None else f"{job.total:,}",
        "percent": percent,
        "has_file": job.has_file(),
    }


@staff_route(SEE_OWN_JOBS)
@require_safe
def job_list(request):
    jobs = Job.objects.filter(owner=request.user).order_by("-id")[:JOBS_SHOWN]
    return render(request, "grades/jobs.html", {"jobs": [context_of(job) for job in jobs]})


@staff_route(SEE_OWN_JOBS)
@require_safe
def show(request, pk):
    """The progress of a job, as the page, or as a fragment for the page's own script."""
    template = "grades/job_progress.html" if is_ajax(request) else "grades/job.html"
    return render(request, template, context_of(own_job(request, pk)))


@staff_route(SEE_OWN_JOBS)
@require_POST
def stop(request, pk):
    own_job(request, pk).stop()
    return redirect("job", pk)


@staff_route(SEE_OWN_JOBS)
@require_safe
def fetch(request, pk):
    """The file that the job has made: for an hour, for its owner, who must still have the right to see the list."""
    job = own_job(request, pk)
    if not may_see_rows(request, job):
        context = context_of(job) | {"problem": _("You may not see these rows any more.")}
        return render(request, "grades/job.html", context, status=403)
    try:
        file = job.path.open("rb") if job.has_file() else None
    except FileNotFoundError:  # deleted since
        file = None
    if file is None:
        context = context_of(job) | {"problem": _("The file does not exist any more. Files are kept for one hour.")}
        return render(request, "grades/job.html", context, status=404)
    return FileResponse(file, as_attachment=True, filename=job.result)
