from django.db import migrations

BATCH = 2000


def mark_credits(apps, schema_editor):
    """Set `is_credited` of each dispatch with a credit that is not withdrawn.

    Runs without a transaction around it: each batch is committed, and a run after an interruption does them again.
    """
    database = schema_editor.connection.alias
    Account = apps.get_model("grades", "Account").objects.using(database)
    standing = apps.get_model("grades", "Credit").objects.using(database).filter(withdrawal=None).order_by("pk")
    last = 0
    while batch := list(standing.filter(pk__gt=last).values_list("pk", "account_id")[:BATCH]):
        last = batch[-1][0]
        Account.filter(pk__in=[account for _pk, account in batch]).update(is_credited=True)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("grades", "0016_account_kinds"),
    ]

    operations = [
        migrations.RunPython(mark_credits, migrations.RunPython.noop),
    ]
