from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0006_normal_numbers'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyScore',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(db_default=0, default=0)),
                ('until', models.DateTimeField(null=True)),
                ('figures', models.JSONField(default=dict)),
            ],
            options={
                'db_table': 'daily_score',
                'default_permissions': (),
            },
        ),
    ]
