"""The base of the lists: bounded counts, search by number, newest first."""

import re
from contextlib import nullcontext
from functools import reduce
from operator import or_

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, SEARCH_VAR, ChangeList
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..database.paging import COUNT_LIMIT, bounded_count, count_label, prefix_range
from ..database.routers import from_readers
from ..models import LAST_DIGITS, Account, clean_number, normal_number, possible_prefixes
from .actions import BulkActions
from .filters import with_days
from .pages import FIRST, LAST, Cursor, Page
from .saved import SavedFilters

# Rows that a search by the beginning of a number may match: they are sorted by time for every page.
SEARCH_LIMIT = 50_000
# Numbers with the same last digits, or dispatches with a customer name. Of two million dispatches about 200 have the
# same last digits, and 400 the commonest name in China; a thousand more cost the list of ratings some 30 ms.
NUMBERS_LIMIT = 2000
QUOTES = ('""', "“”", "＂＂")
NUMBER_CHARACTERS = re.compile(r'[0-9+*"“”\s-]*', re.ASCII)  # of a cleaned number


class BoundedChangeList(ChangeList):
    """A list that is always newest first: only this order has an index under every filter."""

    def get_ordering(self, request, queryset):
        return self.model_admin.ordering

    def get_queryset(self, request, **kwargs):
        # A search for NUL, which stock admin drops, or for nothing but brackets or quotes would show all rows; "all
        # that match" would then be all rows.
        is_dropped = not (self.query and self.search_fields)
        if is_dropped and request.GET.get(SEARCH_VAR, "").strip():
            raise IncorrectLookupParameters
        number, _exact = self.model_admin.read_search(self.query)
        if self.query.strip() and not number:
            refuse_search(request, _("This search has no number and no name. Search and filters were removed."))
        return super().get_queryset(request, **kwargs)

    def get_results(self, request):
        # An action that is posted works on rows as the writer has them.
        with from_readers() if request.method in ("GET", "HEAD") else nullcontext():
            self.read_page(request)

    def read_page(self, request):
        found = bounded_count(self.queryset)
        self.result_count, self.full_result_count = min(found, COUNT_LIMIT), None
        self.is_bounded, self.count_label = found > COUNT_LIMIT, count_label(found)
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all = self.multi_page = False  # no numbered pages
        time_field = self.model_admin.ordering[0].removeprefix("-")
        by_index = self.model_admin.has_index(self.query)
        cursor = self.read_cursor(request, time_field)
        self.page = Page(self.queryset, time_field, self.list_per_page, cursor, by_index)
        # Keys first, from an index alone, then their rows: for whole rows MariaDB would sort the table.
        rows = self.root_queryset.in_bulk(self.page.pks)
        self.result_list = [rows[pk] for pk in self.page.pks if pk in rows]

    def read_cursor(self, request, time_field):
        try:
            return Cursor.parse(request.GET.get(PAGE_VAR, ""), self.opts.get_field(time_field))
        except ValueError:
            messages.warning(request, _("The address of this page is damaged. These are the newest rows."))
            return Cursor(FIRST)

    def fixed_query_string(self):
        """The address of these rows, also after midnight."""
        return f"?{with_days(QueryDict(self.get_query_string()[1:])).urlencode()}"

    def pages(self):
        """(rel, text, address or None) of the pages around this one."""
        page = self.page
        links = [
            ("first", _("First"), page.previous and Cursor(FIRST)),
            ("prev", _("Previous"), page.previous),
            ("next", _("Next"), page.next),
            ("last", _("Last"), page.next and Cursor(LAST)),
        ]
        return [
            (rel, text, cursor and self.get_query_string({PAGE_VAR: cursor.write() or None}))
            for rel, text, cursor in links
        ]


