"""The action of the dispatch list that makes codes to print."""

from itertools import islice

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..access import PRINT_CODES, may
from ..codes import LINK, WECHAT, CodesFailed, available_kinds, last_day, make_cards, select_dispatches, sheet_chunks
from ..database.paging import COUNT_LIMIT, bounded_count
from ..downloads import codes_response
from .actions import ConfirmForm

# Codes of one request. A QR code takes some milliseconds of the processor, a picture from WeChat is a call to it.
LIMITS = {LINK: 500, WECHAT: 100}
KIND_LABELS = {WECHAT: gettext_lazy("Mini program codes"), LINK: gettext_lazy("QR codes of links")}


class CodesForm(ConfirmForm):
    """Which codes, and in which form."""

    format = forms.ChoiceField(
        label=gettext_lazy("Form"),
        choices=[
            ("sheet", gettext_lazy("Sheet to print (A4)")),
            ("xlsx", gettext_lazy("List (XLSX)")),
            ("csv", gettext_lazy("List (CSV)")),
        ],
    )
    kind = forms.ChoiceField(label=gettext_lazy("Codes"))
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the cards"), choices=settings.LANGUAGES, initial=settings.LANGUAGE_CODE
    )
    unrated = forms.BooleanField(label=gettext_lazy("Only numbers without a rating since the dispatch"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind, KIND_LABELS[kind]) for kind in available_kinds()]

    def limit(self):
        # A list needs no pictures.
        return LIMITS[LINK if self.cleaned_data["format"] != "sheet" else self.cleaned_data["kind"]]


class CodesAction:
    """Mixin of the dispatch list."""

    def has_print_permission(self, request):
        return may(request.user, PRINT_CODES)

    @admin.action(permissions=["print"], description=gettext_lazy("Make codes to print"))
    def make_codes(self, request, queryset):
        if not available_kinds():
            text = _("Codes need the setting PUBLIC_URL, or WECHAT_APPID and WECHAT_SECRET.")
            return self.message_user(request, text, messages.ERROR)
        if bounded_count(queryset) > COUNT_LIMIT:
            return self.refuse_many(request, COUNT_LIMIT)
        form = CodesForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirmation_page(
                request,
                queryset,
                form,
                _("Make codes to print"),
                sentence=_("This makes codes for %(count)s dispatches."),
                note=_("They are valid until %(day)s.") % {"day": last_day().isoformat()},
            )
        limit = form.limit()
        chosen = select_dispatches(self.confirmed(queryset, form), unrated=form.cleaned_data["unrated"])
        dispatches = list(islice(chosen, limit + 1))
        if not dispatches:
            text = _("No code was made: each of these numbers has a rating since its dispatch.")
            return self.message_user(request, text, messages.WARNING)
        if len(dispatches) > limit:
            return self.refuse_many(request, limit)
        dispatches.sort(key=lambda dispatch: dispatch.area)
        try:
            response = self.codes_as(form.cleaned_data, make_cards(dispatches), back=request.get_full_path())
        except CodesFailed as error:
            return self.message_user(request, str(error), messages.ERROR)
        self.log_bulk(request, CHANGE, len(dispatches), _("Codes made"))
        return response

    def codes_as(self, order, cards, back):
        if order["format"] != "sheet":
            return codes_response(cards, order["format"])
        # Whole, not streamed: WeChat may refuse the last picture, and the page must not end in the middle.
        return HttpResponse("".join(sheet_chunks(cards, order["kind"], order["language"], back=back)))

    def refuse_many(self, request, limit):
        text = _("At most %(limit)s codes are made here at once. Filter the list, or use make_codes on the server.")
        return self.message_user(request, text % {"limit": f"{limit:,}"}, messages.ERROR)
