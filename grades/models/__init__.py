"""The tables and the questions asked of them."""

from .accounts import ACC_NBR_LENGTH, LAST_DIGITS, Account, AccountQuerySet, Credit
from .duplicates import Conflict, Repeat
from .fields import Char32UUIDField
from .filters import SavedFilter
from .grades import CONTENT, REMARK_LENGTH, Grade, GradeQuerySet
from .numbers import clean_number, is_cut_off, normal_number, normal_prefix

__all__ = [
    "ACC_NBR_LENGTH",
    "CONTENT",
    "LAST_DIGITS",
    "REMARK_LENGTH",
    "Account",
    "AccountQuerySet",
    "Char32UUIDField",
    "Conflict",
    "Credit",
    "Grade",
    "GradeQuerySet",
    "Repeat",
    "SavedFilter",
    "clean_number",
    "is_cut_off",
    "normal_number",
    "normal_prefix",
]
