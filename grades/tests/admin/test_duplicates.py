"""admin/duplicates.py, and the exports of duplicates and of conflicts."""

import io
from datetime import datetime, timedelta

import pytest
from openpyxl import load_workbook

from grades.models import Conflict, Repeat

from ..helpers.exported import parse_csv
from ..helpers.office import CONFLICTS, SHANGHAI, act, messages

pytestmark = pytest.mark.django_db

DUPLICATES = "/admin/grades/repeat/"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=SHANGHAI)


def export(client, url, file_format="csv"):
    response = client.post(url.replace("?", "export/?") if "?" in url else f"{url}export/", {"format": file_format})
    return response, b"".join(response.streaming_content) if response.streaming else b""


def test_the_duplicates_of_a_period_are_exported(superuser_client, make_grade):
    rating = make_grade(insert_time=NOW)
    for days in (0, 1, 40):
        Repeat.objects.create(grade=rating, repeated_at=NOW + timedelta(days=days, seconds=1))
    response, content = export(superuser_client, f"{DUPLICATES}?from=2026-11-22&to=2026-11-23")
    assert response["Content-Disposition"].startswith(
        'attachment; filename="duplicates_from-2026-11-22_to-2026-11-23_2-rows_'
    )
    assert parse_csv(content) == [
        ["repeated at", "rating", "account number", "submitted at"],
        ["2026-11-23 12:00:01", f"#{rating.pk}", "13800138000", "2026-11-22 12:00:00"],
        ["2026-11-22 12:00:01", f"#{rating.pk}", "13800138000", "2026-11-22 12:00:00"],
    ]


def test_an_export_of_no_duplicates_says_so(superuser_client):
    response, content = export(superuser_client, DUPLICATES)
    assert (response.status_code, content) == (302, b"")
    assert messages(response) == ["Nothing matches, so there is nothing to export."]


def test_an_export_of_duplicates_needs_the_right_to_see_ratings(client_with, make_grade):
    Repeat.objects.create(grade=make_grade())
    assert export(client_with("view_conflict"), DUPLICATES)[0].status_code == 403
    assert export(client_with("view_grade"), DUPLICATES)[0].status_code == 200


def test_an_export_of_conflicts_has_the_stored_and_the_received_content(superuser_client, make_grade, make_conflict):
    rating = make_grade(txt2="=1+1", txt3="等了很久")
    make_conflict(rating, NOW, txt2="", grade3=2).keep()
    make_conflict(rating, NOW + timedelta(hours=1), acc_nbr="139", txt1="x")
    kept = Conflict.objects.get(acc_nbr="13800138000").kept_as_id
    _response, content = export(superuser_client, CONFLICTS)
    assert parse_csv(content) == [
        [
            "account number", "received at", "state",
            "stored: 服务态度", "received: 服务态度", "stored: 专业水平", "received: 专业水平",
            "stored: 响应速度", "received: 响应速度", "stored: 服务态度如何？", "received: 服务态度如何？",
            "stored: 专业水平如何？", "received: 专业水平如何？",
            "stored: 还有什么要说的？", "received: 还有什么要说的？", "stored rating", "kept as",
        ],
        [
            "139", "2026-11-22 13:00:00", "Open", "5", "5", "4", "4", "3", "1", "服务态度很好", "x",
            "'=1+1", "'=1+1", "等了很久", "等了很久", f"#{rating.pk}", "",
        ],
        [
            "13800138000", "2026-11-22 12:00:00", "Kept", "5", "5", "4", "4", "3", "2", "服务态度很好", "服务态度很好",
            "'=1+1", "", "等了很久", "等了很久", f"#{rating.pk}", f"#{kept}",
        ],
    ]  # fmt: skip


def test_the_open_or_the_ticked_conflicts_are_exported(superuser_client, make_conflict):
    make_conflict().keep()
    ticked = make_conflict(acc_nbr="139")
    make_conflict(acc_nbr="137")
    _response, content = export(superuser_client, f"{CONFLICTS}?state=open", "xlsx")
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    assert {row[0] for row in sheet.iter_rows(min_row=2, values_only=True)} == {"139", "137"}
    response = act(superuser_client, "export_csv", [ticked.pk], url=CONFLICTS)
    assert [row[0] for row in parse_csv(b"".join(response.streaming_content))] == ["account number", "139"]
