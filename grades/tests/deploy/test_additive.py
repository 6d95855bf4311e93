"""deploy/additive: a migration that the release before cannot run beside is refused."""

import pytest
from django.db import migrations, models
from django.db.migrations.state import ProjectState
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThan

from deploy import additive


def before():
    """A table as the release before knows it."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20)),
        ("note", models.CharField(max_length=20, null=True)),
        ("size", models.SmallIntegerField(db_default=0)),
        ("count", models.IntegerField(db_default=0)),
        ("fee", models.DecimalField(max_digits=8, decimal_places=2)),
        ("code", models.CharField(max_length=8, unique=True)),
    ]
    migrations.CreateModel("Thing", fields, {"constraints": [LONG]}).state_forwards("grades", state)
    migrations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]).state_forwards("grades", state)
    return state


LONG = models.CheckConstraint(condition=GreaterThan(Length("name"), 0), name="thing_long")
ONCE = models.UniqueConstraint(fields=("name", "size"), name="thing_once")


def refused(*operations):
    migration = migrations.Migration("0002_next", "grades")
    migration.operations = operations
    return additive.refused(migration, before())


def add(field, name="new"):
    return migrations.AddField("thing", name, field)


def alter(name, field):
    return migrations.AlterField("thing", name, field)


def change_rows(apps, schema_editor):
    pass


NEW_TABLE = migrations.CreateModel("Extra", [("id", models.BigAutoField(primary_key=True))])
REFUSED = {
    "DeleteModel Thing": migrations.DeleteModel("Thing"),
    "RenameModel Thing": migrations.RenameModel("Thing", "Object"),
    "AlterModelTable Thing": migrations.AlterModelTable("Thing", "objects"),
    "RemoveField thing.note": migrations.RemoveField("thing", "note"),
    "RenameField thing.note": migrations.RenameField("thing", "note", "remark"),
    "AddField thing.new": add(models.CharField(max_length=20, default="x")),
    "AddField thing.others": add(models.ManyToManyField("grades.Other"), "others"),
    "AddField thing.other": add(models.ForeignKey("grades.Other", models.SET_NULL, null=True), "other"),
    "CreateModel Part": migrations.CreateModel(
        "Part",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("thing", models.ForeignKey("grades.Thing", models.CASCADE)),
        ],
    ),
    "AddConstraint thing_once": migrations.AddConstraint("thing", ONCE),
    "RemoveConstraint thing.thing_long": migrations.RemoveConstraint("thing", "thing_long"),
    "AlterUniqueTogether thing": migrations.AlterUniqueTogether("thing", {("name", "size")}),
    "AlterOrderWithRespectTo other": migrations.AlterOrderWithRespectTo("other", "thing"),
    "RunPython change_rows": migrations.RunPython(change_rows),
    "RunSQL": migrations.RunSQL("DROP TABLE thing"),
}


@pytest.mark.parametrize(("name", "operation"), REFUSED.items())
def test_an_operation_that_old_code_cannot_run_beside_is_refused(name, operation):
    assert refused(operation) == [f"0002_next: {name}"]


@pytest.mark.parametrize(
    "field",
    [
        models.IntegerField(),
        models.IntegerField(default=1),
        models.IntegerField(db_default=1, unique=True),
        models.ForeignKey("grades.Other", models.CASCADE),
    ],
    ids=["required", "Python's default", "one default for a unique column", "required key"],
)
def test_a_column_that_an_old_insert_does_not_fill_is_refused(field):
    assert refused(add(field)) == ["0002_next: AddField thing.new"]


@pytest.mark.parametrize(
    "operation",
    [
        alter("note", models.CharField(max_length=20)),
        alter("note", models.CharField(max_length=20, default="")),
        alter("name", models.CharField(max_length=19)),
        alter("name", models.TextField()),
        alter("name", models.CharField(max_length=20, unique=True)),
        alter("name", models.CharField(max_length=20, db_column="title")),
        alter("name", models.CharField(max_length=20, db_collation="utf8mb4_bin")),
        alter("size", models.SmallIntegerField()),
        alter("size", models.PositiveSmallIntegerField(db_default=0)),
        alter("count", models.SmallIntegerField(db_default=0)),
        alter("fee", models.DecimalField(max_digits=8, decimal_places=3)),
        alter("fee", models.DecimalField(max_digits=7, decimal_places=2)),
        alter("code", models.CharField(max_length=8)),
        alter("id", models.AutoField(primary_key=True)),
    ],
    ids=[
        "NOT NULL", "NOT NULL with a default", "shorter", "another type", "unique", "another column", "collation",
        "without its default", "another sign", "smaller number", "fewer digits before the point", "fewer digits",
        "no longer unique", "smaller key",
    ],
)  # fmt: skip
def test_a_changed_column_that_takes_less_is_refused(operation):
    assert refused(operation) == [f"0002_next: AlterField thing.{operation.name}"]


@pytest.mark.parametrize(
    "operation",
    [
        NEW_TABLE,
        migrations.AddIndex("thing", models.Index(fields=["name"], name="thing_by_name")),
        migrations.AlterModelOptions("thing", {"verbose_name": "item"}),
        add(models.IntegerField(null=True)),
        add(models.IntegerField(db_default=1)),
        add(models.IntegerField(null=True, unique=True)),
        add(models.GeneratedField(expression=Length("name"), output_field=models.IntegerField(), db_persist=True)),
        add(models.ForeignKey("grades.Other", models.DO_NOTHING, null=True, db_constraint=False)),
        alter("name", models.CharField(max_length=30, null=True, verbose_name="title", choices=[("a", "A")])),
        alter("size", models.IntegerField(db_default=1, db_index=True)),
        alter("fee", models.DecimalField(max_digits=9, decimal_places=3)),
    ],
)
def test_an_additive_operation_passes(operation):
    assert refused(operation) == []


def test_a_table_of_the_same_migration_may_be_completed():
    extra = migrations.AddField("extra", "name", models.CharField(max_length=20))
    parent = migrations.AddField("extra", "parent", models.ForeignKey("grades.Extra", models.CASCADE))
    key = models.UniqueConstraint(fields=("name",), name="extra_once")
    narrower = migrations.AlterField("extra", "name", models.CharField(max_length=10))
    assert refused(NEW_TABLE, extra, parent, narrower, migrations.AddConstraint("extra", key)) == []


def test_only_the_database_side_of_a_separated_operation_counts():
    gone = migrations.RemoveField("thing", "note")
    assert refused(migrations.SeparateDatabaseAndState(state_operations=[gone])) == []
    assert refused(migrations.SeparateDatabaseAndState([gone])) == ["0002_next: RemoveField thing.note"]


def test_an_operation_is_compared_with_the_column_before_it():
    wider, back = (alter("name", models.CharField(max_length=length)) for length in (30, 25))
    assert refused(wider, back) == ["0002_next: AlterField thing.name"]


def test_the_migrations_of_the_site_are_additive_or_listed():
    assert sorted(additive.refused_of_app()) == sorted(additive.REASONS)
    assert not additive.main()


@pytest.mark.parametrize(("listed", "found"), [({}, ["0099_x: RunSQL"]), ({"0099_x: RunSQL": "why"}, [])])
def test_a_fault_without_a_reason_and_a_reason_without_one_fail(listed, found, monkeypatch, capsys):
    monkeypatch.setattr(additive, "REASONS", listed)
    monkeypatch.setattr(additive, "refused_of_app", lambda: found)
    assert additive.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("0099_x: RunSQL: ")
