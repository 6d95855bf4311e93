"""Rows of the original program's table, and the ratings that an import stores."""

import csv
from datetime import UTC, datetime

from grades.models import Grade

COLUMNS = ["acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3", "insert_time"]
ROW = ["13800138000", 5, 4, 3, "服务态度很好", "", "👍", "2026-11-01 08:30:00"]
STORED = ("13800138000", 5, 4, 3, "服务态度很好", "", "👍", datetime(2026, 11, 1, 0, 30, tzinfo=UTC))
AGAIN = "Run the same command again: stored ratings are skipped, the others are added."


def stored():
    return list(Grade.objects.order_by("insert_time", "acc_nbr", "id").values_list(*COLUMNS))


def numbered(count):
    """Rows of different accounts, three of them in the same second."""
    return [[f"138{number:05}", *ROW[1:7], f"2026-11-01 08:{number // 3:02}:00"] for number in range(count)]


def write_csv(path, *rows, columns=COLUMNS, encoding="utf-8"):
    """Write rows into a CSV file; returns its path."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path
