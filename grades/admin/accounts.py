"""The dispatch list, edited by hand or imported from a file."""

import hashlib
import io
import json
import tempfile
from contextlib import closing
from functools import partial

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import display_for_field
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from ..access import IMPORT_DISPATCHES, may
from ..exports import csv_text, dispatches_table
from ..forms import LookupForm
from ..imports import (
    PAGE,
    ImportFailed,
    ImportResult,
    ValueRefused,
    account_template,
    change_headings,
    change_rows,
    check_acct_id,
    check_day,
    check_digits,
    check_text,
    faulty_rows,
    import_in_steps,
)
from ..models import Account, name_condition
from ..replies import is_ajax
from .codes import CodesAction
from .exports import Exports
from .filters import AreaFilter, DispatchDateFilter, ProductFilter, RatedFilter
from .lists import ListAdmin, NameSearch

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def open_changes():
    # Unbuffered: on a full disk a buffer would fail once more when it is closed.
    return tempfile.TemporaryFile(buffering=0)


def keep_changes(file, kind, rows):
    """Write rows of `ImportResult.on_changes` into a file, as a line for the page's script."""
    headings = [] if file.tell() else [change_headings()]
    text = csv_text([*headings, *change_rows(kind, rows)])
    line = json.dumps({"changes": text}, ensure_ascii=False).encode() + b"\n"
    try:
        while line:
            line = line[file.write(line) :]
    except OSError as error:
        raise ImportFailed(_("The server's disk is full. Nothing was imported.")) from error


