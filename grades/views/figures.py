"""What the pages with figures share: a figure, and the link to the list that it counts."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse


@dataclass
class Figure:
    """One number: its name, its value now and before, the template filter that writes it, and the list it counts."""

    name: str
    value: Any
    before: Any
    kind: str = "count"
    link: str = ""
    note: str = ""

    @property
    def change(self):
        """The change in percent, or None."""
        return round(100 * (self.value - self.before) / self.before) if self.value is not None and self.before else None


def list_link(model, period=None, **filters):
    days = {"from": period.first, "to": period.last} if period else {}
    return reverse(f"admin:grades_{model}_changelist", query={**filters, **days})


def share(part, whole):
    return part / whole if whole else None
