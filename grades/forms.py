"""Forms of the staff pages."""

from datetime import date, timedelta
from typing import NamedTuple

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .models import ACC_NBR_LENGTH, Withdrawal, clean_number, day_of, is_empty

MAX_TYPED = 100  # characters of a number with all its blanks and hyphens


def refuse_empty(number):
    if is_empty(number):
        raise forms.ValidationError(_("An account number has at least one letter or digit."), code="empty")


class AccountNumberField(forms.CharField):
    """An account number as a person types or copies it; the value is cleaned (`models.numbers`), not yet normal."""

    default_validators = [
        RegexValidator(
            rf"\A(?:{settings.ACC_NBR_PATTERN})\Z",
            _("This account number contains characters that are not allowed."),
            code="characters",
        ),
        refuse_empty,
    ]

    def __init__(self, **kwargs):
        super().__init__(max_length=ACC_NBR_LENGTH, **kwargs)

    def to_python(self, value):
        value = super().to_python(value)
        if len(value) > MAX_TYPED:
            raise forms.ValidationError(_("This account number is too long."), code="max_length")
        return clean_number(value)

    def widget_attrs(self, widget):
        # Without maxlength: it would cut off a number with blanks.
        return {}


class LookupForm(forms.Form):
    """An account number to look up."""

    acc_nbr = AccountNumberField(
        label=_("Account number"),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false", "inputmode": "text"}
        ),
    )


class CreditForm(forms.Form):
    """A credit to confirm: the acct_id and the amount on the clerk's page."""

    acct_id = forms.CharField(max_length=32)
    credit_amount = forms.DecimalField(max_digits=14, decimal_places=2)


class WithdrawalForm(forms.ModelForm):
    """The id of a credit, and the reason why it is withdrawn."""

    credit = forms.IntegerField(min_value=1, max_value=2**63 - 1)

    class Meta:
        model = Withdrawal
        fields = ("reason",)


class ExportForm(LookupForm):
    """The ratings of an account to download, and the file format."""

    format = forms.ChoiceField(choices=[("xlsx", "XLSX"), ("csv", "CSV")])


PERIODS = {1: _("Today"), 7: _("7 days"), 30: _("30 days"), 90: _("90 days")}
DEFAULT_DAYS = 7
MAX_DAYS = 3660
YEARS = range(1900, 9000)  # beyond these, the moment in UTC or the next day may not exist


class Period(NamedTuple):
    """Days from the first to the last, both included."""

    first: date
    last: date

    @property
    def length(self):
        return (self.last - self.first).days + 1

    @property
    def before(self):
        """The period of the same length before this one."""
        return Period(self.first - timedelta(days=self.length), self.first - timedelta(days=1))

    @classmethod
    def until_today(cls, days):
        today = day_of(timezone.now())
        return cls(today - timedelta(days=days - 1), today)


class DayField(forms.DateField):
    def __init__(self, **kwargs):
        super().__init__(input_formats=["%Y-%m-%d"], required=False, **kwargs)

    def clean(self, value):
        day = super().clean(value)
        if day and day.year not in YEARS:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class PeriodForm(forms.Form):
    """A period: `days` until today, or a range `from` … `to`."""

    days = forms.TypedChoiceField(choices=list(PERIODS.items()), coerce=int, empty_value=None, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["from"] = DayField(label=_("From"))  # a keyword of Python
        self.fields["to"] = DayField(label=_("To"))

    def clean(self):
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if self.errors or not (first or last):
            return
        if not (first and last):
            raise forms.ValidationError(_("Give the first and the last day."))
        if first > last:
            raise forms.ValidationError(_("The first day is after the last one."))
        if Period(first, last).length > MAX_DAYS:
            raise forms.ValidationError(
                _("A period has at most %(count)d days. Choose a shorter one."), params={"count": MAX_DAYS}
            )

    @property
    def chosen_days(self):
        """The `days` of the period, None for a range."""
        if not self.is_valid() or not self.cleaned_data["from"]:
            return (self.is_valid() and self.cleaned_data["days"]) or DEFAULT_DAYS
        return None

    @property
    def period(self):
        """The period that was asked for, or the default one."""
        if self.chosen_days:
            return Period.until_today(self.chosen_days)
        return Period(self.cleaned_data["from"], self.cleaned_data["to"])
