"""Refuse a migration that the code before it cannot run beside: `make lint`.

An upgrade migrates while the old release serves, and a rollback leaves the tables as they are. So a migration may add
what the old code does not need to know: tables, indexes, and columns that the database fills when an INSERT does not
name them.
"""

import os
import sys
from pathlib import Path

import django
from django.db import models
from django.db.migrations import operations as op
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED
from django.db.models.utils import make_model_tuple

APP = "grades"

# A refused operation that the old code can run beside all the same, and why. The key is what `make lint` prints.
REASONS = {
    "0002_character_set: RunPython convert": "only the character set changes; old code reads and writes as before",
    "0009a_copy_review_notes: RunPython copy_notes": "adds rows to a table that old code does not know",
    "0011_withdrawals: AddConstraint credit_once_at_a_time": "old code writes 0, and 0 is the key that it knows",
    "0011_withdrawals: AlterField credit.account": "the constraint before it is as unique for rows of old code",
    "0012_roles: RunPython make_roles": "adds groups and permissions, which old code finds as it finds any others",
    "0015a_look_again: RunPython look_again": "deletes a mark that each run of the jobs makes again",
    "0016a_mark_credits: RunPython mark_credits": "fills a column that old code does not know",
} | dict.fromkeys(
    [
        "0001_initial: CreateModel Credit",
        "0001_initial: CreateModel Grade",
        "0005_repeats_and_conflicts: CreateModel Conflict",
        "0005_repeats_and_conflicts: CreateModel Repeat",
        "0009_review_notes: CreateModel Assignment",
        "0009_review_notes: CreateModel ReviewNote",
        "0009b_open_ratings: CreateModel OpenRating",
        "0010_jobs: CreateModel Job",
        "0011_withdrawals: AddField withdrawal.credit",
        "0011_withdrawals: AddField withdrawal.withdrawn_by",
        "0013_saved_filters: CreateModel SavedFilter",
    ],
    "the first release has these foreign keys",
)

# Tables, columns and keys that old code knows stay as they are. `is_additive` refuses every other operation.
HARMLESS = (
    op.AddIndex, op.RemoveIndex, op.RenameIndex, op.AlterModelOptions, op.AlterModelManagers,
    op.AlterModelTableComment,
)  # fmt: skip
WIDER = [
    [models.SmallIntegerField, models.IntegerField, models.BigIntegerField],
    [models.PositiveSmallIntegerField, models.PositiveIntegerField, models.PositiveBigIntegerField],
]
# The database does not know them, or `is_widened` compares them by itself.
COMPARED = {"default", "db_index", "db_comment", "null", "db_default", "max_length", "max_digits", "decimal_places"}


def fills_itself(field):
    """Whether the database has a value for an INSERT that does not name the column."""
    return (
        isinstance(field, models.GeneratedField)
        or field.null
        or (field.db_default is not NOT_PROVIDED and not field.unique)
    )


def is_wider(new, old):
    return any(type(old) in row and type(new) in row[row.index(type(old)) :] for row in WIDER)


def attributes(field):
    """The arguments of a field that make its column and must not change."""
    arguments = field.deconstruct()[3]
    return {name: value for name, value in arguments.items() if name not in field.non_db_attrs and name not in COMPARED}


def holds_as_much(new, old):
    """Whether each length and number that fitted the old column fits the new one."""
    if isinstance(old, models.DecimalField):
        digits = [(field.max_digits - field.decimal_places, field.decimal_places) for field in (new, old)]
        return all(now >= before for now, before in zip(*digits, strict=True))
    return old.max_length is None or (new.max_length is not None and new.max_length >= old.max_length)


def is_widened(new, old):
    """Whether old code can read and write the changed column."""
    if type(new) is type(old):
        if not holds_as_much(new, old):
            return False
    elif not is_wider(new, old):
        return False
    if (old.null and not new.null) or (old.db_default is not NOT_PROVIDED and new.db_default is NOT_PROVIDED):
        return False
    return (old.db_column, attributes(old)) == (new.db_column, attributes(new))


def stops_deletions(field, new_tables):
    """Whether the database keeps old code from deleting rows of another table: it does not know of this column."""
    if field.many_to_many:
        return True
    if not (field.many_to_one or field.one_to_one) or not field.db_constraint:
        return False
    return make_model_tuple(field.remote_field.model) not in {(APP, name) for name in new_tables}


def is_additive(operation, state, new_tables):
    """Whether old code can run beside an operation. `state` is before it; `new_tables` come with the same migration."""
    if isinstance(operation, HARMLESS):
        return True
    if isinstance(operation, op.CreateModel):
        return not any(stops_deletions(field, new_tables) for _name, field in operation.fields)
    if isinstance(operation, op.AddField):
        if stops_deletions(operation.field, new_tables):
            return False
        return operation.model_name_lower in new_tables or fills_itself(operation.field)
    if isinstance(operation, op.AddConstraint):
        return operation.model_name_lower in new_tables
    if isinstance(operation, op.AlterField):
        old = state.models[APP, operation.model_name_lower].fields[operation.name]
        return operation.model_name_lower in new_tables or is_widened(operation.field, old)
    return False


def name_of(operation):
    kind = type(operation).__name__
    if isinstance(operation, op.RunPython):
        return f"{kind} {operation.code.__name__}"
    if isinstance(operation, op.AddConstraint):
        return f"{kind} {operation.constraint.name}"
    if model := getattr(operation, "model_name_lower", None):
        field = getattr(operation, "name", None) or getattr(operation, "old_name", "")
        return f"{kind} {model}.{field}"
    if isinstance(operation, op.RunSQL):
        return kind
    return f"{kind} {getattr(operation, 'name', None) or getattr(operation, 'old_name', '')}"


def database_operations(migration):
    """The operations that reach the database, in their order; each with a function that moves the state behind it."""
    for operation in migration.operations:
        if isinstance(operation, op.SeparateDatabaseAndState):
            for inner in operation.database_operations:
                yield inner, None
            yield None, operation
        else:
            yield operation, operation


def refused(migration, state):
    """The names of the operations that old code cannot run beside; moves `state` behind the migration."""
    new_tables, names = set(), []
    for operation, moves in database_operations(migration):
        if isinstance(operation, op.CreateModel):
            new_tables.add(operation.name_lower)
        if operation and not is_additive(operation, state, new_tables):
            names.append(f"{migration.name}: {name_of(operation)}")
        if moves:
            moves.state_forwards(migration.app_label, state)
    return names


def refused_of_app():
    """The refused operations of all migrations, in the order in which they run."""
    loader = MigrationLoader(None)
    graph = loader.graph
    plan = [node for leaf in graph.leaf_nodes(APP) for node in graph.forwards_plan(leaf)]
    state, names = loader.project_state([]), []
    for node in dict.fromkeys(plan):
        migration = graph.nodes[node]
        if migration.app_label == APP:
            names += refused(migration, state)
        else:
            migration.mutate_state(state, preserve=False)
    return names


def main():
    names = refused_of_app()
    faults = [
        f"{name}: the release before cannot run beside it. Make it additive (a nullable column or one with db_default;"
        " a foreign key with db_constraint=False; remove and rename later, when no release uses the old name), or say"
        " why in REASONS of deploy/additive.py."
        for name in names
        if name not in REASONS
    ]
    faults += [f"{name}: REASONS of deploy/additive.py has it, no migration does" for name in REASONS.keys() - names]
    for fault in faults:
        print(fault, file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoring_site.settings")
    django.setup()
    sys.exit(main())
