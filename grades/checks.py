"""System checks of what this product needs from its database; `migrate` runs them first."""

from django.core.checks import Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder


@register(Tags.database)
def check_grade_table_is_ours(databases=None, **kwargs):
    """grades.E001: a table `grade` that another program made stands where ours is to be created."""
    return [
        Error(
            f"Database '{alias}' has a table `grade` that this site did not make.",
            hint="Keep it under another name and take its rows over: "
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
    """grades.E002: a MySQL or MariaDB database whose default character set loses emoji."""
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
