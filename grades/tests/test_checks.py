"""checks.py: the database is refused before it loses data."""

import pytest
from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from grades.checks import check_character_set, check_grade_table_is_ours


@pytest.mark.django_db
def test_e001_reports_a_grade_table_of_another_program():
    assert check_grade_table_is_ours(["default"]) == []
    MigrationRecorder(connection).record_unapplied("grades", "0001_initial")
    assert check_grade_table_is_ours(["default"]) == [
        checks.Error(
            "Database 'default' has a table `grade` that this site did not make.",
            hint="Rename it, and import its rows afterwards: RENAME TABLE grade TO grade_legacy; then "
            "`migrate`, then `import_legacy_grades --from mysql://user:password@host:port/name --table grade_legacy`.",
            id="grades.E001",
        )
    ]
    assert check_grade_table_is_ours([]) == check_grade_table_is_ours(None) == []
    with pytest.raises(SystemCheckError, match=r"grades\.E001"):
        call_command("migrate", skip_checks=False)


@pytest.mark.django_db
def test_e002_accepts_the_test_database():
    assert check_character_set(["default"]) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("mysql" not in settings.DATABASES["default"]["ENGINE"], reason="needs MySQL or MariaDB")
def test_e002_reports_a_character_set_without_emoji():
    ours, other = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_latin1"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{other}` CHARACTER SET latin1")
        try:
            cursor.execute(f"USE `{other}`")
            found = check_character_set(["default"])
        finally:
            cursor.execute(f"USE `{ours}`")
            cursor.execute(f"DROP DATABASE `{other}`")
    assert found == [
        checks.Error(
            f"The default character set of database '{other}' is latin1, which cannot hold every character.",
            hint=f"ALTER DATABASE `{other}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
            id="grades.E002",
        )
    ]
