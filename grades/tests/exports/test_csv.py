"""exports/csv.py: the file equals the table, and no cell begins a formula."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from grades.exports.columns import Column
from grades.exports.csv import csv_value, guarded
from grades.models import Grade

from ..helpers.exported import HEADINGS, SHANGHAI, as_text, export, read_csv, table

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_the_csv_equals_the_table_across_batches(many):
    assert read_csv(Grade.objects.all()) == [HEADINGS, *as_text(table())]


def test_no_csv_cell_begins_a_formula(nasty):
    def begins_formula(cell):
        seen = "".join(character for character in cell if not character.isspace() and character.isprintable())
        return seen[:1] in {*"=+-@＝＋－＠"} or cell[:1] in {*"\t\r\n"}

    rows = read_csv(Grade.objects.all())
    assert not [cell for row in rows for cell in row if begins_formula(cell)]
    guarded = [[f"'{cell}" if begins_formula(cell) else cell for cell in row] for row in as_text(table())]
    assert rows[1:] == guarded
    assert "'+8613800138000" in [row[0] for row in rows]
    assert {"' =1+1", "'\u3000=1+1"} < {row[4] for row in rows}
    assert "  spaces around  " in {row[4] for row in rows}


INVISIBLE = [
    *("", " ", "\u3000", "\x00", "\x7f", "\x85", "\xad", "\u034f", "\u061c", "\u115f", "\u1160", "\u180e", "\u200b"),
    *("\u202e", "\u2060", "\u2065", "\u2800", "\u3164", "\ufe0f", "\ufeff", "\uffa0", "\U000e0001", "\U000e0100"),
]


@pytest.mark.parametrize("before", INVISIBLE, ids=map(ascii, INVISIBLE))
@pytest.mark.parametrize("sign", "=+-@＝＋－＠−")
def test_a_formula_is_guarded_after_any_invisible_character(before, sign):
    for text in (f"{before}{sign}1", f" {before}\u200b{before}{sign}cmd"):
        assert csv_value(text) == f"'{text}"
        assert next(guarded([Column("text", 10)], [(text,)])) == (f"'{text}",)


@pytest.mark.parametrize("text", ["", "好=1", "1-2", "\u3164好", "\u3164", "（很好）", "。=1", "\u200b", "'=1", "—1"])
def test_other_texts_are_not_changed(text):
    assert csv_value(text) == text
    assert next(guarded([Column("text", 10)], [(text,)])) == (text,)


def test_the_csv_is_utf8_with_a_bom_and_crlf(make_grade, superuser):
    grade = make_grade(
        insert_time=datetime(2026, 11, 1, 16, 30, 5, 999999, ZoneInfo("UTC")), txt1="很好,\n谢谢", txt2="=1+1"
    )
    Grade.objects.filter(pk=grade.pk).update(
        review_state="closed", reviewer=superuser, reviewed_at=datetime(2026, 11, 2, 0, 0, 0, 0, SHANGHAI)
    )
    assert (
        export("csv", Grade.objects.all())
        == (
            "\ufeffaccount number,服务态度,专业水平,响应速度,服务态度如何？,专业水平如何？,还有什么要说的？,"
            "submitted at,review,review note,reviewed by,reviewed at,dispatched on,customer name,area,product\r\n"
            '13800138000,5,4,3,"很好,\n谢谢",\'=1+1,,'
            "2026-11-02 00:30:05,Closed,,boss,2026-11-02 00:00:00,,,,\r\n"
        ).encode()
    )
