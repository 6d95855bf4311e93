"""Stock admin as in Django's tutorial, with the export of django-import-export.

As in the project a page has 50 rows, newest first. The search by the beginning of a number can use an index. The site
`tuned` is the same without the two options that cost most at many rows.
"""

from django.contrib import admin
from import_export.admin import ExportMixin

from .models import Account, Grade

tuned = admin.AdminSite(name="tuned")


@admin.register(Grade)
class GradeAdmin(ExportMixin, admin.ModelAdmin):
    list_display = ("acc_nbr", "grade1", "grade2", "grade3", "txt1", "insert_time", "review_state")
    list_filter = ("review_state", "grade1", "insert_time")
    search_fields = ("^number",)
    date_hierarchy = "insert_time"
    ordering = ("-insert_time",)
    list_per_page = 50


@admin.register(Account)
class AccountAdmin(ExportMixin, admin.ModelAdmin):
    list_display = (
        "acc_nbr",
        "customer_name",
        "area",
        "product",
        "pay_type",
        "state",
        "dispatched_on",
        "monthly_fee",
        "acct_id",
    )
    list_filter = ("area", "pay_type", "dispatched_on")
    search_fields = ("^number",)
    date_hierarchy = "dispatched_on"
    ordering = ("-dispatched_on",)
    list_per_page = 50


@admin.register(Grade, site=tuned)
class TunedGradeAdmin(GradeAdmin):
    date_hierarchy = None
    show_full_result_count = False


@admin.register(Account, site=tuned)
class TunedAccountAdmin(AccountAdmin):
    date_hierarchy = None
    show_full_result_count = False
