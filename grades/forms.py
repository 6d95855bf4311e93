"""Forms of the staff pages."""

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from .models import ACC_NBR_LENGTH


class LookupForm(forms.Form):
    """An account number to look up."""

    acc_nbr = forms.CharField(
        label=_("Account number"),
        max_length=ACC_NBR_LENGTH,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false", "inputmode": "text"}
        ),
        validators=[
            RegexValidator(
                rf"\A(?:{settings.ACC_NBR_PATTERN})\Z",
                _("This account number contains characters that are not allowed."),
                code="characters",
            )
        ],
    )


class CreditForm(forms.Form):
    """A credit to confirm: the acct_id and the amount on the clerk's page."""

    acct_id = forms.CharField(max_length=32)
    credit_amount = forms.DecimalField(max_digits=14, decimal_places=2)


class ExportForm(LookupForm):
    """The ratings of an account to download, and the file format."""

    format = forms.ChoiceField(choices=[("xlsx", "XLSX"), ("csv", "CSV")])
