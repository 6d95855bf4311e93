from datetime import datetime, timedelta

import pytest
from django.utils import translation

from grades.models import Grade, ReviewNote

from ..helpers.exported import SHANGHAI

# Texts that have broken exports: formulas, links, numbers, escapes, line ends, characters that XML lacks.
NASTY = [
    "=1+1",
    "+8613800138000",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    " =1+1",
    "\u3000=1+1",
    "\xa0 ＋1",
    "\ufeff\u200b@SUM(A1)",
    "\x0b\x1f-1",
    "\u2028\u202e=1",
    "https://example.com/?a=1&b=2",
    "mailto:a@example.com",
    "00123",
    "1e5",
    "TRUE",
    "2026-11-01",
    "_x000D_",
    "_x0041_",
    "_x005F_x000D_",
    "a_xFFFE_b",
    "line one\nline two",
    "line one\r\nline two",
    "lone\rreturn",
    "  spaces around  ",
    '"quoted", with; separators',
    "<b>&amp;]]></b>",
    "\x7f\x85\u2028",
    "😀👨‍👩‍👧🇨🇳",
    "好" * 500,
    "😀" * 500,
    "'already quoted",
]


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def make_grades(count, reviewer):
    """`count` ratings in runs of equal times; every seventh is closed."""
    start = datetime(2026, 11, 1, 8, tzinfo=SHANGHAI)
    Grade.objects.bulk_create(
        Grade(
            acc_nbr=f"{number:011d}",
            grade1=number % 5 + 1,
            grade2=5,
            grade3=4,
            txt1=f"remark {number}" if number % 3 else "",
            insert_time=start - timedelta(seconds=number // 700),
            **({"review_state": "closed", "reviewer": reviewer, "reviewed_at": start} if number % 7 == 0 else {}),
        )
        for number in range(count)
    )


@pytest.fixture
def many(superuser):
    """4,100 ratings: more than two batches of 2,000, with runs of equal times across the edges of the batches."""
    make_grades(4100, superuser)


@pytest.fixture
def some(superuser):
    """53 ratings."""
    make_grades(53, superuser)


@pytest.fixture
def nasty(make_grade):
    for number, text in enumerate(NASTY):
        grade = make_grade(acc_nbr=f"00{number}", txt1=text, txt2="", txt3=text, review_version=1)
        ReviewNote.objects.create(grade=grade, version=1, text=text, author_name=text[:150])
    make_grade(acc_nbr="+8613800138000")
