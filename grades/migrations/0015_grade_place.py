from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0014_dispatch_coverage'),
    ]

    operations = [
        migrations.AddField(
            model_name='grade',
            name='area',
            field=models.CharField(editable=False, max_length=64, null=True, verbose_name='area'),
        ),
        migrations.AddField(
            model_name='grade',
            name='product',
            field=models.CharField(editable=False, max_length=128, null=True, verbose_name='product'),
        ),
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['area', 'review_state', 'lowest_grade', 'has_remarks', 'insert_time', 'id'], name='grade_by_area'),
        ),
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['product', 'review_state', 'lowest_grade', 'has_remarks', 'insert_time', 'id'], name='grade_by_product'),
        ),
        # The new index first: without one, the query page would read the table.
        migrations.AddIndex(
            model_name='grade',
            index=models.Index(fields=['number', 'insert_time', 'id', 'review_state', 'lowest_grade', 'has_remarks', 'area', 'product'], name='grade_covering'),
        ),
        migrations.RemoveIndex(
            model_name='grade',
            name='grade_of_number',
        ),
    ]
