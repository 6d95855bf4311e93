from django.db import migrations

BATCH = 2000


def copy_notes(apps, schema_editor):
    """Copy each `grade.review_note` into the thread of its rating, unless the thread has it already.

    Runs without a transaction around it: each batch is committed, and a run after an interruption copies the rest.
    """
    database = schema_editor.connection.alias
    Grade = apps.get_model("grades", "Grade").objects.using(database)
    ReviewNote = apps.get_model("grades", "ReviewNote")
    notes = ReviewNote.objects.using(database)
    noted = Grade.exclude(review_note="").select_related("reviewer").order_by("pk")
    last = 0
    while batch := list(noted.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        copied = notes.filter(grade_id__in=[grade.pk for grade in batch], version=None)
        copied = set(copied.values_list("grade_id", "text"))
        notes.bulk_create(
            ReviewNote(
                grade=grade,
                text=grade.review_note,
                author=grade.reviewer,
                author_name=grade.reviewer.username if grade.reviewer else "",
                written_at=grade.reviewed_at or grade.insert_time,
            )
            for grade in batch
            if (grade.pk, grade.review_note) not in copied
        )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("grades", "0009_review_notes"),
    ]

    operations = [
        migrations.RunPython(copy_notes, migrations.RunPython.noop),
    ]
