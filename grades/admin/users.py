"""The users and groups of the back office: stock admin, which fails on malformed keys."""

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as stock
from django.contrib.auth.models import Group, User

from .actions import CheckedSelection, is_key

admin.site.unregister([User, Group])


class KeysField(forms.ModelMultipleChoiceField):
    """Refuses a key that no row can have; SQLite fails on numbers beyond 64 bits."""

    def clean(self, value):
        for pk in value or []:
            if not is_key(pk):
                raise forms.ValidationError(self.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": pk})
        return super().clean(value)


class CheckedKeys(CheckedSelection):
    def formfield_for_manytomany(self, db_field, request, **kwargs):
        return super().formfield_for_manytomany(db_field, request, form_class=KeysField, **kwargs)


@admin.register(User)
class UserAdmin(CheckedKeys, stock.UserAdmin):
    pass


@admin.register(Group)
class GroupAdmin(CheckedKeys, stock.GroupAdmin):
    pass
