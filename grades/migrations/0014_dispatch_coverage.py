from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0013_saved_filters'),
    ]

    operations = [
        migrations.CreateModel(
            name='RecountedUntil',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('until', models.DateTimeField()),
            ],
            options={
                'db_table': 'recounted_until',
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='account',
            name='lowest_grade',
            field=models.SmallIntegerField(editable=False, null=True, verbose_name='lowest grade'),
        ),
        migrations.AddField(
            model_name='account',
            name='rating_count',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='ratings'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['dispatched_on', 'id', 'rating_count', 'lowest_grade', 'area', 'product'], name='account_by_coverage'),
        ),
        migrations.RemoveIndex(
            model_name='account',
            name='account_by_dispatch',
        ),
        migrations.AddConstraint(
            model_name='recounteduntil',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='recounted_until_one_row'),
        ),
    ]
