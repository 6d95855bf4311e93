"""Filters that combine, read as ranges of an index: the base of the querysets of ratings and of dispatches."""

from django.db import connections, models

MOST_PARTS = 66  # of a query: of ratings three states, eleven grades, with and without remarks


class KindQuerySet(models.QuerySet):
    """A *kind* is one value for each column of `KIND`; these columns have few values, and an index begins with them.

    A filter on them leaves some kinds, and each kind is a range of the index, newest first.
    """

    KIND = ()
    kind_filters = ()  # functions of a kind: whether the filter leaves it
    is_narrow = False  # whether a condition with an index of its own leaves few enough rows to read all of them

    def _clone(self):
        clone = super()._clone()
        clone.kind_filters, clone.is_narrow = self.kind_filters, self.is_narrow
        return clone

    def of_kind(self, matches, **lookups):
        """Filter by `lookups` on the columns of a kind; `matches` tells the same of a kind."""
        queryset = self.filter(**lookups)
        queryset.kind_filters = (*self.kind_filters, matches)
        return queryset

    def narrowed_to(self, condition):
        """The rows of a condition that leaves too few to read the ranges of kinds for them."""
        queryset = self.filter(condition)
        queryset.is_narrow = True
        return queryset

    def index_ranges(self):
        """This queryset in parts: one for each kind that it may hold; itself, if there is nothing to divide."""
        can_unite = connections[self.db].features.supports_slicing_ordering_in_compound
        if self.is_narrow or not self.kind_filters or not can_unite:
            return [self]
        kinds = [kind for kind in self.stored_kinds() if all(matches(kind) for matches in self.kind_filters)]
        return [self.of_one_kind(kind) for kind in kinds] if len(kinds) <= MOST_PARTS else [self]

    def of_one_kind(self, kind):
        # IN: for `=` Django writes `NOT has_remarks`, which is not a range of an index.
        lookups = {}
        for name, value in zip(self.KIND, kind, strict=True):
            lookups |= {f"{name}__in": [value]} if isinstance(value, bool) else {name: value}
        return self.filter(**lookups)

    def stored_kinds(self):
        """Every kind that a row may be of."""
        raise NotImplementedError