class AccountForm(forms.ModelForm):
    """A dispatch by hand, by the rules of the import. Its version shows whether the dispatch has changed since."""

    CHECKS = {
        "acc_nbr": [check_digits],
        "customer_name": [check_text],
        "area": [check_text],
        "product": [check_text],
        "state": [check_text],
        "dispatched_on": [check_day],
        "acct_id": [check_digits, check_acct_id],
    }

    version = forms.CharField(label="", widget=forms.HiddenInput, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["version"] = self.version_of(self.instance)

    def columns(self):
        return [name for name in self.fields if name != "version"]

    def version_of(self, dispatch):
        if not (dispatch and dispatch.pk):
            return ""
        values = [str(getattr(dispatch, name)) for name in self.columns()]
        return hashlib.sha256(repr(values).encode()).hexdigest()

    def clean_acc_nbr(self):
        return LookupForm.base_fields["acc_nbr"].clean(self.cleaned_data["acc_nbr"])

    def clean(self):
        cleaned = super().clean()
        self.check_version()
        for column, checks in self.CHECKS.items():
            if value := cleaned.get(column):
                try:
                    for check in checks:
                        check(value)
                except ValueRefused as refused:
                    self.add_error(column, str(refused))
        return cleaned

    def check_version(self):
        # Locked until the form is saved: an import must not come between.
        stored = Account.objects.select_for_update().filter(pk=self.instance.pk).first()
        version = self.version_of(stored)
        if self.cleaned_data.get("version") == version:
            return
        text = _(
            "This dispatch has changed since you opened it, by an import or by somebody else. Nothing was saved. "
            "Compare with what is stored now, and save again."
        )
        self.add_error(None, text)
        for name in self.columns() if stored else ():
            value = getattr(stored, name)
            if self.cleaned_data.get(name, value) != value:
                text = display_for_field(value, Account._meta.get_field(name), "–")
                self.add_error(name, _("Stored now: %(value)s") % {"value": text})
        self.data = self.data.copy()
        self.data[self.add_prefix("version")] = version


class ImportForm(forms.Form):
    """The file of a dispatch list."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("XLSX or CSV, with the headings of the template."),
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}),
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > settings.IMPORT_MAX_MB * 1024 * 1024:
            raise forms.ValidationError(
                _("The file is larger than %(limit)d MB. On the server, manage.py import_accounts takes larger files."),
                params={"limit": settings.IMPORT_MAX_MB},
            )
        return file


@admin.register(Account)
class AccountAdmin(Exports, CodesAction, NameSearch, ListAdmin):
    export_table = staticmethod(dispatches_table)
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
        "The beginning of an account number or a customer name, or a whole acct_id. For an exact match use quotes: "
        '"13800138000". '
        "For the last four digits use a star: *8000"
    )
    list_filter = (AreaFilter, ProductFilter, RatedFilter, DispatchDateFilter)
    actions = ("make_codes", "export_xlsx", "export_csv", "delete_selected")
    change_list_template = "admin/grades/account/change_list.html"

    def ends_in(self, digits):
        return Q(last_digits=digits)

    def name_condition(self, request, name, exact):
        return name_condition(name, exact)

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

    def get_fields(self, request, obj=None):
        # Without the right to change, each field is shown as a column of the row.
        shown = self.has_change_permission(request, obj)
        return [name for name in super().get_fields(request, obj) if shown or name != "version"]

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
        return super().changelist_view(
            request, {"has_import_permission": self.has_import_permission(request), **(extra_context or {})}
        )

    def import_view(self, request):
        """Check or import a file within this request: `POST file`, with `dry_run` to check, `report` for a workbook.

        The server keeps no file. The page's script sends the chosen file again for each step.
        """
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self.import_page(request, ImportForm())
        form = ImportForm(request.POST, request.FILES)
        wants_report = "report" in request.POST
        result = ImportResult(dry_run=form.data.get("dry_run") == "on" or wants_report)
        steps = self.import_steps(request, form, result)
        if is_ajax(request) and not wants_report:
            return self.stream_import(request, form, result, steps)
        for _progress in steps:
            pass
        if wants_report and result.error_count:
            return FileResponse(faulty_rows(result), as_attachment=True, filename="faulty-rows.xlsx")
        return self.import_page(request, form, result)

    def import_steps(self, request, form, result):
        """Import the file of the form; yields (done, total), and adds an error to the form if that is impossible."""
        if not form.is_valid():
            return
        file = form.cleaned_data["file"]
        try:
            yield from import_in_steps(file, file.name, result, limits=PAGE)
        except ImportFailed as error:
            form.add_error("file", str(error))
        else:
            if not result.error_count and not result.dry_run:
                self.log_import(request, result)

    def stream_import(self, request, form, result, steps):
        """Lines of JSON for the page's script: `{"done", "total"}` again and again, and `{"html"}` at the end.

        Before the end come the changes as parts of a CSV file: `{"changes"}`. If the reader goes away, the import ends
        and nothing is stored.
        """
        language = get_language()

        def lines():
            # A streamed response runs the iterator after the active language is reset. The changes wait in a file
            # without a name: a slow reader must not hold up the transaction.
            with override(language), closing(steps), open_changes() as changes:
                result.on_changes = partial(keep_changes, changes)
                for done, total in steps:
                    yield json.dumps({"done": done, "total": total}) + "\n"
                if not form.errors:
                    changes.seek(0)
                    with io.BufferedReader(changes) as reader:
                        yield from reader
                context = self.import_context(request, form, result)
                html = render_to_string("admin/grades/account/import_result.html", context, request)
                yield json.dumps({"html": html}) + "\n"

        headers = {"X-Accel-Buffering": "no"}  # or nginx would hold the progress back
        return StreamingHttpResponse(lines(), content_type="application/x-ndjson", headers=headers)

    def import_context(self, request, form, result=None):
        return {"form": form, "result": None if form.errors else result}

    def import_page(self, request, form, result=None):
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import the dispatch list"),
            "opts": self.opts,
            "limit": settings.IMPORT_MAX_MB,
            "limit_bytes": settings.IMPORT_MAX_MB * 1024 * 1024,
            **self.import_context(request, form, result),
        }
        return TemplateResponse(request, "admin/grades/account/import.html", context)

    def log_import(self, request, result):
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

    def template_view(self, request):
        if not self.has_import_permission(request):
            raise PermissionDenied
        headers = {"Content-Disposition": 'attachment; filename="template.xlsx"'}
        return HttpResponse(account_template(), content_type=XLSX_TYPE, headers=headers)
