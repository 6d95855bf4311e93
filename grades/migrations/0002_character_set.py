"""On MySQL and MariaDB: text that holds every character and compares to the letter, like SQLite's."""

from django.db import migrations

TABLES = ["grade", "account", "credit"]


def convert(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE `{table}` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")


class Migration(migrations.Migration):
    atomic = False  # MySQL cannot roll a change of a table back, and Django refuses to pretend
    dependencies = [("grades", "0001_initial")]

    operations = [migrations.RunPython(convert, migrations.RunPython.noop)]
