"""views/jobs.py: the progress of a job and its file, for its owner only."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from grades import jobs
from grades.jobs import Kind
from grades.models import Job

from ..helpers.headers import FRAGMENT
from ..helpers.office import grant, log_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(jobs.KINDS, "test", Kind("Some work", lambda job: None))
    settings.JOBS_DIR = tmp_path
    return tmp_path


@pytest.fixture
def make_job(staff):
    def make(**columns):
        now = timezone.now()
        job = Job.objects.create(
            **{
                "kind": "test", "owner": staff, "claim": uuid.uuid4(), "heartbeat": now, "created_at": now, **columns,
            }
        )  # fmt: skip
        if columns.get("result"):
            job.path.write_text("a,b")
        return job

    return make


@pytest.fixture
def own(staff):
    return log_in(staff)


def test_a_running_job_shows_its_progress_and_refreshes(own, make_job):
    job = make_job(state="running", done=1500, total=6000)
    page = own.get(f"/jobs/{job.pk}")
    assert "This job is running." in page.text
    assert '<progress max="100" value="25"' in page.text
    assert "1,500 of 6,000" in page.text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page.text
    fragment = own.get(f"/jobs/{job.pk}", headers=FRAGMENT).text
    assert "<html" not in fragment
    assert "1,500 of 6,000" in fragment
    assert "/stop" in fragment


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"state": "waiting"}, "This job waits for its turn."),
        ({"state": "running", "stop_requested": True}, "This job ends after the present batch."),
        ({"state": "failed", "error": "The server's disk is full."}, "The server&#x27;s disk is full."),
        ({"state": "stopped"}, "This job was stopped."),
        ({"state": "done", "result": "a.csv", "finished_at": timezone.now()}, "The file is kept for one hour."),
        (
            {"state": "done", "result": "a.csv", "finished_at": timezone.now() - timedelta(hours=2)},
            "The file was kept for one hour and has been deleted.",
        ),
        ({"state": "waiting", "created_at": timezone.now() - timedelta(minutes=2)}, "manage.py run_jobs is running"),
        ({"state": "waiting", "kind": "of a newer version"}, "of a newer version"),
    ],
)
def test_the_page_says_how_the_job_stands(own, make_job, columns, text):
    page = own.get(f"/jobs/{make_job(**columns).pk}")
    assert page.status_code == 200
    assert text in page.text


def test_the_owner_fetches_the_file_for_an_hour(own, make_job):
    job = make_job(state="done", result="grades.csv", finished_at=timezone.now() - timedelta(minutes=59))
    response = own.get(f"/jobs/{job.pk}/file")
    assert response["Content-Disposition"] == 'attachment; filename="grades.csv"'
    assert b"".join(response.streaming_content) == b"a,b"
    Job.objects.update(finished_at=timezone.now() - timedelta(minutes=61))
    late = own.get(f"/jobs/{job.pk}/file")
    assert late.status_code == 404
    assert "The file does not exist any more." in late.text


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("grade", "view_grade"),
        ("account", "view_account"),
        ("credit", "view_credit"),
        ("conflict", "view_conflict"),
        ("repeat", "view_grade"),
    ],
)
def test_the_file_of_a_list_needs_the_right_to_see_the_list(own, staff, make_job, name, right):
    job = make_job(state="done", result="list.csv", finished_at=timezone.now(), parameters={"list": name})
    refused = own.get(f"/jobs/{job.pk}/file")
    assert refused.status_code == 403
    assert "You may not see these rows any more." in refused.text
    grant(staff, right)
    assert b"".join(own.get(f"/jobs/{job.pk}/file").streaming_content) == b"a,b"
    grant(staff)
    assert own.get(f"/jobs/{job.pk}/file").status_code == 403


def test_a_job_of_another_person_does_not_exist(superuser_client, make_job):
    job = make_job(state="done", result="grades.csv", finished_at=timezone.now())
    for path in (f"/jobs/{job.pk}", f"/jobs/{job.pk}/file", f"/jobs/{9**30}"):
        assert superuser_client.get(path).status_code == 404
    assert superuser_client.post(f"/jobs/{job.pk}/stop").status_code == 404
    assert f"/jobs/{job.pk}" not in superuser_client.get("/jobs").text


def test_the_owner_stops_a_job_by_post(own, make_job):
    job = make_job(state="running")
    assert own.get(f"/jobs/{job.pk}/stop").status_code == 405
    response = own.post(f"/jobs/{job.pk}/stop")
    assert (response.status_code, response["Location"]) == (302, f"/jobs/{job.pk}")
    job.refresh_from_db()
    assert (job.state, job.stop_requested) == ("running", True)


def test_the_list_has_the_own_jobs_newest_first(own, make_job):
    assert "There are none." in own.get("/jobs").text
    jobs = [make_job(state="waiting"), make_job(state="running", done=1, total=4)]
    text = own.get("/jobs").text
    assert text.index(f"/jobs/{jobs[1].pk}") < text.index(f"/jobs/{jobs[0].pk}")
    assert "25 %" in text
