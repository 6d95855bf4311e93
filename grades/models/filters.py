"""Filters of a list that a member of staff has named."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedFilter(models.Model):
    """A combination of filters of one list, seen by its owner alone. It holds no search term: that may be a number."""

    MOST = 20  # of a person for a list

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters", db_index=False
    )
    list = models.CharField(max_length=32)  # the name of its model
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(max_length=255)  # as in the address

    class Meta:
        db_table = "saved_filter"
        verbose_name = _("saved filter")
        verbose_name_plural = _("saved filters")
        constraints = [
            # saving under the same name replaces; its index finds a person's filters of a list
            models.UniqueConstraint(fields=["user", "list", "name"], name="saved_filter_once"),
        ]

    def __str__(self):
        return f"#{self.pk}"
