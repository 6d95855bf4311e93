"""The review of many ratings: at once, or by a background job for all that a filter matches."""

from datetime import datetime

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..database.paging import bounded_count
from ..jobs import kind
from ..models import Grade, JobFailed, review_many
from ..models.jobs import JobStopped
from .actions import ConfirmForm, chosen_rows, is_across
from .list_jobs import changelist_of, list_request, order_job
from .reviews import NoteField

# Ratings that are reviewed within the request; more are a background job.
DIRECT_REVIEWS = 2000


class BulkReviewForm(ConfirmForm):
    """The note for every rating of a bulk review."""

    note = NoteField(help_text=gettext_lazy("It is added to each rating; no note is replaced."))


class BulkReviewAdmin(admin.ModelAdmin):
    """Mixin of the admin of ratings: its actions that review."""

    @admin.action(permissions=["change"], description=gettext_lazy("Mark as followed up"))
    def mark_followed_up(self, request, queryset):
        return self.review_selected(request, queryset, Grade.ReviewState.FOLLOWED_UP, _("Mark as followed up"))

    @admin.action(permissions=["change"], description=gettext_lazy("Mark as closed"))
    def mark_closed(self, request, queryset):
        return self.review_selected(request, queryset, Grade.ReviewState.CLOSED, _("Mark as closed"))

    @admin.action(permissions=["change"], description=gettext_lazy("Reopen"))
    def reopen(self, request, queryset):
        return self.review_selected(request, queryset, Grade.ReviewState.NEW, _("Reopen"))

    def review_selected(self, request, queryset, state, title):
        form = BulkReviewForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            warning = _("Ratings whose state somebody changes meanwhile are left out.")
            return self.confirmation_page(request, queryset, form, title, note=warning)
        note, until = form.cleaned_data["note"], form.cleaned_data["until"]
        ratings = self.confirmed(queryset, form)
        if is_across(request) and bounded_count(ratings, DIRECT_REVIEWS) > DIRECT_REVIEWS:
            return self.review_in_background(request, state, note, until)
        with transaction.atomic():
            count, left_out = review_many(ratings, request.user, state, note, until)
            self.log_bulk(request, CHANGE, count, state.label)
        message = ngettext("%(count)s rating is now: %(state)s.", "%(count)s ratings are now: %(state)s.", count)
        self.message_user(request, message % {"count": f"{count:,}", "state": state.label}, messages.SUCCESS)
        if left_out:
            self.message_user(request, left_out_text(left_out), messages.WARNING)
        return None

    def review_in_background(self, request, state, note, until):
        order = {
            "query": request.GET.urlencode(),
            "state": state,
            "note": note,
            "until": until.isoformat(),
            "chosen": chosen_rows(request),
        }
        return order_job(self, request, "bulk review", order)


def left_out_text(count):
    text = ngettext(
        "%(count)s rating was left out: somebody has changed its state meanwhile.",
        "%(count)s ratings were left out: somebody has changed their state meanwhile.",
        count,
    )
    return text % {"count": f"{count:,}"}


@kind("bulk review", gettext_lazy("Bulk review"))
def run_bulk_review(job):
    """Do what `review_in_background` ordered. The list is read again, with the rights that its owner has now.

    A batch and its position are one transaction. The list may not match a rating any more once it is reviewed, so
    the position is a place in time and not a number of rows.
    """
    order, author = job.parameters, job.owner
    model_admin = admin.site.get_model_admin(Grade)
    request = list_request(model_admin, author, order["query"])
    if not (author.is_active and author.is_staff and model_admin.has_change_permission(request)):
        raise JobFailed(_("You may not review ratings any more."))
    until = datetime.fromisoformat(order["until"])
    ratings = changelist_of(model_admin, request).queryset.filter(insert_time__lte=until).order_by()
    if job.position is None:
        job.position = {"done": 0, "left_out": 0}
        job.report(0, total=ratings.count(), position=job.position)
    before = job.position
    last = (datetime.fromisoformat(before["time"]), before["pk"]) if "time" in before else None

    def report(done, left_out, last):
        done, left_out = before["done"] + done, before["left_out"] + left_out
        position = {"done": done, "left_out": left_out, "time": last[0].isoformat(), "pk": last[1]}
        job.report(done + left_out, position=position)
        job.position = position

    try:
        review_many(ratings, author, order["state"], order["note"], until, report, after=last)
    except JobStopped:
        if job.held().exists():  # if not, another worker goes on with it and writes the log
            log_review(model_admin, job)
        raise
    log_review(model_admin, job)


def log_review(model_admin, job):
    texts = [f"{Grade.ReviewState(job.parameters['state']).label}: {job.parameters['chosen']}"]
    if job.position["left_out"]:
        texts.append(left_out_text(job.position["left_out"]))
    model_admin.log_rows(job.owner, CHANGE, job.position["done"], ". ".join(texts))
