"""The worker of the background jobs: claims one, runs the function of its kind, and cleans up after others.

A kind of job is a function with the decorator `kind`. It does the work in batches and calls `job.report` after each.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.db.models import F
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from . import metrics
from .exports import is_disk_full
from .models import RateCounter
from .models.jobs import JOB_KEPT, RESULT_KEPT, Job, JobFailed, JobStopped, WorkerEnding

log = logging.getLogger(__name__)

# Without a sign of life for so long, the worker of a job is taken for dead.
STALE = timedelta(minutes=3)
ATTEMPTS = 2


Run = Callable[[Job], str | None]


@dataclass(frozen=True)
class Kind:
    """What staff call it, and the function that does it."""

    label: str | Promise
    run: Run


KINDS: dict[str, Kind] = {}


def kind(name: str, label: str | Promise) -> Callable[[Run], Run]:
    """Decorate the function of a kind of job.

    It returns the name of the file that it wrote to `job.path`, or None. It raises `JobFailed` with a text for the
    owner. Its module must be one that every process imports, such as those of `grades.admin`.
    """

    def register(run: Run) -> Run:
        KINDS[name] = Kind(label, run)
        return run

    return register


def run_next(is_ending: Callable[[], bool] = lambda: False) -> bool:
    """Run the job that has waited longest; returns whether there was one."""
    give_up_stale()
    delete_old()
    RateCounter.objects.delete_ended()
    job = claim_next()
    if job is None:
        return False
    job.is_ending = is_ending
    with translation.override(job.language or settings.LANGUAGE_CODE):
        run(job)
    return True


def claim_next() -> Job | None:
    """Take the oldest waiting job. Of several workers, the one whose UPDATE finds it waiting has it."""
    waiting = Job.objects.filter(state=Job.State.WAITING)
    for pk in waiting.order_by("id").values_list("pk", flat=True)[:10]:
        claim = uuid.uuid4()
        if waiting.filter(pk=pk).update(
            state=Job.State.RUNNING, claim=claim, heartbeat=timezone.now(), attempts=F("attempts") + 1
        ):
            return Job.objects.get(pk=pk)
    return None


def run(job: Job) -> None:
    try:
        Path(settings.JOBS_DIR).mkdir(mode=0o700, parents=True, exist_ok=True)
        result = KINDS[job.kind].run(job)
    except JobStopped:
        end(job, Job.State.STOPPED)
    except WorkerEnding:
        job.path.unlink(missing_ok=True)
        job.held().update(state=Job.State.WAITING, claim=None, attempts=F("attempts") - 1)
    except JobFailed as failed:
        end(job, Job.State.FAILED, error=str(failed))
    except DatabaseError:
        # The connection may be gone, so that nothing can be noted: the job is found by its heartbeat.
        job.path.unlink(missing_ok=True)
        raise
    except OSError as error:
        log.exception("Job %s failed", job.pk)
        end(job, Job.State.FAILED, error=_("The server's disk is full.") if is_disk_full(error) else unexpected())
    except Exception:
        log.exception("Job %s failed", job.pk)
        end(job, Job.State.FAILED, error=unexpected())
    else:
        end(job, Job.State.DONE, result=result or "")


def unexpected() -> str:
    return _("Something went wrong. The reason is in the server's log.")


def end(job: Job, state: Job.State, **changes: str) -> None:
    """Note how the job ended, if this worker still has it. Only a job that is done keeps its file."""
    held = job.held().update(state=state, finished_at=timezone.now(), **changes)
    if state != Job.State.DONE or not held:
        job.path.unlink(missing_ok=True)


def give_up_stale() -> None:
    """A job whose worker is dead waits again; after ATTEMPTS it has failed."""
    before = timezone.now() - STALE
    for job in Job.objects.filter(state=Job.State.RUNNING, heartbeat__lt=before):
        stale = job.held().filter(heartbeat__lt=before)
        if job.stop_requested:
            stale.update(state=Job.State.STOPPED, finished_at=timezone.now())
        elif job.attempts < ATTEMPTS:
            stale.update(state=Job.State.WAITING)
        else:
            with translation.override(job.language or settings.LANGUAGE_CODE):
                text = _("The job broke off %(count)d times.") % {"count": job.attempts}
            stale.update(state=Job.State.FAILED, finished_at=timezone.now(), error=text)


def delete_old() -> None:
    """Delete the files that nobody can fetch any more, also those of workers that died, and old jobs."""
    now = timezone.now()
    Job.objects.exclude(state__in=[Job.State.WAITING, Job.State.RUNNING]).filter(
        finished_at__lt=now - JOB_KEPT
    ).delete()
    folder = Path(settings.JOBS_DIR)
    if not folder.exists():
        return
    # Only files that are an hour old: another site may share the folder.
    before = (now - RESULT_KEPT).timestamp()
    files = {file for file in folder.iterdir() if is_older(file, before)}
    running = Job.objects.filter(state=Job.State.RUNNING)
    fetchable = Job.objects.filter(state=Job.State.DONE, finished_at__gte=now - RESULT_KEPT)
    kept = {job.path for jobs in (running, fetchable) for job in jobs.filter(claim__isnull=False)}
    for file in files - kept:
        file.unlink(missing_ok=True)


def is_older(file: Path, moment: float) -> bool:
    try:
        return file.stat().st_mtime < moment
    except FileNotFoundError:  # another worker has deleted it
        return False


def run_until(is_ending: Callable[[], bool], wait: Callable[[float], object]) -> None:
    """Run jobs until `is_ending()`; `wait(seconds)` passes the time between two looks."""
    while not is_ending():
        metrics.note_worker()
        try:
            found = run_next(is_ending)
        except DatabaseError:
            log.exception("The database failed")
            connections.close_all()
            wait(5)
            continue
        if not found:
            close_old_connections()
            wait(1)
