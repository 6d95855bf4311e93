"""Counting a submission without storing it."""

from django.conf import settings

from grades.database.retries import retry_transient
from grades.limits import count_batch, counters_of


def count_submission(acc_nbr, meta):
    """The limit that the submission exceeds, or None."""
    submission = counters_of(acc_nbr, meta)
    retry_transient(count_batch, [submission], using=settings.API_DATABASE)
    return submission.excess
