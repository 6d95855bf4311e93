"""The search by number with a filter from the index alone. The new index first: look-ups always have one."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0016a_mark_credits'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['number', 'dispatched_on', 'id', 'customer_name', 'area', 'product', 'times_rated', 'lowest_grade', 'is_credited'], name='account_of_number'),
        ),
        migrations.RemoveIndex(
            model_name='account',
            name='account_covering',
        ),
    ]
