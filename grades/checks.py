"""System checks of the database; `migrate` runs them first."""

from django.core.checks import Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder


@register(Tags.database)
def check_grade_table_is_ours(databases=None, **kwargs):
    """grades.E001: the database has a table `grade` that another program made."""
    return [
        Error(
            f"Database '{alias}' has a table `grade` that this site did not make.",
            hint="Rename it, and import its rows afterwards: "
            "RENAME TABLE grade TO grade_legacy; then `migrate`, then "
            "`import_legacy_grades --from mysql://user:password@host:port/name --table grade_legacy`.",
            id="grades.E001",
        )
        for alias in databases or []
        if "grade" in connections[alias].introspection.table_names()
        and ("grades", "0001_initial") not in MigrationRecorder(connections[alias]).applied_migrations()
    ]


@register(Tags.database)
def check_character_set(databases=None, **kwargs):
    """grades.E002: the default character set of a MySQL or MariaDB database cannot store emoji."""
    errors = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT DATABASE(), @@character_set_database")
            name, charset = cursor.fetchone()
        if charset != "utf8mb4":
            errors.append(
                Error(
                    f"The default character set of database '{name}' is {charset}, which cannot hold every character.",
                    hint=f"ALTER DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
                    id="grades.E002",
                )
            )
    return errors
