"""The review of one rating: its form, its thread of notes, and the answer to a change meanwhile."""

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.contrib.admin.widgets import AdminTextareaWidget
from django.contrib.auth import get_user_model
from django.core.validators import RegexValidator
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..access import forget_note, show_kept_note
from ..database.keys import is_key
from ..models import NOTE_LENGTH, Grade, ReviewChanged, save_review

CONTROLS = r"[\x01-\x08\x0b-\x1f\x7f-\x9f]"  # all but tab and line feed; Django refuses NUL itself


class NoteField(forms.CharField):
    """A note for the thread of a rating."""

    widget = AdminTextareaWidget(attrs={"rows": 4})
    default_validators = [
        RegexValidator(
            CONTROLS, gettext_lazy("The note contains control characters."), code="characters", inverse_match=True
        )
    ]

    def __init__(self, **kwargs):
        super().__init__(label=gettext_lazy("Note"), max_length=NOTE_LENGTH, required=False, **kwargs)

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n")  # as the limit counts a line break

    def widget_attrs(self, widget):
        # Without maxlength: it would cut off a pasted text without a word.
        return {}


class AssigneeField(forms.ModelChoiceField):
    """The staff who may review ratings, and the present assignee also if they are not among these any more."""

    def __init__(self, **kwargs):
        super().__init__(
            get_user_model().objects.none(),
            label=gettext_lazy("Assignee"),
            required=False,
            empty_label=gettext_lazy("nobody"),
            **kwargs,
        )

    def offer(self, present):
        users = get_user_model().objects
        able = users.with_perm("grades.change_grade", include_superusers=True).filter(is_staff=True)
        present = [present.pk] if present else []
        self.queryset = users.filter(Q(pk__in=able.values("pk")) | Q(pk__in=present)).order_by("username")

    def to_python(self, value):
        if value and not is_key(value):
            raise forms.ValidationError(self.error_messages["invalid_choice"], "invalid_choice", {"value": value})
        return super().to_python(value)

    def label_from_instance(self, user):
        return str(user) if user.is_active else _("%(name)s (inactive)") % {"name": user}


class ReviewForm(forms.ModelForm):
    """The review of one rating. Its version shows whether somebody has changed the review since the page was made."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    assignee = AssigneeField()
    note = NoteField()

    class Meta:
        model = Grade
        fields = ("review_state",)
        widgets = {"review_state": forms.RadioSelect}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"label_suffix": "", **kwargs})  # most labels are questions
        assignee = self.instance.assignee
        self.initial |= {"version": self.instance.review_version, "assignee": assignee and assignee.pk}
        self.fields["assignee"].offer(assignee)

    def clean(self):
        if self.cleaned_data.get("version") != self.instance.review_version:
            self.add_error(None, self.changed_meanwhile())
            # The note stays in the form. State and assignee are those that are stored now: the choice was made
            # without knowing them.
            self.data = self.data.copy()
            for name in ("version", "review_state", "assignee"):
                self.data[self.add_prefix(name)] = "" if self.initial[name] is None else self.initial[name]

    def changed_meanwhile(self):
        """Errors that say who has changed what since the page was made."""
        version = self.cleaned_data.get("version") or 0
        told = _("This rating has changed since you opened it. Nothing was saved, and your note is still in the form.")
        return [told, *(describe(entry) for entry in self.instance.thread if (entry.version or 0) > version)]

    def save_review(self, author):
        """Save what was changed; raises ReviewChanged if somebody else was faster."""
        if self.changed_data:
            chosen = self.cleaned_data
            save_review(
                self.instance.pk,
                chosen["version"],
                author,
                state=chosen["review_state"],
                assignee=chosen["assignee"],
                text=chosen["note"],
            )


def describe(entry):
    """Who changed what, when, in one line."""
    changes = [*entry.changes, _("note added")] if entry.text else entry.changes
    return _("%(time)s %(name)s: %(changes)s") % {
        "time": display_for_value(entry.written_at, ""),
        "name": entry.author_name,
        "changes": ", ".join(changes),
    }


class ReviewAdmin(admin.ModelAdmin):
    """The part of the admin of ratings that reviews them."""

    form = ReviewForm

    @admin.display(description=gettext_lazy("notes"))
    def thread(self, grade):
        return render_to_string("admin/grades/thread.html", {"notes": grade.thread})

    @admin.display(description=gettext_lazy("assignee"))
    def assigned_to(self, grade):
        return AssigneeField().label_from_instance(grade.assignee) if grade.assignee else _("nobody")

    def changeform_view(self, request, *args, **kwargs):
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ReviewChanged:
            # Somebody saved during this request. The next check of the form sees it.
            return super().changeform_view(request, *args, **kwargs)

    def render_change_form(self, request, context, *args, **kwargs):
        form = context["adminform"].form
        if not form.is_bound and "note" in form.fields:
            show_kept_note(request, form, form.instance)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request, obj, form, change):
        form.save_review(request.user)
        forget_note(request, obj)
