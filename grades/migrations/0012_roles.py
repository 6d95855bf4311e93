"""Four groups to begin with. A group that exists already is left as it is, and so are these once they are made."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

CLERK = {
    "grades": ["view_grade", "change_grade", "view_account", "view_credit", "add_credit"],
}
SUPERVISOR = {
    "grades": [*CLERK["grades"], "view_conflict", "change_conflict", "view_withdrawal", "add_withdrawal"],
}
IMPORTER = {
    "grades": ["view_account", "add_account", "change_account"],
}
ADMINISTRATOR = {
    "grades": [*SUPERVISOR["grades"], *IMPORTER["grades"], "delete_account", "delete_conflict"],
    "auth": ["view_user", "add_user", "change_user", "view_group", "add_group", "change_group"],
}
ROLES = {"客服": CLERK, "主管": SUPERVISOR, "导入员": IMPORTER, "管理员": ADMINISTRATOR}


def make_roles(apps, schema_editor):
    using = schema_editor.connection.alias
    # Django makes permissions after the last migration: in a new database there are none yet.
    for app in ("auth", "grades"):
        config = apps.get_app_config(app)
        config.models_module = getattr(config, "models_module", True)  # create_permissions skips an app without
        create_permissions(config, apps=apps, using=using, verbosity=0)
    groups = apps.get_model("auth", "Group").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    for name, rights in ROLES.items():
        group, is_new = groups.get_or_create(name=name)
        if is_new:
            for app, codenames in rights.items():
                group.permissions.add(*permissions.filter(content_type__app_label=app, codename__in=codenames))


class Migration(migrations.Migration):

    dependencies = [
        ('grades', '0011_withdrawals'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        # The groups stay when the migration is taken back: users may be in them.
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
