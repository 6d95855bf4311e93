"""Counters of the rate limits, for sites without Redis."""

import grades.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0018a_daily_coverage'),
    ]

    operations = [
        migrations.CreateModel(
            name='RateCounter',
            fields=[
                ('counter', grades.models.fields.Char32UUIDField(primary_key=True, serialize=False)),
                ('hits', models.IntegerField()),
                ('ends_at', models.BigIntegerField()),
            ],
            options={
                'db_table': 'rate_counter',
                'default_permissions': (),
                'indexes': [models.Index(fields=['ends_at'], name='rate_counter_by_end')],
            },
        ),
    ]
