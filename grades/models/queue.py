"""The queue of the ratings that wait for a review, and who has which of them open."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ..database.paging import bounded_count, sorted_keys
from .grades import Grade, low_limit
from .reviews import Assignment

OPEN_FOR = timedelta(minutes=10)


class OpenRating(models.Model):
    """The rating that a person has open in the queue: for a while the queue gives it to nobody else."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    # Not checked: it may be deleted at any time, and a deletion of ratings need not look here.
    grade = models.ForeignKey(Grade, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "review_open"
        default_permissions = ()

    def __str__(self):
        return f"#{self.grade_id}"


class LowQueue:
    """New ratings with a low grade, newest first, without those that somebody else has."""

    name = "low"
    by_index = True  # see `sorted_keys`

    def __init__(self, user):
        self.user = user

    def lowest_grades(self):
        return range(settings.GRADE_MIN, low_limit() + 1)

    def ratings(self):
        return Grade.objects.filter(review_state="new", lowest_grade__in=self.lowest_grades())

    def parts(self):
        """The same in parts, each of which is one range of the index grade_by_kind_covering, newest first."""
        return [
            # IN: for `=` Django writes `NOT has_remarks`, for which SQLite uses no index.
            Grade.objects.filter(review_state="new", lowest_grade=value, has_remarks__in=[remarks])
            for value in self.lowest_grades()
            for remarks in (False, True)
        ]

    def count(self):
        """How many wait, up to a limit (`bounded_count`), also those that somebody else has."""
        return bounded_count(self.ratings())

    def next(self, after=None):
        """The newest rating, or the newest after another one, and opens it; None at the end of the queue."""
        newest, opened = [], self.opened_by_others()
        last = (after.insert_time, after.pk) if after else None
        for part in self.parts():
            free = part.filter(~Exists(self.assigned_to_others())).exclude(pk__in=opened)
            newest += sorted_keys(free, "insert_time", 1, last, by_index=self.by_index)
        return (self.open(max(newest)[1]) or self.next(after)) if newest else None

    def assigned_to_others(self):
        others = Assignment.objects.filter(assignee__is_active=True).exclude(assignee=self.user)
        return others.filter(grade=OuterRef("pk"))

    def opened_by_others(self):
        since = timezone.now() - OPEN_FOR
        opened = OpenRating.objects.filter(opened_at__gte=since).exclude(user=self.user)
        return list(opened.values_list("grade", flat=True))  # at most one for each person

    def open(self, pk):
        """The rating, or None if it was deleted meanwhile."""
        OpenRating.objects.update_or_create(user=self.user, defaults={"grade_id": pk, "opened_at": timezone.now()})
        return Grade.objects.filter(pk=pk).select_related("assignment__assignee").first()


class OtherQueue(LowQueue):
    """New ratings without a low grade."""

    name = "others"

    def lowest_grades(self):
        return range(low_limit() + 1, settings.GRADE_MAX + 1)


class OwnQueue(LowQueue):
    """The ratings that the user takes care of and that are not closed, newest first."""

    name = "mine"
    by_index = False

    def ratings(self):
        return Grade.objects.filter(assignment__assignee=self.user, review_state__in=["new", "followed_up"])

    def parts(self):
        return [self.ratings()]


QUEUES = {queue.name: queue for queue in (LowQueue, OtherQueue, OwnQueue)}
