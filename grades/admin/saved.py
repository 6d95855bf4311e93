"""Saved filters of the lists: each member of staff has their own."""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import SavedFilter


class SavedFilterForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=SavedFilter._meta.get_field("name").max_length)
    query = forms.CharField(max_length=2000, widget=forms.HiddenInput)


class SavedFilters:
    """Mixin of ModelAdmin: routes to save and delete a filter, and the filters of this person for the page."""

    def get_urls(self):
        view, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("filters/save/", view(self.save_filter_view), name=f"{name}_save_filter"),
            path("filters/<int:pk>/delete/", view(self.delete_filter_view), name=f"{name}_delete_filter"),
            *super().get_urls(),
        ]

    def saved_filters(self, request):
        return SavedFilter.objects.filter(user=request.user, list=self.opts.model_name)

    def saved_filter_context(self, request):
        query, address = self.only_filters(request.GET), f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return {
            "filter_query": query,
            "save_filter_address": reverse(f"{address}_save_filter"),
            "saved_filters": [
                {
                    "name": saved.name,
                    "query": saved.query,
                    "selected": saved.query == query,
                    "delete_address": reverse(f"{address}_delete_filter", args=[saved.pk]),
                }
                for saved in self.saved_filters(request).order_by("name")
            ],
        }

    def only_filters(self, parameters):
        """The filters in an address, without search and page; sorted, so that the same filters are the same text."""
        filters = [each for each in self.list_filter if not getattr(each, "is_search", False)]
        ignores_empty = {
            name: getattr(each, "ignores_empty", False) for each in filters for name in each.parameter_names
        }
        chosen = ((name, value) for name, value in parameters.items() if name in ignores_empty)
        return urlencode(sorted((name, value) for name, value in chosen if value or not ignores_empty[name]))

    def save_filter_view(self, request):
        self.check_saving(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = SavedFilterForm(request.POST)
        query = self.only_filters(QueryDict(request.POST.get("query", "")))
        if not query:
            self.message_user(request, _("Nothing was saved: no filter is chosen."), messages.WARNING)
        elif len(query) > SavedFilter._meta.get_field("query").max_length:
            text = _("Nothing was saved: these filters together are too long. Choose fewer of them.")
            self.message_user(request, text, messages.WARNING)
        elif not form.is_valid():
            self.message_user(request, _("Nothing was saved: give a name of at most 40 characters."), messages.WARNING)
        else:
            self.save_filter(request, form.cleaned_data["name"], query)
        return self.to_list(query)

    def save_filter(self, request, name, query):
        others = self.saved_filters(request).exclude(name=name)
        if others.count() >= SavedFilter.MOST:
            text = _("Nothing was saved: you have %(count)d filters of this list. Delete one first.")
            self.message_user(request, text % {"count": SavedFilter.MOST}, messages.WARNING)
            return
        SavedFilter.objects.update_or_create(
            user=request.user, list=self.opts.model_name, name=name, defaults={"query": query}
        )
        self.message_user(request, _("The filter was saved."), messages.SUCCESS)

    def delete_filter_view(self, request, pk):
        self.check_saving(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        deleted, _by_model = self.saved_filters(request).filter(pk=pk).delete()
        if deleted:
            self.message_user(request, _("The filter was deleted."), messages.SUCCESS)
        return self.to_list(self.only_filters(QueryDict(request.POST.get("query", ""))))

    def check_saving(self, request):
        if not self.has_view_permission(request):
            raise PermissionDenied

    def to_list(self, query):
        address = self.list_address()
        return redirect(f"{address}?{query}" if query else address)
