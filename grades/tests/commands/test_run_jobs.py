"""run_jobs: a process in the foreground that ends when it is told to, or with its parent."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.core.management import call_command

from grades import jobs
from grades.jobs import Kind
from grades.models import Job

from ..helpers.servers import database_url


def environment():
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
    }


def wait_for(condition):
    for _try in range(200):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen")


@pytest.mark.django_db
def test_once_runs_the_waiting_jobs_and_ends(staff, monkeypatch, settings, tmp_path):
    settings.JOBS_DIR = tmp_path
    monkeypatch.setitem(jobs.KINDS, "test", Kind("Test", lambda job: None))
    for number in range(3):
        Job.objects.add("test", staff, {"n": number})
    call_command("run_jobs", "--once")
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_fails_an_unknown_job_and_ends_on_a_signal(staff, number):
    job = Job.objects.add("of a newer version", staff, {})
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_jobs"], cwd=settings.BASE_DIR, env=environment(), stderr=subprocess.PIPE
    )
    try:
        wait_for(lambda: Job.objects.get(pk=job.pk).is_finished)
        process.send_signal(number)
        _output, log = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert Job.objects.get().state == "failed"
    assert b"KeyError" in log


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pause", [0, 2], ids=["while it starts", "while it waits"])
def test_a_worker_ends_with_its_parent(pause):
    command = f"{sys.executable} manage.py run_jobs --parent $$ & echo $!; exec sleep 60"
    parent = subprocess.Popen(
        ["sh", "-c", command], cwd=settings.BASE_DIR, env=environment(), stdout=subprocess.PIPE, text=True
    )
    worker = int(parent.stdout.readline())
    time.sleep(pause)
    os.kill(worker, 0)
    parent.kill()
    # The output ends when the worker has ended too; or this raises TimeoutExpired.
    parent.communicate(timeout=20)


@pytest.mark.django_db(transaction=True)
def test_a_worker_leaves_a_sign_of_life():
    file = settings.VAR_DIR / "state" / "jobs"
    file.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_jobs"], cwd=settings.BASE_DIR, env=environment(), stderr=subprocess.PIPE
    )
    try:
        wait_for(file.exists)
        assert abs(file.stat().st_mtime - time.time()) < 15
        process.terminate()
        process.communicate(timeout=20)
    finally:
        process.kill()
