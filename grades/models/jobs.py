"""Background jobs: work that takes longer than a request. `manage.py run_jobs` does it (grades/jobs.py)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .. import metrics
from .fields import Char32UUIDField

UNFINISHED_JOBS = 5  # of one person
RESULT_KEPT = timedelta(hours=1)
JOB_KEPT = timedelta(days=7)  # its parameters may hold an account number


class JobStopped(Exception):
    """The owner stopped the job, or another worker has it now."""


class WorkerEnding(Exception):
    """The worker was told to end; another one goes on with the job."""


class JobFailed(Exception):
    """The job cannot be done; the text is for its owner."""


class TooManyJobs(Exception):
    """The owner has `UNFINISHED_JOBS` jobs that wait or run."""


class JobQuerySet(models.QuerySet):
    def unfinished(self):
        return self.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])

    def add(self, kind, owner, parameters):
        """The job for this order: the one that waits or runs already, or a new one. Raises `TooManyJobs`."""
        unfinished = list(self.unfinished().filter(owner=owner))
        for job in unfinished:
            if (job.kind, job.parameters) == (kind, parameters):
                return job
        if len(unfinished) >= UNFINISHED_JOBS:
            raise TooManyJobs
        return self.create(kind=kind, owner=owner, parameters=parameters, language=get_language() or "")


class Job(models.Model):
    """One job. A worker holds it by its claim: every change by a worker is an UPDATE on the claim."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    kind = models.CharField(max_length=32)  # a key of grades.jobs.KINDS
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    parameters = models.JSONField(default=dict)
    language = models.CharField(max_length=16, default="")  # of the owner: for texts that the job writes
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    position = models.JSONField(null=True)  # where a restarted job goes on
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = Char32UUIDField(null=True)
    stop_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    heartbeat = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, default="")
    result = models.CharField(max_length=200, default="")  # the name for the download of the file at `path`

    objects = JobQuerySet.as_manager()

    # The worker sets it: whether the worker was told to end.
    is_ending: Callable[[], bool] = staticmethod(lambda: False)

    class Meta:
        db_table = "job"
        indexes = [
            # the workers: the oldest waiting job, the running ones; and deletion of old jobs
            models.Index(fields=["state", "id"], name="job_by_state"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "running", "done", "failed", "stopped"]),
                name="job_state_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="running") | models.Q(claim__isnull=False, heartbeat__isnull=False),
                name="job_running_has_claim",
            ),
        ]

    def __str__(self):
        return f"#{self.pk}"

    def held(self):
        """This job, as a queryset, if this worker still has it."""
        return Job.objects.filter(pk=self.pk, claim=self.claim, state=Job.State.RUNNING)

    def report(self, done: int, *, total: int | None = None, position: Any = None) -> None:
        """Store the progress. Call it after each batch, at least once a minute: it is the sign of life.

        Raises `JobStopped` or `WorkerEnding` if the job must end; let it pass. Called within the transaction of the
        batch, it commits both or none, and a restarted job finds `position` in `self.position`.
        """
        if self.is_ending():
            raise WorkerEnding
        metrics.note_worker()
        changes: dict[str, Any] = {"done": done, "heartbeat": timezone.now()}
        if total is not None:
            changes["total"] = total
        if position is not None:
            changes["position"] = position
        if not self.held().filter(stop_requested=False).update(**changes):
            raise JobStopped

    def stop(self):
        """End the job: at once if it waits, after the present batch if it runs."""
        waiting = Job.objects.filter(pk=self.pk, state=Job.State.WAITING)
        if not waiting.update(state=Job.State.STOPPED, finished_at=timezone.now()):
            Job.objects.filter(pk=self.pk, state=Job.State.RUNNING).update(stop_requested=True)

    # --- The file that a job makes ----------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The file of the worker that has, or had, this claim."""
        return Path(settings.JOBS_DIR) / f"{self.pk}-{self.claim.hex}"

    def has_file(self) -> bool:
        """Whether the result can be fetched: for an hour."""
        kept = self.finished_at is not None and timezone.now() < self.finished_at + RESULT_KEPT
        return self.state == Job.State.DONE and bool(self.result) and kept and self.path.exists()

    # --- The page of the job ----------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        return self.state not in (Job.State.WAITING, Job.State.RUNNING)

    @property
    def is_overdue(self) -> bool:
        """Whether no worker has taken the job, or given a sign of life, for a while."""
        seen = self.heartbeat if self.state == Job.State.RUNNING else self.created_at
        return not self.is_finished and seen is not None and timezone.now() - seen > timedelta(seconds=30)
