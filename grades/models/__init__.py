"""The tables and the questions asked of them."""

from .accounts import ACC_NBR_LENGTH, Account, AccountQuerySet, Credit, CreditQuerySet, Withdrawal
from .duplicates import Conflict, Repeat
from .fields import Char32UUIDField
from .grades import CONTENT, REMARK_LENGTH, Grade, GradeQuerySet
from .numbers import clean_number, is_cut_off, normal_number, normal_prefix

__all__ = [
    "ACC_NBR_LENGTH",
    "CONTENT",
    "REMARK_LENGTH",
    "Account",
    "AccountQuerySet",
    "Char32UUIDField",
    "Conflict",
    "Credit",
    "CreditQuerySet",
    "Grade",
    "GradeQuerySet",
    "Repeat",
    "Withdrawal",
    "clean_number",
    "is_cut_off",
    "normal_number",
    "normal_prefix",
]
