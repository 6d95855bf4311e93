"""Filters of the dispatch list by ranges of an index. The new indexes first: the list always has one."""

from django.db import migrations, models
from django.db.models.functions import Least


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0015a_look_again'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='is_credited',
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name='credited'),
        ),
        migrations.AddField(
            model_name='account',
            name='times_rated',
            field=models.GeneratedField(db_persist=True, expression=Least(models.F('rating_count'), models.Value(2)), output_field=models.PositiveSmallIntegerField(verbose_name='ratings')),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['dispatched_on', 'id', 'times_rated', 'lowest_grade', 'is_credited', 'area', 'product'], name='account_by_date'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['times_rated', 'lowest_grade', 'is_credited', 'dispatched_on', 'id'], name='account_by_kind'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['area', 'dispatched_on', 'id', 'times_rated', 'lowest_grade', 'is_credited', 'product'], name='account_of_area'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['product', 'dispatched_on', 'id', 'times_rated', 'lowest_grade', 'is_credited', 'area'], name='account_of_product'),
        ),
        migrations.RemoveIndex(
            model_name='account',
            name='account_by_coverage',
        ),
        migrations.RemoveIndex(
            model_name='account',
            name='account_by_area',
        ),
    ]
