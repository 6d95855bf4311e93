"""database/joining.py: texts of several rows as one."""

import pytest
from django.db.models import F

from grades.database.joining import JoinedLines
from grades.models import ReviewNote

pytestmark = pytest.mark.django_db


def test_texts_are_lines_in_the_order_of_the_columns(make_grade):
    rating = make_grade()
    for version, text in ((3, "three, “third”"), (None, "从前"), (1, "one\ntwo")):
        ReviewNote.objects.create(grade=rating, version=version, text=text)
    rows = ReviewNote.objects.order_by().values("grade").annotate(lines=JoinedLines(F("text"), order="version, id"))
    assert [row["lines"] for row in rows] == ["从前\none\ntwo\nthree, “third”"]


def test_a_text_longer_than_the_limit_of_mysql_is_whole(make_grade):
    rating = make_grade()
    for version in range(1, 41):
        ReviewNote.objects.create(grade=rating, version=version, text="满" * 2000)
    rows = ReviewNote.objects.order_by().values("grade").annotate(lines=JoinedLines(F("text"), order="version, id"))
    assert rows[0]["lines"] == "\n".join(["满" * 2000] * 40)
