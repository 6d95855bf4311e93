"""The export buttons and the page of a background job, in a real browser."""

import re
import uuid

import pytest
from django.utils import timezone

from grades.models import Grade, Job

from .conftest import violations

pytestmark = pytest.mark.browser


@pytest.fixture
def ratings(make_grade, make_account):
    make_account()
    return [make_grade(acc_nbr=f"1380013800{number}") for number in range(4)]


def test_ticks_narrow_the_export_and_their_removal_widens_it(log_in, clerk, ratings):
    page = log_in(clerk, "/admin/grades/grade/", locale="en")
    button = page.locator("#export-form button").first
    assert button.inner_text() == "Export all 4 as XLSX"
    boxes = page.locator(".action-select")
    for number in range(3):
        boxes.nth(number).check()
    page.get_by_role("button", name="Export these 3 as XLSX").wait_for()
    with page.expect_download() as download:
        button.click()
    assert re.fullmatch(r"grades_selected_3-rows_\d{8}-\d{4}\.xlsx", download.value.suggested_filename)
    for number in range(3):
        boxes.nth(number).uncheck()
    page.get_by_role("button", name="Export all 4 as XLSX").wait_for()
    with page.expect_download() as download:
        button.click()
    assert re.fullmatch(r"grades_4-rows_\d{8}-\d{4}\.xlsx", download.value.suggested_filename)


def test_without_javascript_the_button_exports_all_rows(log_in, clerk, ratings):
    page = log_in(clerk, "/admin/grades/grade/?lowest=3", java_script_enabled=False)
    with page.expect_download() as download:
        page.locator("#export-form button").nth(1).click()
    assert re.fullmatch(r"grades_lowest-3_4-rows_\d{8}-\d{4}\.csv", download.value.suggested_filename)
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == 5


def test_the_page_of_a_job_follows_it_and_survives_a_reload(log_in, clerk):
    job = Job.objects.create(
        kind="export", owner=clerk, state="running", claim=uuid.uuid4(), heartbeat=timezone.now(), done=250, total=1000
    )
    page = log_in(clerk, f"/jobs/{job.pk}", locale="en", bypass_csp=True)
    page.get_by_text("250 of 1,000").wait_for()
    assert violations(page) == []
    Job.objects.filter(pk=job.pk).update(done=750)
    page.get_by_text("750 of 1,000").wait_for()
    page.reload()
    page.get_by_text("750 of 1,000").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("ends after the present batch").wait_for()
    Job.objects.filter(pk=job.pk).update(state="stopped", finished_at=timezone.now())
    page.get_by_text("This job was stopped.").wait_for()
    assert Grade.objects.count() == 0
