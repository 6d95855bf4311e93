"""The normal form of an account number. Numbers are stored as they came and compared by it."""

import re
import unicodedata

from django.db.models import Case, F, Value, When
from django.db.models.functions import Replace, Right

DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－", "-"))
MOBILE_DIGITS = 11
# Both patterns run here and in the database, so they hold no backslash and no class by name.
MOBILE_WITH_COUNTRY = "^([+]86|0086|86)-*1-*[3-9](-*[0-9]){9}-*$"
ONLY_DIGITS = "^[+]?[0-9-]*[0-9][0-9-]*$"


def clean_number(text: str) -> str:
    """A typed or copied number, without characters that do not belong to it.

    Full-width characters become ASCII and all dashes one; invisible marks such as U+202D, which a copied contact
    carries, are dropped. Blanks and brackets are dropped around digits only: "see note" stays two words.
    """
    text = unicodedata.normalize("NFKC", text).translate(DASHES)
    text = "".join(character for character in text if unicodedata.category(character) != "Cf").strip()
    return re.sub(r"[\s()]", "", text) if re.fullmatch(r"(?:[(\s]*[+])?[0-9()\s-]+", text, re.ASCII) else text


def is_empty(number: str) -> bool:
    """Whether a number consists of marks alone, such as a hyphen that stands for "none"."""
    return not any(map(str.isalnum, number))


def normal_number(number: str) -> str:
    """The normal form of a cleaned number: digits without hyphens, a mobile number without its country code.

    The hyphens of a number with letters, such as ADSL-01, belong to it and stay.
    """
    if re.match(MOBILE_WITH_COUNTRY, number):
        return number.replace("-", "")[-MOBILE_DIGITS:]
    return number.replace("-", "") if re.match(ONLY_DIGITS, number) else number


def normal_prefix(text: str) -> str:
    """The normal form of the beginning of a number: `normal_number` does not know a number that is cut off."""
    number = normal_number(text)
    if re.match("^([+]86|0086)-*1", number):
        return number.replace("-", "").removeprefix("+86").removeprefix("0086")
    return number


def possible_prefixes(text: str) -> list[str]:
    """The beginnings, in normal form, that may be meant: 86138 is that of a landline, or 138 with its country code."""
    prefix = normal_prefix(text)
    has_country = re.fullmatch(f"861[3-9][0-9]{{0,{MOBILE_DIGITS - 3}}}", prefix)
    return [prefix, prefix.removeprefix("86")] if has_country else [prefix]


def is_cut_off(prefix: str) -> bool:
    """Whether a prefix in normal form is the beginning of a mobile number, or of its country code alone."""
    return re.fullmatch(f"[+]86|0086|1[0-9]{{0,{MOBILE_DIGITS - 2}}}", prefix) is not None


def normal_expression(field: str) -> Case:
    """`normal_number` of a column, for the database."""
    digits = Replace(F(field), Value("-"), Value(""))
    return Case(
        When(**{f"{field}__regex": MOBILE_WITH_COUNTRY}, then=Right(digits, MOBILE_DIGITS)),
        When(**{f"{field}__regex": ONLY_DIGITS}, then=digits),
        default=F(field),
    )
