"""exports/files.py: progress, failures and names of export files."""

import errno
from pathlib import Path

import pytest

from grades.exports import About, files, is_disk_full, ratings_table, write_export
from grades.models import Grade

from ..helpers.exported import ABOUT

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_progress_is_reported_and_its_error_ends_the_export(some, monkeypatch, tmp_path, file_format):
    monkeypatch.setattr(files, "REPORT_ROWS", 20)
    reports = []

    def report(count):
        reports.append(count)
        if fails:
            raise ConnectionError

    for fails in (False, True):
        table = ratings_table(Grade.objects.all())
        arguments = (table, ABOUT, file_format, tmp_path / "file")
        if fails:
            with pytest.raises(ConnectionError):
                write_export(*arguments, expected=53, report=report)
        else:
            assert write_export(*arguments, expected=53, report=report) == 53
    assert reports == [20, 40, 20]


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_full_disk_is_recognised(many, file_format):
    with pytest.raises(OSError) as raised:
        write_export(ratings_table(Grade.objects.all()), ABOUT, file_format, Path("/dev/full"), expected=4100)
    assert is_disk_full(raised.value)
    assert not is_disk_full(OSError(errno.EIO, "broken"))


def test_a_file_name_has_the_filter_the_rows_and_the_time(time_machine):
    time_machine.move_to("2026-11-27T14:15:00Z", tick=False)
    table = ratings_table(Grade.objects.all())
    name = About(filter="review: New", slug="review-new", by="boss").file_name(table, "csv", 1234)
    assert name == "grades_review-new_1234-rows_20261127-2215.csv"
    assert About("", "", "boss").file_name(table, "xlsx", 1) == "grades_1-rows_20261127-2215.xlsx"
