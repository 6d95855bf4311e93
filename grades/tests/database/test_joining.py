"""database/joining.py: texts of several rows, or of several columns, as one."""

import pytest
from django.db.models import F

from grades.database.joining import JoinedColumns, JoinedLines
from grades.models import Account, ReviewNote

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


def test_columns_are_one_text_with_a_separator(make_account):
    make_account(customer_name="王\u3000明", area="", product="％a,b", dispatched_on="2026-11-01")
    columns = JoinedColumns("\x1f", "dispatched_on", "customer_name", "area", "product")
    assert Account.objects.values_list(columns).get() == ("2026-11-01\x1f王\u3000明\x1f\x1f％a,b",)
