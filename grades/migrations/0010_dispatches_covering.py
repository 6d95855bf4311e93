"""The look-up of a number's dispatch from the index alone. The new index first: look-ups always have one."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0010_jobs'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['number', 'dispatched_on', 'id', 'customer_name', 'area', 'product'], name='account_covering'),
        ),
        migrations.RemoveIndex(
            model_name='account',
            name='account_by_normal',
        ),
    ]
