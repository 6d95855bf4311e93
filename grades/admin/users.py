"""The users and groups of the back office: stock admin, which fails on a malformed selection."""

from django.contrib import admin
from django.contrib.auth import admin as stock
from django.contrib.auth.models import Group, User

from .actions import CheckedSelection

admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(CheckedSelection, stock.UserAdmin):
    pass


@admin.register(Group)
class GroupAdmin(CheckedSelection, stock.GroupAdmin):
    pass
