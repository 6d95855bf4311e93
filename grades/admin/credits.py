"""The confirmed credits and their withdrawals."""

from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exports import credits_table
from ..models import Account, Credit, Withdrawal
from .exports import Exports
from .filters import ClerkFilter, CreditDateFilter, WithdrawnFilter
from .lists import ListAdmin, ReadOnly

# Dispatches whose credits a search lists. Their credits are sorted, so that there must not be many.
DISPATCHES_SEARCHED = 1000


@admin.register(Credit)
class CreditAdmin(ReadOnly, Exports, ListAdmin):
    """Read-only: a credit is confirmed and withdrawn on the query page."""

    export_table = staticmethod(credits_table)
    ordering = ("-confirmed_at", "-id")
    list_display = ("acc_nbr", "credit_amount", "confirmed_by", "confirmed_at", "withdrawn", "reason")
    list_select_related = ()
    list_filter = (WithdrawnFilter, ClerkFilter, CreditDateFilter)
    search_fields = ("account__acc_nbr",)
    search_help_text = gettext_lazy(
        'The beginning of an account number. For an exact match use quotes: "13800138000". '
        "For the last four digits of a number on the dispatch list use a star: *8000"
    )
    fields = ("account", "acc_nbr", "credit_amount", "confirmed_by", "confirmed_at", "withdrawn", "reason")
    readonly_fields = fields
    actions = ("export_xlsx", "export_csv")

    def get_queryset(self, request):
        # Not joined: MariaDB would begin with the users and sort all credits of each user.
        return super().get_queryset(request).prefetch_related("account", "confirmed_by", "withdrawal__withdrawn_by")

    def narrow_by_number(self, request, queryset, number, exact):
        dispatches = Account.objects.filter(self.search_condition(number, exact))
        # As a list of keys: MariaDB would join all dispatches that begin like this, and sort.
        pks = list(dispatches.order_by().values_list("pk", flat=True)[: DISPATCHES_SEARCHED + 1])
        if len(pks) > DISPATCHES_SEARCHED:
            messages.warning(request, _("Too many dispatches begin like this. Type more of the number."))
            return queryset.none()
        return queryset.filter(account__in=pks)

    def ends_in(self, digits):
        return Q(last_digits=digits)

    @admin.display(description=Account._meta.get_field("acc_nbr").verbose_name)
    def acc_nbr(self, credit):
        return credit.account.acc_nbr

    @admin.display(description=gettext_lazy("withdrawal"), empty_value="")
    def withdrawn(self, credit):
        if not hasattr(credit, "withdrawal"):
            return None
        time = display_for_value(credit.withdrawal.withdrawn_at, "")
        return _("%(time)s by %(user)s") % {"time": time, "user": credit.withdrawal.withdrawn_by.username}

    @admin.display(description=Withdrawal._meta.get_field("reason").verbose_name, empty_value="")
    def reason(self, credit):
        return credit.withdrawal.reason if hasattr(credit, "withdrawal") else None
