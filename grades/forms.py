"""Forms of the staff pages."""

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from .models import ACC_NBR_LENGTH, Withdrawal, clean_number

MAX_TYPED = 100  # characters of a number with all its blanks and hyphens


class AccountNumberField(forms.CharField):
    """An account number as a person types or copies it; the value is cleaned (`models.numbers`), not yet normal."""

    default_validators = [
        RegexValidator(
            rf"\A(?:{settings.ACC_NBR_PATTERN})\Z",
            _("This account number contains characters that are not allowed."),
            code="characters",
        )
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
