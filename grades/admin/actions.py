"""Bulk actions on a selection or on everything that the filter matches, with a confirmation page."""

from datetime import UTC

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.utils import model_ngettext
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import Max, ProtectedError
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..database.keys import is_key
from ..database.paging import bounded_count, count_label


class MomentField(forms.DateTimeField):
    """A moment that exists in UTC, as a database compares it."""

    def clean(self, value):
        try:
            return super().clean(value).astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class ConfirmForm(forms.Form):
    """The hidden fields of every confirmation page.

    Rows that arrive after the page match the filter, but the user has not confirmed them.
    """

    until = MomentField(initial=lambda: timezone.now().isoformat(), widget=forms.HiddenInput)
    # The highest key at that time, for a list without a column for the arrival.
    newest = forms.IntegerField(min_value=0, max_value=2**63 - 1, required=False, widget=forms.HiddenInput)


class CheckedSelection:
    """Mixin of ModelAdmin: refuses a bulk action on a key that no row can have; stock admin fails on it."""

    def response_action(self, request, queryset):
        selected = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        if not all(map(is_key, selected)):
            raise BadRequest("A selected key is not a number.")
        return super().response_action(request, queryset)


class BulkActions(CheckedSelection):
    """Mixin of ModelAdmin: the confirmation page, the log entry, and deletion in bulk."""

    # The time column of a row: rows that arrived after the confirmation page was shown are left out. Without it the
    # key decides.
    arrival_field = None
    # An additional sentence on the confirmation page of a deletion.
    deletion_note = ""

    def confirmation_page(self, request, queryset, form, title, deletes=False, note="", sentence=""):
        """The page between a bulk action and its effect.

        It posts back to the list's address with the ticked boxes or the filter, so its size does not depend
        on the number of rows. Days take the place of a period there: see `with_days`.
        `sentence` has a place for `count`; without it the page says that rows are changed.
        """
        if not self.arrival_field:
            form.initial["newest"] = self.model._base_manager.aggregate(newest=Max("pk"))["newest"]
        count = count_label(bounded_count(queryset))
        return TemplateResponse(
            request,
            "admin/grades/confirm.html",
            {
                **self.admin_site.each_context(request),
                "title": title,
                "deletes": deletes,
                "note": note,
                "opts": self.opts,
                "form": form,
                "count": count,
                "sentence": sentence % {"count": count} if sentence else "",
                "action": request.POST.getlist("action")[0],
                "select_across": request.POST.get("select_across", ""),
                "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
                "address": f"{request.path}?{request.GET.urlencode()}",
                "back": request.get_full_path(),
            },
        )

    def confirmed(self, queryset, form):
        """The rows that the user has confirmed."""
        if self.arrival_field:
            queryset = queryset.filter(**{f"{self.arrival_field}__lte": form.cleaned_data["until"]})
        else:
            queryset = queryset.filter(pk__lte=form.cleaned_data["newest"] or 0)
        return queryset.order_by()

    def log_bulk(self, request, flag, count, change):
        """Write one log entry for a bulk action: user, action, count, and how the rows were chosen."""
        self.log_rows(request.user, flag, count, f"{change}: {chosen_rows(request)}")

    def log_rows(self, user, flag, count, message):
        LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=f"{count:,} {model_ngettext(self.opts, count)}",
            action_flag=flag,
            change_message=message,
        )

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete"))
    def delete_selected(self, request, queryset):
        """Replaces the stock action, which lists and logs every single row."""
        form = ConfirmForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirmation_page(request, queryset, form, _("Delete"), deletes=True, note=self.deletion_note)
        try:
            with transaction.atomic():
                count = self.confirmed(queryset, form).delete()[1].get(self.opts.label, 0)
                self.log_bulk(request, DELETION, count, _("Deleted"))
        except ProtectedError:
            self.message_user(request, _("Nothing was deleted: some of these rows have credits."), messages.ERROR)
            return None
        self.message_user(request, _("%(count)s deleted.") % {"count": f"{count:,}"}, messages.SUCCESS)
        return None


def is_across(request):
    """Whether a bulk action is for all rows that the filter matches, not for the ticked ones."""
    return forms.BooleanField().to_python(request.POST.get("select_across"))  # as stock admin reads it


def chosen_rows(request):
    """How the rows of a bulk action were chosen, for the log."""
    if not is_across(request):
        return ", ".join(f"#{pk}" for pk in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
    terms = request.GET.copy()
    # Not the terms: they are account numbers, or words of a customer.
    if any(terms.pop(name, None) for name in (SEARCH_VAR, "words")):
        terms["searched"] = "yes"
    return _("all rows that matched “%(filter)s”") % {"filter": terms.urlencode()}
