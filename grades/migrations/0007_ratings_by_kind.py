"""Indexes for every combination of the filters, two in place of four. Added first: no query is ever without one."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0006_normal_numbers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['review_state', 'lowest_grade', 'has_remarks', 'insert_time', 'id'], name='grade_by_kind'),
        ),
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['number', 'insert_time', 'id', 'review_state', 'lowest_grade', 'has_remarks'], name='grade_of_number'),
        ),
        migrations.RemoveIndex(
            model_name='grade',
            name='grade_by_number',
        ),
        migrations.RemoveIndex(
            model_name='grade',
            name='grade_by_review',
        ),
        migrations.RemoveIndex(
            model_name='grade',
            name='grade_by_lowest',
        ),
        migrations.RemoveIndex(
            model_name='grade',
            name='grade_by_remarks',
        ),
    ]
