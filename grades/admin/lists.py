"""The base of the lists: bounded counts, search by number, newest first."""

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.text import capfirst

from ..database.paging import COUNT_LIMIT, bounded_count, count_label, prefix_range
from ..models import clean_number, normal_number, normal_prefix
from .actions import BulkActions

QUOTES = ('""', "“”", "＂＂")


class BoundedPaginator(Paginator):
    """Pages over the first COUNT_LIMIT rows; an unknown page number is the nearest existing page."""

    @cached_property
    def found(self):
        return bounded_count(self.object_list)

    @cached_property
    def count(self):
        return min(self.found, COUNT_LIMIT)

    def validate_number(self, number):
        return min(max(number, 1), self.num_pages)


class BoundedChangeList(ChangeList):
    """A list that is always newest first: only this order has an index under every filter."""

    def get_ordering(self, request, queryset):
        return self.model_admin.ordering

    def get_queryset(self, request, **kwargs):
        # Stock admin drops a search for NUL and shows all rows; "all that match" would then be all rows.
        is_dropped = not (self.query and self.search_fields)
        if is_dropped and request.GET.get(SEARCH_VAR, "").strip():
            raise IncorrectLookupParameters
        return super().get_queryset(request, **kwargs)

    def get_results(self, request):
        super().get_results(request)
        self.page_num = self.paginator.validate_number(self.page_num)
        # Keys first, from an index alone, then their rows: for whole rows MariaDB would sort the table
        # instead of walking ten thousand index entries.
        pks = list(self.result_list.values_list("pk", flat=True))
        self.result_list = self.root_queryset.filter(pk__in=pks).order_by(*self.model_admin.ordering)
        self.is_bounded = self.paginator.found > COUNT_LIMIT
        self.count_label = count_label(self.paginator.found)


class ListAdmin(BulkActions, admin.ModelAdmin):
    """Base of the lists. Subclasses set `ordering`, which an index must provide."""

    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def get_changelist(self, request, **kwargs):
        return BoundedChangeList

    def lookup_allowed(self, lookup, value, request):
        """Only the filters on the page: stock admin accepts any column in the address, indexed or not."""
        return any(lookup in list_filter.parameter_names for list_filter in self.list_filter)

    def changelist_view(self, request, extra_context=None):
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    # --- Search -------------------------------------------------------------------------------

    def search_condition(self, number, exact):
        if exact:
            return Q(number=normal_number(number))
        return prefix_range("number", normal_prefix(number))

    def get_search_results(self, request, queryset, search_term):
        number, exact = search_term.strip(), False
        if number[:1] + number[-1:] in QUOTES and len(number) > 1:
            number, exact = number[1:-1], True
        number = clean_number(number)
        if number[-1:] in ("\ud7ff", "\U0010ffff"):
            return queryset.none(), False  # these have no successor for prefix_range
        return (queryset.filter(self.search_condition(number, exact)) if number else queryset), False
