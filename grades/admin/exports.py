"""Export of a list: everything that its filter matches, or the ticked rows."""

import re
from datetime import date

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..database.keys import is_key
from ..database.paging import bounded_count
from ..database.routers import from_readers
from ..database.streaming import streaming_alias
from ..downloads import DIRECT_ROWS, ExportFailed, export_response
from ..exports import FORMATS, About, write_export
from ..jobs import kind
from ..models import JobFailed
from .actions import is_across
from .filters import with_days
from .list_jobs import changelist_of, list_request, order_job


class FormatForm(forms.Form):
    format = forms.ChoiceField(choices=FORMATS)


class Exports:
    """Mixin of ListAdmin. `export_table` makes the table of a queryset."""

    export_table = None

    def get_urls(self):
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_export"), *super().get_urls()]

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"export_formats": FORMATS, **(extra_context or {})})

    def export_view(self, request):
        """`POST format`, at the query string of a list: all rows of the list, or those of `_selected_action`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form, keys = FormatForm(request.POST), request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        if not form.is_valid() or not all(map(is_key, keys)):
            raise BadRequest("The format or a key is unknown.")
        request.GET = with_days(request.GET)
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            self.message_user(request, _("This filter is not known. Nothing was exported."), messages.ERROR)
            return redirect(self.list_address())
        queryset = changelist.queryset.filter(pk__in=keys) if keys else changelist.queryset
        return self.export(request, changelist, queryset, keys, form.cleaned_data["format"])

    def export(self, request, changelist, queryset, keys, file_format):
        """The file, or the page of the job that makes it, or the list with a message."""
        back = f"{self.list_address()}?{request.GET.urlencode()}".rstrip("?")
        count = bounded_count(queryset, DIRECT_ROWS)
        if count > DIRECT_ROWS:
            order = {
                "list": self.opts.model_name,
                "query": request.GET.urlencode(),
                "keys": keys,
                "format": file_format,
            }
            return order_job(self, request, "export", order)
        about = about_list(changelist, request, keys)
        try:
            return export_response(self.export_table(queryset), about, file_format, count)
        except ExportFailed as failed:
            self.message_user(request, str(failed), messages.ERROR)
            return redirect(back)

    # --- The same as bulk actions, for the ticked rows without JavaScript -------------------------

    @admin.action(permissions=["view"], description=gettext_lazy("Export as XLSX"))
    def export_xlsx(self, request, queryset):
        return self.export_action(request, queryset, "xlsx")

    @admin.action(permissions=["view"], description=gettext_lazy("Export as CSV"))
    def export_csv(self, request, queryset):
        return self.export_action(request, queryset, "csv")

    def export_action(self, request, queryset, file_format):
        keys = [] if is_across(request) else request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        return self.export(request, self.get_changelist_instance(request), queryset, keys, file_format)


def about_list(changelist, request, keys):
    """What the filter of a list says, for people and for a file's name; never the number that was searched for."""
    phrases, names = [], []
    for spec in changelist.filter_specs:
        if spec.used_parameters:
            phrases.append(spec.describe())
        choices = [str(value) for value, _text in getattr(spec, "lookup_choices", [])]
        for name, value in spec.used_parameters.items():
            # A value that is typed may be a name; a choice, a day or a grade is not.
            is_safe = value in choices or isinstance(value, (date, int))
            names.append(f"{name}-{value}" if is_safe else name)
    if request.GET.get(SEARCH_VAR):
        phrases.append(_("searched"))
        names.append("searched")
    if keys:
        phrases.append(_("selected"))
        names.append("selected")
    slug = re.sub(r"[^0-9A-Za-z_-]", "", "_".join(names))[:100]
    return About(filter="; ".join(phrases), slug=slug, by=request.user.get_username())


@kind("export", gettext_lazy("Export"))
def run_export(job):
    """Make the file of `Exports.export`. The list is read with the rights that its owner has now."""
    order = job.parameters
    model_admin = admin.site.get_model_admin(apps.get_model("grades", order["list"]))
    request = list_request(model_admin, job.owner, order["query"])
    if not (job.owner.is_active and job.owner.is_staff and model_admin.has_view_permission(request)):
        raise JobFailed(_("You may not see these rows any more."))
    changelist = changelist_of(model_admin, request)
    queryset = changelist.queryset.filter(pk__in=order["keys"]) if order["keys"] else changelist.queryset
    with from_readers():
        total = queryset.order_by().count()
    job.report(0, total=total)
    table, about = model_admin.export_table(queryset), about_list(changelist, request, order["keys"])
    with streaming_alias() as alias:
        count = write_export(table, about, order["format"], job.path, expected=total, report=job.report, using=alias)
    job.report(count, total=count)
    return about.file_name(table, order["format"], count)
