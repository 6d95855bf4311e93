"""database/localtime.py: the offsets of a zone. exports/test_columns.py tests what the database makes of them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from grades.database.localtime import utc_offsets

FIRST, LAST = datetime(2026, 1, 1, 12, 30, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def test_a_zone_without_summer_time_has_one_offset():
    assert utc_offsets(ZoneInfo("Asia/Shanghai"), FIRST, LAST) == [(FIRST, 8 * 3600)]


def test_changes_are_found_to_the_second():
    assert utc_offsets(ZoneInfo("Australia/Lord_Howe"), FIRST, LAST) == [
        (FIRST, 11 * 3600),
        (datetime(2026, 4, 4, 15, tzinfo=UTC), 10 * 3600 + 1800),
        (datetime(2026, 10, 3, 15, 30, tzinfo=UTC), 11 * 3600),
    ]


def test_a_change_on_the_last_day_is_found():
    last = datetime(2026, 4, 4, 15, 0, 1, tzinfo=UTC)
    assert len(utc_offsets(ZoneInfo("Australia/Lord_Howe"), FIRST, last)) == 2
