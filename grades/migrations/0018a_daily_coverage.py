"""The figures of the coverage by day."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0018_answers_by_kind'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyCoverage',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(db_default=0, default=0)),
                ('until', models.DateTimeField(null=True)),
                ('figures', models.JSONField(default=dict)),
            ],
            options={
                'db_table': 'daily_coverage',
                'default_permissions': (),
                'abstract': False,
            },
        ),
    ]
