"""The confirmed credits."""

from django.contrib import admin

from ..models import Account, Credit
from .lists import ListAdmin


@admin.register(Credit)
class CreditAdmin(ListAdmin):
    """Read-only: a credit is confirmed on the query page and stays."""

    ordering = ("-confirmed_at", "-id")
    list_display = ("acc_nbr", "credit_amount", "confirmed_by", "confirmed_at")
    list_select_related = ()

    def get_queryset(self, request):
        # Not joined: MariaDB would begin with the users and sort all credits of each user.
        return super().get_queryset(request).prefetch_related("account", "confirmed_by")

    @admin.display(description=Account._meta.get_field("acc_nbr").verbose_name)
    def acc_nbr(self, credit):
        return credit.account.acc_nbr

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
