"""Counters of the rate limits, for sites without Redis. `grades.limits` reads and writes them."""

import time

from django.db import models
from django.db.models import F

from .fields import Char32UUIDField

DELETED = 1000  # rows of one DELETE


class RateCounterQuerySet(models.QuerySet):
    def of_window(self, counter, ends_at):
        return self.filter(counter=counter, ends_at=ends_at)

    def subtract(self, number):
        return self.update(hits=F("hits") - number)

    def delete_ended(self):
        """Delete the counters whose window has ended, a few at a time: submissions wait for no long transaction."""
        ended = self.filter(ends_at__lt=int(time.time()))
        while keys := list(ended.values_list("pk", flat=True)[:DELETED]):
            ended.filter(pk__in=keys).delete()  # only if no submission has begun a new window meanwhile


class RateCounter(models.Model):
    """How many submissions of one number, or from one address, came in the window that ends at `ends_at`."""

    # A keyed digest: a row does not tell the number or the address.
    counter = Char32UUIDField(primary_key=True)
    hits = models.IntegerField()
    ends_at = models.BigIntegerField()  # Unix time in seconds

    objects = RateCounterQuerySet.as_manager()

    class Meta:
        db_table = "rate_counter"
        default_permissions = ()
        indexes = [
            # the deletion of counters whose window has ended
            models.Index(fields=["ends_at"], name="rate_counter_by_end"),
        ]

    def __str__(self):
        return str(self.counter)
