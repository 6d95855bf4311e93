"""What the lists share: bounded counts, search by number, actions on everything that matches."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import model_ngettext
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import ProtectedError, Q
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import prefix_range

# Rows that a list counts and pages through. Counting more would read the whole index on every page.
COUNT_LIMIT = 10_000

QUOTES = ('""', "“”", "＂＂")


def bounded_count(queryset, limit=None):
    """How many rows `queryset` has; `limit` + 1 for any more than `limit`, which is COUNT_LIMIT unless given."""
    return queryset.order_by()[: (limit or COUNT_LIMIT) + 1].count()


def count_label(count, limit=None):
    """A bounded count in figures that do not lie."""
    limit = limit or COUNT_LIMIT
    return f"{limit:,}+" if count > limit else f"{count:,}"


class BoundedPaginator(Paginator):
    """Pages over the first COUNT_LIMIT rows; a page that does not exist is the nearest one that does."""

    @cached_property
    def found(self):
        return bounded_count(self.object_list)

    @cached_property
    def count(self):
        return min(self.found, COUNT_LIMIT)

    def validate_number(self, number):
        return min(max(number, 1), self.num_pages)


class BoundedChangeList(ChangeList):
    """A list that is always newest first, because only that order has an index under every filter."""

    def get_ordering(self, request, queryset):
        return self.model_admin.ordering

    def get_results(self, request):
        super().get_results(request)
        self.page_num = self.paginator.validate_number(self.page_num)
        # First which rows, from an index alone, then the rows: for whole rows MariaDB would rather sort
        # the table than walk ten thousand entries of the index.
        pks = list(self.result_list.values_list("pk", flat=True))
        self.result_list = self.root_queryset.filter(pk__in=pks).order_by(*self.model_admin.ordering)
        self.is_bounded = self.paginator.found > COUNT_LIMIT
        self.count_label = count_label(self.paginator.found)


class ConfirmForm(forms.Form):
    """Goes with every bulk action from its confirmation page to its effect."""

    # When the page was shown: what has come in since matches the filter, but nobody has agreed to it.
    until = forms.DateTimeField(initial=lambda: timezone.now().isoformat(), widget=forms.HiddenInput)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter by one of its choices.

    Any other value is refused and not ignored: an action on all that match would be let loose on all.
    """

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        if self.value() not in (str(value) for value, _label in self.lookup_choices):
            raise IncorrectLookupParameters
        return self.narrow(queryset, self.value())


class ListAdmin(admin.ModelAdmin):
    """Base of the lists. Subclasses give `ordering`, which an index must provide."""

    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    # The time column by which a row that came in after a question was asked is known.
    arrival_field = None
    # What else is said where one is asked whether to delete.
    deletion_note = ""

    def get_changelist(self, request, **kwargs):
        return BoundedChangeList

    def lookup_allowed(self, lookup, value, request):
        """Only the filters on the page: stock admin takes any column from the address, indexed or not."""
        return any(lookup in list_filter.parameter_names for list_filter in self.list_filter)

    def changelist_view(self, request, extra_context=None):
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    # --- Search -------------------------------------------------------------------------------

    def search_condition(self, number, exact):
        return Q(acc_nbr=number) if exact else prefix_range("acc_nbr", number)

    def get_search_results(self, request, queryset, search_term):
        number, exact = search_term.strip(), False
        if number[:1] + number[-1:] in QUOTES and len(number) > 1:
            number, exact = number[1:-1].strip(), True
        if number[-1:] in ("\ud7ff", "\U0010ffff"):
            return queryset.none(), False  # no character follows, so there is no range
        return (queryset.filter(self.search_condition(number, exact)) if number else queryset), False

    # --- Actions on a selection, or on everything that the filter matches ----------------------

    def ask(self, request, queryset, form, title, deletes=False, note=""):
        """The page between a bulk action and its effect.

        It posts back to the list's own address with the boxes that were ticked, so it carries the
        selection or the filter, and is as small for a million rows as for one.
        """
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
                "count": count_label(bounded_count(queryset)),
                "action": request.POST.getlist("action")[0],
                "select_across": request.POST.get("select_across", ""),
                "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
                "back": request.get_full_path(),
            },
        )

    def agreed(self, queryset, form):
        """The rows that the user has been asked about."""
        if self.arrival_field:
            queryset = queryset.filter(**{f"{self.arrival_field}__lte": form.cleaned_data["until"]})
        return queryset.order_by()

    def log_bulk(self, request, flag, count, change):
        """One entry for a bulk action, however many rows: who, what, how many, and chosen how."""
        if request.POST.get("select_across") in (None, "", "0"):
            chosen = ", ".join(f"#{pk}" for pk in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
        else:
            terms = request.GET.copy()
            if terms.pop(SEARCH_VAR, None):
                terms["searched"] = "yes"  # what for stays out of the log: it is an account number
            chosen = _("all that matched “%(filter)s”") % {"filter": terms.urlencode()}
        LogEntry.objects.create(
            user=request.user,
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=f"{count:,} {model_ngettext(self.opts, count)}",
            action_flag=flag,
            change_message=f"{change}: {chosen}",
        )

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete"))
    def delete_selected(self, request, queryset):
        """In place of the stock action, which lists every row on its page and logs every row by itself."""
        form = ConfirmForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, queryset, form, _("Delete"), deletes=True, note=self.deletion_note)
        try:
            with transaction.atomic():
                count = self.agreed(queryset, form).delete()[1].get(self.opts.label, 0)
                self.log_bulk(request, DELETION, count, _("Deleted"))
        except ProtectedError:
            self.message_user(request, _("Nothing was deleted: there are credits for some of them."), messages.ERROR)
            return None
        self.message_user(request, _("%(count)s deleted.") % {"count": f"{count:,}"}, messages.SUCCESS)
        return None
