"""exports/parquet.py: a table as Parquet, with types."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from grades.exports import parquet as parquet_export
from grades.exports import ratings_table, write_export
from grades.models import Grade

from ..helpers.exported import ABOUT, HEADINGS, SHANGHAI, read_csv

parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: bin/setup --parquet")

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.parquet"


def write(path, **options):
    table = ratings_table(Grade.objects.all(), moments=True)
    return write_export(table, ABOUT, "parquet", path, expected=Grade.objects.count(), **options)


def as_text(value, zone):
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def test_the_rows_are_those_of_the_csv(some, path):
    Grade.objects.filter(acc_nbr__in=["00000000001", "00000000050"]).update(txt1="一\r\n二👍\t", txt2="纯文字")
    assert write(path) == Grade.objects.count() > 50
    read = parquet.read_table(path)
    rows = zip(*(column.to_pylist() for column in read.columns), strict=True)
    assert [read.column_names, *([as_text(cell, SHANGHAI) for cell in row] for row in rows)] == read_csv(
        Grade.objects.all()
    )


def test_the_columns_have_types(make_grade, make_account, path):
    make_account(dispatched_on="2026-01-01")
    moment = datetime(2026, 11, 1, 16, 30, 59, 123456, tzinfo=UTC)
    make_grade(insert_time=moment)
    write(path)
    read = parquet.read_table(path)
    types = dict.fromkeys(HEADINGS, "string") | dict.fromkeys(HEADINGS[1:4], "int16")
    types |= dict.fromkeys(["submitted at", "reviewed at"], "timestamp[us, tz=Asia/Shanghai]")
    types["dispatched on"] = "date32[day]"
    assert {field.name: str(field.type) for field in read.schema} == types
    (row,) = read.to_pylist()
    assert (row["submitted at"], row["reviewed at"], row["reviewed by"]) == (moment, None, "")
    assert row["submitted at"].utcoffset() == timedelta(hours=8)


def test_an_hour_that_the_clock_repeats_keeps_its_moment(make_grade, path, settings):
    settings.TIME_ZONE = "Europe/London"
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (1, 0)]
    for moment in moments:
        make_grade(insert_time=moment)
    write(path)
    times = parquet.read_table(path)["submitted at"].to_pylist()
    assert [time.astimezone(UTC) for time in times] == moments
    assert {as_text(time, ZoneInfo("Europe/London")) for time in times} == {"2026-10-25 01:30:00"}


def test_the_metadata_says_what_the_file_has(make_grade, path):
    make_grade(), make_grade()
    before = datetime.now(UTC) - timedelta(seconds=1)
    write(path)
    metadata = parquet.read_metadata(path).metadata
    about = {name: metadata[name.encode()].decode() for name in ("rows", "filter", "by", "at")}
    at = datetime.fromisoformat(about.pop("at"))
    assert about == {"rows": "2", "filter": "review: New", "by": "boss"}
    assert before < at < datetime.now(UTC)
    assert at.utcoffset() == timedelta(hours=8)


def test_rows_are_written_in_groups(some, path, monkeypatch):
    monkeypatch.setattr(parquet_export, "GROUP_ROWS", 20)
    count = write(path)
    metadata = parquet.read_metadata(path)
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [
        min(20, count - start) for start in range(0, count, 20)
    ]


def test_an_export_of_nothing_has_the_columns(path):
    assert write(path) == 0
    read = parquet.read_table(path)
    assert (read.column_names, read.num_rows) == (HEADINGS, 0)
