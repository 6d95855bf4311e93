"""migrations/0012_roles.py: the groups that an installation begins with."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection

from grades import access

roles = import_module("grades.migrations.0012_roles")
pytestmark = pytest.mark.django_db

# What each role may do, by the rights of access.py.
RIGHTS = {
    "客服": {"LOOK_UP", "SEE_OWN_JOBS", "SEE_OVERVIEW", "SEE_COVERAGE", "EXPORT_NUMBER", "CONFIRM_CREDIT"},
    "主管": {
        "LOOK_UP",
        "SEE_OWN_JOBS",
        "SEE_OVERVIEW",
        "SEE_COVERAGE",
        "EXPORT_NUMBER",
        "CONFIRM_CREDIT",
        "WITHDRAW_CREDIT",
        "KEEP_CONFLICTS",
    },
    "导入员": {"LOOK_UP", "SEE_OWN_JOBS", "EXPORT_NUMBER", "IMPORT_DISPATCHES", "PRINT_CODES"},
    "管理员": {name for name in vars(access) if name.isupper()},
}


@pytest.fixture
def make_roles():
    """Make the groups as a new database has them."""

    def make():
        roles.make_roles(apps, SimpleNamespace(connection=connection))

    return make


@pytest.fixture
def new(make_roles):
    Group.objects.all().delete()
    make_roles()


def permissions_of(name):
    found = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


def test_the_groups_have_exactly_their_permissions(new):
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)
    for name, rights in roles.ROLES.items():
        expected = {f"{app}.{codename}" for app, codenames in rights.items() for codename in codenames}
        assert permissions_of(name) == expected


@pytest.mark.parametrize("name", RIGHTS)
def test_a_role_has_its_rights_and_no_other(new, staff, name):
    staff.groups.set([Group.objects.get(name=name)])
    held = {right for right, value in vars(access).items() if right.isupper() and access.may(staff, value)}
    assert held == RIGHTS[name]


def test_the_permissions_are_made_if_a_new_database_has_none(make_roles):
    Group.objects.all().delete()
    Permission.objects.all().delete()
    make_roles()
    assert "grades.add_withdrawal" in permissions_of("主管")
    assert "auth.add_user" in permissions_of("管理员")


def test_a_group_that_an_administrator_changed_is_left_alone(new, make_roles):
    Group.objects.get(name="客服").permissions.clear()
    Group.objects.get(name="主管").permissions.add(Permission.objects.get(codename="delete_account"))
    make_roles()
    assert permissions_of("客服") == set()
    assert "grades.delete_account" in permissions_of("主管")
    assert Group.objects.count() == 4
