"""reader/lines.py: a row is the same on both sides of the pipe."""

from datetime import date, datetime, time, timedelta

from grades.reader.lines import decode, encode, is_row
from grades.reader.tables import BROKEN_CELL

CELLS = [
    None,
    "",
    "王小明\r\n\u2028\x00\x7f😀",
    '{"date":"2026-11-01"}',
    0,
    13800138000,
    10**18,
    -0.5,
    0.1 + 0.2,
    1e300,
    float("inf"),
    True,
    False,
    date(2026, 11, 1),
    datetime.fromisoformat("2026-11-01 08:30:00.000001"),
    datetime.fromisoformat("2026-11-01 00:00"),
    time(8, 30),
    time(23, 59, 59, 999999),
    timedelta(days=2, seconds=1, microseconds=500000),
    timedelta(days=-1, seconds=3),
    BROKEN_CELL,
]


def test_every_cell_keeps_its_value_and_its_type():
    line = encode([2, CELLS])
    assert "\n" not in line
    row = decode(line)
    assert is_row(row)
    assert row == [2, CELLS]
    assert [type(cell) for cell in row[1]] == [type(cell) for cell in CELLS]
