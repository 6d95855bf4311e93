"""The review of ratings: an append-only thread of notes, the assignee, and the check against changes meanwhile."""

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..database.paging import key_batches
from .grades import Grade
from .statistics import DailyScore, day_of

NOTE_LENGTH = 2000
REVIEW_BATCH = 2000


class ReviewNote(models.Model):
    """An entry of a rating's thread: what one person wrote and changed at once. Entries are added, never changed."""

    grade = models.ForeignKey(
        Grade,
        on_delete=models.CASCADE,
        related_name="notes",
        verbose_name=gettext_lazy("rating"),
        db_index=False,
    )
    # The rating's `review_version` after this entry; NULL for notes from before there were versions.
    version = models.PositiveIntegerField(null=True)
    text = models.CharField(gettext_lazy("note"), max_length=NOTE_LENGTH, blank=True, default="")
    # What the entry changed; empty and NULL: nothing. An empty name: nobody is assigned any more.
    state = models.CharField(max_length=16, blank=True, default="")
    assignee_name = models.CharField(max_length=150, null=True)
    # The name as it was, because users are renamed and deleted.
    author_name = models.CharField(gettext_lazy("author"), max_length=150, blank=True, default="")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    written_at = models.DateTimeField(gettext_lazy("written at"), default=timezone.now)

    class Meta:
        db_table = "review_note"
        ordering = ("version", "pk")
        verbose_name = gettext_lazy("review note")
        verbose_name_plural = gettext_lazy("review notes")
        default_permissions = ()
        constraints = [
            # of two changes of one version the database takes one; its index reads a rating's thread in order
            models.UniqueConstraint(fields=["grade", "version"], name="review_note_once_per_version"),
            models.CheckConstraint(
                condition=Q(state__in=["", "new", "followed_up", "closed"]), name="review_note_state"
            ),
        ]

    def __str__(self):
        return f"#{self.pk}"

    @property
    def changes(self):
        """What the entry changed, as short texts."""
        changes = [str(Grade.ReviewState(self.state).label)] if self.state else []
        if self.assignee_name:
            changes.append(_("assigned to %(name)s") % {"name": self.assignee_name})
        elif self.assignee_name == "":
            changes.append(_("assigned to nobody"))
        return changes


class Assignment(models.Model):
    """Who takes care of a rating. In a table of its own: a column with its index would cost each new rating."""

    grade = models.OneToOneField(Grade, on_delete=models.CASCADE, primary_key=True, related_name="assignment")
    # its index finds "mine"
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "review_assignment"
        default_permissions = ()

    def __str__(self):
        return f"#{self.pk}"


class ReviewChanged(Exception):
    """Somebody else has changed the review of the rating since it was read."""


@transaction.atomic
def save_review(pk, version, author, state, assignee, text):
    """Set state and assignee of a rating (None: nobody) and add an entry to its thread.

    Raises ReviewChanged, and changes nothing, if the rating does not have this version any more.
    """
    rating = Grade.objects.filter(pk=pk)
    if not rating.filter(review_version=version).update(review_version=version + 1):
        raise ReviewChanged
    # The UPDATE holds the row's lock: what is read now stays until the commit.
    stored = Grade.objects.select_related("assignment__assignee").get(pk=pk)
    entry = ReviewNote(grade=stored, version=version + 1, text=text, author=author, author_name=author.get_username())
    if state != stored.review_state:
        entry.state = state
        rating.update(review_state=state, reviewer=author, reviewed_at=entry.written_at)
    if assignee != stored.assignee:
        entry.assignee_name = assignee.get_username() if assignee else ""
        if assignee:
            Assignment.objects.update_or_create(grade=stored, defaults={"assignee": assignee})
        else:
            Assignment.objects.filter(grade=stored).delete()
    entry.save(force_insert=True)
    if entry.state:
        DailyScore.objects.mark([day_of(stored.insert_time)])


def review_many(ratings, author, state, text="", until=None, report=lambda done, left_out, last: None, after=None):
    """Set the state of many ratings, newest first, and add a note to each; returns how many were done and left out.

    A rating whose state was changed after `until` is left out: the person who asked for this has not seen that state.
    The first rating is the one after `after`, a (time, key). `report` is called in the transaction of each batch, with
    both counts and the last rating's (time, key).
    """
    done = left_out = 0
    for pks in key_batches(ratings, "insert_time", REVIEW_BATCH, after):
        with transaction.atomic():
            found = lock_for_review(pks)
            rows = [row for row in found if not (until and row.reviewed_at and row.reviewed_at > until)]
            review_batch(rows, author, state, text)
            done, left_out = done + len(rows), left_out + len(found) - len(rows)
            if found:  # all of them may have been deleted
                report(done, left_out, min((row.insert_time, row.pk) for row in found))
    return done, left_out


def lock_for_review(pks):
    # In the order of the keys, so that two of these at once wait for each other and do not deadlock.
    rows = Grade.objects.filter(pk__in=pks).order_by("pk").select_for_update()
    return list(rows.only("insert_time", "review_state", "review_version", "reviewed_at"))


def review_batch(rows, author, state, text):
    """Review rows that the transaction has locked; those that have the state already get only the note."""
    now = timezone.now()
    moved = [row for row in rows if row.review_state != state]
    changed = rows if text else moved
    Grade.objects.filter(pk__in=[row.pk for row in changed]).update(review_version=F("review_version") + 1)
    Grade.objects.filter(pk__in=[row.pk for row in moved]).update(review_state=state, reviewer=author, reviewed_at=now)
    ReviewNote.objects.bulk_create(
        ReviewNote(
            grade=row,
            version=row.review_version + 1,
            text=text,
            state=state if row.review_state != state else "",
            author=author,
            author_name=author.get_username(),
            written_at=now,
        )
        for row in changed
    )
    DailyScore.objects.mark(day_of(row.insert_time) for row in moved)
