import grades.models
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0002_character_set'),
    ]

    operations = [
        migrations.AddField(
            model_name='grade',
            name='dispatch_key',
            field=grades.models.Char32UUIDField(blank=True, editable=False, null=True, unique=True),
        ),
    ]