class ListAdmin(SavedFilters, BulkActions, admin.ModelAdmin):
    """Base of the lists. Subclasses set `ordering`, which an index must provide."""

    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def get_changelist(self, request, **kwargs):
        return BoundedChangeList

    def list_address(self):
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def lookup_allowed(self, lookup, value, request):
        """Only the filters on the page: stock admin accepts any column in the address, indexed or not."""
        return any(lookup in list_filter.parameter_names for list_filter in self.list_filter)

    def changelist_view(self, request, extra_context=None):
        if request.method == "POST":
            request.GET = with_days(request.GET)
        if len(request.GET) > 1 and ERROR_FLAG in request.GET:
            # With this flag stock admin takes a wrong filter for a broken database.
            request.GET = request.GET.copy()
            del request.GET[ERROR_FLAG]
        title = capfirst(self.opts.verbose_name_plural)
        saved = self.saved_filter_context(request) if self.list_filter else {}
        return super().changelist_view(request, {"title": title, **saved, **(extra_context or {})})

    # --- Search -------------------------------------------------------------------------------

    def search_condition(self, number, exact):
        if match := re.fullmatch(rf"\*([0-9]{{{LAST_DIGITS}}})", number, re.ASCII):
            return self.ends_in(match[1])
        if exact:
            return Q(number=normal_number(number))
        return reduce(or_, [prefix_range("number", prefix) for prefix in possible_prefixes(number)])

    def ends_in(self, digits):
        """Rows of dispatched numbers that end in `digits`; the index for them is that of the dispatch list."""
        return Q(number__in=Account.objects.numbers_ending_in(digits, NUMBERS_LIMIT))

    def read_search(self, search_term):
        """(number, whether it is whole)."""
        text, exact = unquoted(search_term)
        return clean_number(text), exact

    def has_index(self, search_term):
        """Whether an index has the found rows in order: each number has an order of its own, several have none."""
        number, exact = self.read_search(search_term)
        return exact or not number

    def get_search_results(self, request, queryset, search_term):
        number, exact = self.read_search(search_term)
        return (self.narrow_by_number(request, queryset, number, exact) if number else queryset), False

    def narrow_by_number(self, request, queryset, number, exact):
        condition = self.search_condition(number, exact)
        if not exact and self.exceeds(condition):
            text = _("More than %(limit)s rows have a number that begins like this. Type more digits.")
            refuse_search(request, text, SEARCH_LIMIT)
        return narrowed(queryset, condition)

    def exceeds(self, condition):
        return bounded_count(self.model._base_manager.filter(condition), SEARCH_LIMIT) > SEARCH_LIMIT


class NameSearch:
    """Mixin of ListAdmin: what is not a number is the beginning of a customer name, or the whole name in quotes."""

    TOO_MANY = gettext_lazy("More than %(limit)s rows match this name. Type more of it, or search by number.")

    def has_index(self, search_term):
        return super().has_index(search_term) and not is_name(search_term)

    def get_search_results(self, request, queryset, search_term):
        if not is_name(search_term):
            return super().get_search_results(request, queryset, search_term)
        name, exact = unquoted(search_term)
        condition = self.name_condition(request, name, exact)
        number = clean_number(name)
        # A number may have letters. Only if it exists: with OR, MariaDB merges two indexes.
        by_number = self.search_condition(number, exact)
        if self.model._base_manager.filter(by_number).exists():
            condition |= by_number
        if self.exceeds(condition):
            refuse_search(request, self.TOO_MANY, SEARCH_LIMIT)
        return narrowed(queryset, condition), False

    def name_condition(self, request, name, exact):
        """Rows of numbers with a dispatch of this name."""
        numbers = Account.objects.numbers_named(name, exact, NUMBERS_LIMIT + 1)
        if len(numbers) > NUMBERS_LIMIT:
            refuse_search(request, self.TOO_MANY, NUMBERS_LIMIT)
        return Q(number__in=numbers)


def unquoted(search_term):
    """(text, whether it was in quotes)."""
    text = search_term.strip()
    if text[:1] + text[-1:] in QUOTES and len(text) > 1:
        return text[1:-1], True
    return text, False


def is_name(search_term):
    return not NUMBER_CHARACTERS.fullmatch(clean_number(unquoted(search_term)[0]))


def narrowed(queryset, condition):
    return queryset.narrowed_to(condition) if hasattr(queryset, "narrowed_to") else queryset.filter(condition)


def refuse_search(request, text, limit=0):
    messages.error(request, text % {"limit": f"{limit:,}"})
    raise IncorrectLookupParameters


class ReadOnly:
    """Mixin of ModelAdmin: rows that nobody adds, changes or deletes in the back office."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
