from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0003_dispatch_key'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['openid', 'acc_nbr', 'insert_time', 'id'], name='grade_by_openid'),
        ),
    ]
