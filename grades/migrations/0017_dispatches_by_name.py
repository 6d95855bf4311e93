"""The dispatch list by customer name."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0016b_dispatches_of_number'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['customer_name', 'dispatched_on', 'id'], name='account_by_name'),
        ),
    ]
