"""The dispatch list by the last digits of a number and by area. Old code runs beside it: the column is generated."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0007_ratings_by_kind'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='last_digits',
            field=models.GeneratedField(db_persist=True, expression=django.db.models.functions.text.Right(django.db.models.functions.text.Replace(models.F('acc_nbr'), models.Value('-'), models.Value('')), 4), output_field=models.CharField(max_length=4, verbose_name='last digits')),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['last_digits', 'dispatched_on', 'id', 'number'], name='account_by_digits'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['area', 'dispatched_on', 'id'], name='account_by_area'),
        ),
    ]
