"""migrations/0009a: the notes of before are in the threads, once."""

import importlib
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from grades.models import Grade, ReviewNote

pytestmark = pytest.mark.django_db

migration = importlib.import_module("grades.migrations.0009a_copy_review_notes")


def copy_notes():
    with connection.schema_editor() as editor:
        migration.copy_notes(apps, editor)


@pytest.mark.django_db(transaction=True)
def test_old_notes_are_copied_once_with_author_and_time(make_grade, superuser, monkeypatch):
    monkeypatch.setattr(migration, "BATCH", 2)
    now = timezone.now()
    reviewed = {"review_state": "closed", "reviewed_at": now - timedelta(days=1)}
    make_grade()
    by_boss = make_grade(review_note="已回电\r\n好", reviewer=superuser, **reviewed)
    by_nobody = make_grade(review_note="x" * 1000, **reviewed)
    new = make_grade(review_note="客户要求回电", insert_time=now)
    for _run in range(2):
        copy_notes()
    rows = ReviewNote.objects.order_by("grade").values_list(
        "grade", "version", "text", "author", "author_name", "state", "written_at"
    )
    day = now - timedelta(days=1)
    assert list(rows) == [
        (by_boss.pk, None, "已回电\r\n好", superuser.pk, "boss", "", day),
        (by_nobody.pk, None, "x" * 1000, None, "", "", day),
        (new.pk, None, "客户要求回电", None, "", "", now),
    ]
    assert Grade.objects.get(pk=new.pk).has_thread

    # A worker of the old version has replaced a note.
    Grade.objects.filter(pk=new.pk).update(review_note="第二条")
    copy_notes()
    assert [note.text for note in Grade.objects.get(pk=new.pk).thread] == ["客户要求回电", "第二条"]
