"""The users and groups of the back office: stock admin, with permissions in the language of the user."""

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as stock
from django.contrib.auth.models import Group, Permission, User
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..database.keys import is_key
from .actions import CheckedSelection

admin.site.unregister([User, Group])

# What our permissions let staff do, if their stock names do not say it.
OWN_NAMES = {
    "grades.add_credit": gettext_lazy("Confirm credits"),
    "grades.add_withdrawal": gettext_lazy("Withdraw credits"),
    "grades.change_grade": gettext_lazy("Review ratings"),
    "grades.change_conflict": gettext_lazy("Keep conflicting submissions"),
}
STOCK_NAMES = {
    "add": gettext_lazy("Add: %(model)s"),
    "change": gettext_lazy("Change: %(model)s"),
    "delete": gettext_lazy("Delete: %(model)s"),
    "view": gettext_lazy("View: %(model)s"),
}
# Rights that only a superuser may give: with them staff could become superusers themselves.
SUPERUSER_FIELDS = {"is_superuser", "user_permissions"}


def permission_name(permission):
    """The name of a permission in the active language. The table has Django's English sentence."""
    content_type = permission.content_type
    own = OWN_NAMES.get(f"{content_type.app_label}.{permission.codename}")
    model = content_type.model_class()
    action = permission.codename.partition("_")[0]
    if own:
        name = own
    elif model and permission.codename == f"{action}_{content_type.model}" and action in STOCK_NAMES:
        name = STOCK_NAMES[action] % {"model": model._meta.verbose_name}
    else:
        name = _(permission.name)  # of Meta.permissions, where it is marked for translation
    return f"{content_type} | {name}"


class KeysField(forms.ModelMultipleChoiceField):
    """Refuses a key that no row can have, SQLite fails on numbers beyond 64 bits; names permissions."""

    def clean(self, value):
        for pk in value or []:
            if not is_key(pk):
                raise forms.ValidationError(self.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": pk})
        return super().clean(value)

    def label_from_instance(self, obj):
        return permission_name(obj) if isinstance(obj, Permission) else super().label_from_instance(obj)


class CheckedKeys(CheckedSelection):
    def formfield_for_manytomany(self, db_field, request, **kwargs):
        return super().formfield_for_manytomany(db_field, request, form_class=KeysField, **kwargs)


@admin.register(User)
class UserAdmin(CheckedKeys, stock.UserAdmin):
    # A new user is a member of staff with a role: one page instead of two.
    filter_horizontal = ("user_permissions",)
    add_fieldsets = (*stock.UserAdmin.add_fieldsets, (gettext_lazy("Role"), {"fields": ("is_staff", "groups")}))

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        if db_field.name == "groups":
            kwargs["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request):
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_fieldsets(self, request, obj=None):
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.is_superuser:
            return fieldsets
        return [
            (name, {**options, "fields": [field for field in options["fields"] if field not in SUPERUSER_FIELDS]})
            for name, options in fieldsets
        ]

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and may_edit(request.user, obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and may_edit(request.user, obj)


def may_edit(user, other):
    """Whether `user` may edit `other`: a password of a superuser gives all rights."""
    return user.is_superuser or other is None or not other.is_superuser


@admin.register(Group)
class GroupAdmin(CheckedKeys, stock.GroupAdmin):
    pass
