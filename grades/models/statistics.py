"""Figures of each day, so that a page costs days and not rows: see `figures` and `dispatch_figures`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from django.db import connections, models, transaction
from django.utils import timezone


def day_of(moment: datetime) -> date:
    """The day of a moment in the time zone of the site."""
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


def end_of(day: date) -> datetime:
    return start_of(day + timedelta(days=1))


def add(figures: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The sum of the figures of several days. Adding in a plain dict takes half the time of `Counter.update`."""
    total: dict[str, int] = {}
    get = total.get
    for of_day in figures:
        for name, number in of_day.items():
            total[name] = get(name, 0) + number
    return Counter(total)


class DailyFiguresQuerySet(models.QuerySet):
    def mark(self, days: Iterable[date]) -> None:
        """Make the figures of these days stale.

        Whoever changes what they count calls this in the same transaction, at its end: it locks the rows of these
        days until the commit. /score does not call it, see decision 52.
        """
        days = set(days)
        if days and self._outdate(days) < len(days):
            missing = days.difference(self.filter(day__in=days).values_list("day", flat=True))
            # Only now: an INSERT that meets its row takes a lock with which two writers would deadlock.
            self.bulk_create((self.model(day=day) for day in sorted(missing)), ignore_conflicts=True)
            self._outdate(missing)

    def _outdate(self, days: set[date]) -> int:
        return self.filter(day__in=days).update(version=models.F("version") + 1, until=None)


class DailyFigures(models.Model):
    """The figures of one day. They are recomputed, never incremented."""

    day = models.DateField(primary_key=True)
    # Counts the changes: figures that were computed before the last one are not stored.
    version = models.PositiveIntegerField(default=0, db_default=0)
    # The figures count what was committed before this moment; None if they are stale.
    until = models.DateTimeField(null=True)
    figures = models.JSONField(default=dict)

    objects = DailyFiguresQuerySet.as_manager()

    class Meta:
        abstract = True
        default_permissions = ()

    def __str__(self):
        return str(self.day)

    def store(self, until: datetime, figures: dict[str, int]) -> bool:
        """Store figures that were computed after this row was read, unless the day has changed since.

        Returns whether they were stored. It never waits for a writer.
        """
        using = self._state.db
        skip_locked = connections[using].features.has_select_for_update_skip_locked
        same = type(self)._base_manager.using(using).filter(pk=self.pk, version=self.version)
        with transaction.atomic(using=using):
            # Read before it is written: an UPDATE would wait for a writer that has marked the day.
            if not same.select_for_update(skip_locked=skip_locked).values_list("pk").first():
                return False
            return bool(same.update(until=until, figures=figures))


class DailyScore(DailyFigures):
    """The figures of the ratings of a day in the time zone of the site."""

    class Meta(DailyFigures.Meta):
        db_table = "daily_score"


class DailyCoverage(DailyFigures):
    """The figures of the dispatches of a day."""

    class Meta(DailyFigures.Meta):
        db_table = "daily_coverage"


def mark_days(rated: Iterable[date], dispatched: Iterable[date], using: str | None = None) -> None:
    """Make the figures of the ratings and of the dispatches of these days stale; see `DailyFiguresQuerySet.mark`.

    Always in this order: in different ones two writers would wait for each other.
    """
    DailyScore.objects.using(using).mark(rated)
    DailyCoverage.objects.using(using).mark(dispatched)


class RecountedUntil(models.Model):
    """One row: the ratings of /score before this moment are counted and placed. See `coverage`."""

    # not an AutoField: MariaDB allows no constraint on one
    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    until = models.DateTimeField()

    class Meta:
        db_table = "recounted_until"
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="recounted_until_one_row")]

    def __str__(self):
        return str(self.until)
