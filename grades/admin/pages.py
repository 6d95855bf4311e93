"""Pages of a list by keyset paging: the address holds the time and the id of a row at the page's edge, nothing else."""

import re
from datetime import UTC, datetime

from django.db import models

from ..database.paging import Key, sorted_keys

FIRST, LAST, AFTER, BEFORE = "", "last", "after", "before"
DAY, MOMENT = "%Y%m%d", "%Y%m%dT%H%M%S%f"


class Cursor:
    """Where a page begins: at the first or the last row, or after or before a key."""

    def __init__(self, place: str, key: Key | None = None):
        self.place, self.key = place, key

    @classmethod
    def parse(cls, text: str, time_field: models.Field) -> "Cursor":
        """Read the text of `write`; raises ValueError for any other."""
        if text in (FIRST, LAST):
            return cls(text)
        match = re.fullmatch(f"({AFTER}|{BEFORE})-([0-9T]+)-([0-9]{{1,18}})", text, re.ASCII)
        if not match:
            raise ValueError
        place, time, pk = match.groups()
        if isinstance(time_field, models.DateTimeField):
            return cls(place, (datetime.strptime(time, MOMENT).replace(tzinfo=UTC), int(pk)))
        return cls(place, (datetime.strptime(time, DAY).replace(tzinfo=UTC).date(), int(pk)))

    def write(self) -> str:
        if self.key is None:
            return self.place
        time, pk = self.key
        text = f"{time.astimezone(UTC):{MOMENT}}" if isinstance(time, datetime) else f"{time:{DAY}}"
        return f"{self.place}-{text}-{pk}"


class Page:
    """The keys of one page of `queryset`, newest first, and the cursors of the pages around it."""

    def __init__(self, queryset, time_field: str, size: int, cursor: Cursor, by_index: bool = True):
        backwards = cursor.place in (LAST, BEFORE)
        keys = sorted_keys(queryset, time_field, size + 1, cursor.key, newest_first=not backwards, by_index=by_index)
        more = len(keys) > size
        if (cursor.place == BEFORE and not more) or (cursor.place == AFTER and not keys):
            # The edge of the list: a whole page, not the rest of one; or the rows there are deleted.
            self.__init__(queryset, time_field, size, Cursor(FIRST if backwards else LAST), by_index)
            return
        self.keys = keys[:size][::-1] if backwards else keys[:size]
        self.previous = self.next = None
        if more if backwards else cursor.place == AFTER:
            self.previous = Cursor(BEFORE, self.keys[0])
        if cursor.place == BEFORE if backwards else more:
            self.next = Cursor(AFTER, self.keys[-1])

    @property
    def pks(self) -> list[int]:
        return [pk for _time, pk in self.keys]
