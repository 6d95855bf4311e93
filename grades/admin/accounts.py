"""The dispatch list, edited by hand or imported from a file."""

from time import monotonic

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..access import IMPORT_DISPATCHES, may
from ..forms import LookupForm
from ..imports import PAGE, ImportFailed, ValueRefused, account_template, check_acct_id, check_text, import_accounts
from ..models import Account
from ..models.coverage import catch_up
from .codes import CodesAction
from .filters import AccountColumnsFilter, DispatchDateFilter, RatedFilter
from .lists import ListAdmin

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class AccountForm(forms.ModelForm):
    """A dispatch by hand, by the rules of the import."""

    def clean_acc_nbr(self):
        return LookupForm.base_fields["acc_nbr"].clean(self.cleaned_data["acc_nbr"])

    def clean(self):
        cleaned = super().clean()
        for column in ("customer_name", "area", "product", "state", "acct_id"):
            if text := cleaned.get(column):
                try:
                    check_acct_id(text) if column == "acct_id" else check_text(text)
                except ValueRefused as refused:
                    self.add_error(column, str(refused))
        return cleaned


class ImportForm(forms.Form):
    """A dispatch list to import, or only to check."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("XLSX or CSV, with the headings of the template."),
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}),
    )
    dry_run = forms.BooleanField(label=gettext_lazy("Check only, without importing"), required=False)

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_MAX_MB * 1024 * 1024:
            raise forms.ValidationError(
                _("The file is larger than %(limit)d MB. On the server, manage.py import_accounts takes larger files."),
                params={"limit": settings.IMPORT_MAX_MB},
            )
        return file


@admin.register(Account)
class AccountAdmin(CodesAction, ListAdmin):
    form = AccountForm
    ordering = ("-dispatched_on", "-id")
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
    search_fields = ("acc_nbr",)
    search_help_text = gettext_lazy(
        'The beginning of an account number, or a whole acct_id. For an exact match use quotes: "13800138000"'
    )
    list_filter = (AccountColumnsFilter, RatedFilter, DispatchDateFilter)
    actions = ("make_codes", "delete_selected")
    change_list_template = "admin/grades/account/change_list.html"

    def search_condition(self, number, exact):
        condition = super().search_condition(number, exact)
        # Only if the acct_id exists: with OR, MariaDB merges two indexes and sorts all matches.
        if Account.objects.filter(acct_id=number).exists():
            condition |= Q(acct_id=number)
        return condition

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "monthly_fee":
            kwargs["min_value"] = 0
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    # --- Import -------------------------------------------------------------------------------

    def has_import_permission(self, request):
        return may(request.user, IMPORT_DISPATCHES)

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("import/", view(self.import_view), name="grades_account_import"),
            path("import/template.xlsx", view(self.template_view), name="grades_account_import_template"),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        if RatedFilter.parameter_name in request.GET:
            catch_up(monotonic() + 5)
        return super().changelist_view(
            request, {"has_import_permission": self.has_import_permission(request), **(extra_context or {})}
        )

    def import_view(self, request):
        """Check or import a file within this request. A check and the import after it upload the file twice."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
        result = None
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                result = import_accounts(file, file.name, limits=PAGE, dry_run=form.cleaned_data["dry_run"])
            except ImportFailed as error:
                form.add_error("file", str(error))
            else:
                if not result.error_count and not result.dry_run:
                    return self.report_import(request, result)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import the dispatch list"),
            "opts": self.opts,
            "form": form,
            "result": result,
            "limit": settings.IMPORT_MAX_MB,
        }
        return TemplateResponse(request, "admin/grades/account/import.html", context)

    def report_import(self, request, result):
        counts = _("%(created)s added, %(updated)s changed, %(unchanged)s unchanged.") % {
            name: f"{getattr(result, name):,}" for name in ("created", "updated", "unchanged")
        }
        LogEntry.objects.create(
            user=request.user,
            content_type=ContentType.objects.get_for_model(Account),
            object_repr=_("Import"),
            action_flag=CHANGE,
            change_message=counts,
        )
        self.message_user(request, counts, messages.SUCCESS)
        return redirect("admin:grades_account_changelist")

    def template_view(self, request):
        if not self.has_import_permission(request):
            raise PermissionDenied
        headers = {"Content-Disposition": 'attachment; filename="template.xlsx"'}
        return HttpResponse(account_template(), content_type=XLSX_TYPE, headers=headers)
