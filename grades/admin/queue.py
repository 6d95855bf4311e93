"""The queue of the ratings that wait for a review: one after another, with everything that is known about each."""

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..access import forget_note, show_kept_note
from ..database.keys import is_key
from ..database.paging import count_label
from ..models import QUEUES, Account, Grade, ReviewChanged, low_limit
from .reviews import NoteField, ReviewForm

# Rows beside the rating; the query page has more.
DISPATCHES_SHOWN = 3
OTHERS_SHOWN = 10

TITLES = {
    "low": gettext_lazy("Low and new"),
    "others": gettext_lazy("Other new ratings"),
    "mine": gettext_lazy("Mine"),
}


class QueueForm(ReviewForm):
    note = NoteField(widget=AdminTextareaWidget(attrs={"rows": 4, "autofocus": True}))


class QueueAdmin(admin.ModelAdmin):
    """Mixin of the admin of ratings: the page of the queue."""

    def get_urls(self):
        queue = path("queue/", self.admin_site.admin_view(self.queue_view), name="grades_grade_queue")
        return [queue, *super().get_urls()]

    def queue_view(self, request):
        """`GET ?show=…&after=…`: the next rating of a queue. `POST rating, …`: save its review and go on."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        name = request.GET.get("show", "low")
        if name not in QUEUES:
            raise BadRequest("This queue does not exist.")
        if request.method == "POST":
            return self.save_and_next(request, name)
        after = request.GET.get("after", "")
        rating = QUEUES[name](request.user).next(find_rating(after) if after else None)
        form = rating and first_form(rating)
        if rating:
            show_kept_note(request, form, rating)
        return self.render_queue(request, name, rating, form)

    def save_and_next(self, request, name):
        rating = find_rating(request.POST.get("rating", ""))
        if rating is None:
            self.message_user(request, _("Nothing was saved: this rating has been deleted."), messages.ERROR)
            return redirect(queue_url(name))
        form = QueueForm(request.POST, instance=rating)
        if not form.is_valid():
            rating.review_state = form.initial["review_state"]  # is_valid() has set the chosen one
            return self.render_queue(request, name, rating, form)
        try:
            with transaction.atomic():
                form.save_review(request.user)
                self.log_change(request, rating, self.construct_change_message(request, form, None))
        except ReviewChanged:
            # Somebody saved during this request. The next check of the form sees it.
            return self.save_and_next(request, name)
        forget_note(request, rating)
        page = reverse("admin:grades_grade_change", args=[rating.pk])
        text = format_html('{} <a href="{}">{}</a> {}', _("Saved:"), page, rating, rating.get_review_state_display())
        self.message_user(request, text, messages.SUCCESS)
        return redirect(queue_url(name, after=rating))

    def render_queue(self, request, name, rating, form):
        queues = [queue(request.user) for queue in QUEUES.values()]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Review queue"),
            "opts": self.opts,
            "queues": [
                {"title": TITLES[queue.name], "url": queue_url(queue.name), "count": count_label(queue.count())}
                | {"is_shown": queue.name == name}
                for queue in queues
            ],
            "name": name,
            "after": request.GET.get("after"),
            "first_url": queue_url(name),
            "rating": rating,
            "form": form,
            "low_limit": low_limit(),
        }
        if rating:
            context |= known_about(rating) | {"skip_url": queue_url(name, after=rating)}
        return TemplateResponse(request, "admin/grades/queue.html", context)


def find_rating(text):
    """The rating with this key, or None."""
    if not is_key(text):
        raise BadRequest("A key is not a number.")
    return Grade.objects.filter(pk=int(text)).select_related("assignment__assignee").first()


def first_form(rating):
    """The form of a rating that somebody opens: who works through the queue follows the new ones up."""
    is_new = rating.review_state == Grade.ReviewState.NEW
    return QueueForm(instance=rating, initial={"review_state": "followed_up"} if is_new else None)


def queue_url(name, after=None):
    query = {"show": name} | ({"after": after.pk} if after else {})
    return reverse("admin:grades_grade_queue", query=query)


def known_about(rating):
    """Dispatches and other ratings of the number, newest first."""
    dispatches = list(Account.objects.of_number(rating.acc_nbr)[: DISPATCHES_SHOWN + 1])
    others = Grade.objects.of_account(rating.acc_nbr).exclude(pk=rating.pk).newest_first()
    others = list(others[: OTHERS_SHOWN + 1])
    return {
        "dispatches": dispatches[:DISPATCHES_SHOWN],
        "others": others[:OTHERS_SHOWN],
        "has_more": len(dispatches) > DISPATCHES_SHOWN or len(others) > OTHERS_SHOWN,
    }
