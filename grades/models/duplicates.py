"""Submissions that came more than once: duplicates, and conflicts (the same id with other content)."""

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import Char32UUIDField
from .grades import Content, Grade


class RepeatQuerySet(models.QuerySet):
    def since(self, moment):
        return self.filter(repeated_at__gte=moment)

    def last_time(self):
        """The time of the newest of these, or None."""
        return self.order_by("-repeated_at").values_list("repeated_at", flat=True).first()


class Repeat(models.Model):
    """A duplicate of a stored submission: a second tap, or a retry after a lost answer.

    One row for each. With a counter, many copies at once would queue for its lock.
    """

    grade = models.ForeignKey(
        Grade, on_delete=models.CASCADE, related_name="repeats", verbose_name=_("rating"), db_index=False
    )
    repeated_at = models.DateTimeField(_("repeated at"), default=timezone.now)

    objects = RepeatQuerySet.as_manager()

    class Meta:
        db_table = "grade_repeat"
        verbose_name = _("repeat")
        verbose_name_plural = _("repeats")
        indexes = [
            # the admin's count of the last days
            models.Index(fields=["repeated_at"], name="repeat_by_time"),
            # a rating's page: how many, and when last; the foreign key
            models.Index(fields=["grade", "repeated_at"], name="repeat_by_grade"),
        ]

    def __str__(self):
        return f"#{self.pk}"


class ConflictQuerySet(models.QuerySet):
    def open(self):
        """Conflicts that staff have not decided yet."""
        return self.filter(kept_as=None)

    def kept(self):
        return self.exclude(kept_as=None)


class Conflict(Content):
    """A submission whose id is stored with other content: refused with 409 and shown to staff."""

    grade = models.ForeignKey(
        Grade, on_delete=models.CASCADE, related_name="conflicts", verbose_name=_("stored rating"), editable=False
    )
    received_at = models.DateTimeField(_("received at"), default=timezone.now, editable=False)
    content_key = Char32UUIDField(editable=False)
    # CASCADE: deleting that rating must delete its content here too, not open the conflict again.
    kept_as = models.OneToOneField(
        Grade,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="kept_from",
        verbose_name=_("kept as"),
    )

    objects = ConflictQuerySet.as_manager()

    class Meta:
        db_table = "grade_conflict"
        verbose_name = _("conflicting submission")
        verbose_name_plural = _("conflicting submissions")
        indexes = [
            # the admin's list: newest first
            models.Index(fields=["received_at", "id"], name="conflict_by_time"),
            # the admin's search by account or prefix
            models.Index(fields=["number", "received_at", "id"], name="conflict_by_number"),
        ]
        constraints = [
            # a client's retries are one record
            models.UniqueConstraint(fields=["grade", "content_key"], name="conflict_once"),
        ]

    @property
    def differences(self):
        """Names of the content fields that differ from the stored rating; empty if only the person differs."""
        return [name for name in self.CONTENT if getattr(self, name) != getattr(self.grade, name)]

    @property
    def is_by_another_person(self):
        return bool(self.openid and self.grade.openid and self.openid != self.grade.openid)

    def keep(self):
        """Store this conflict as a rating of its own, once; returns whether this call did it.

        Each call inserts; a conditional UPDATE lets one commit and rolls the others back. Staff have decided,
        so the rating has neither an id nor a key, and nothing that comes in later is a duplicate of it.
        """
        content = {name: getattr(self, name) for name in (*self.CONTENT, "openid")}
        with transaction.atomic():
            rating = Grade.objects.create(insert_time=self.received_at, **content)
            if not Conflict.objects.open().filter(pk=self.pk).update(kept_as=rating):
                transaction.set_rollback(True)
                return False
        self.kept_as = rating
        return True
