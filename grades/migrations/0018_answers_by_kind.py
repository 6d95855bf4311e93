"""The list of the ratings with one grade reads no row. The new index first: the filters always have one."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0017_dispatches_by_name'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['review_state', 'lowest_grade', 'has_remarks', 'insert_time', 'id', 'grade1', 'grade2', 'grade3'], name='grade_by_kind_covering'),
        ),
        migrations.RemoveIndex(
            model_name='grade',
            name='grade_by_kind',
        ),
    ]
