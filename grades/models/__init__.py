"""The tables and the questions asked of them."""

from .accounts import ACC_NBR_LENGTH, Account, AccountQuerySet, Credit
from .duplicates import Conflict, Repeat
from .fields import Char32UUIDField
from .grades import CONTENT, REMARK_LENGTH, Grade, GradeQuerySet
from .numbers import clean_number, is_cut_off, normal_number, normal_prefix
from .reviews import NOTE_LENGTH, Assignment, ReviewChanged, ReviewNote, review_many, save_review

__all__ = [
    "ACC_NBR_LENGTH",
    "CONTENT",
    "NOTE_LENGTH",
    "REMARK_LENGTH",
    "Account",
    "AccountQuerySet",
    "Assignment",
    "Char32UUIDField",
    "Conflict",
    "Credit",
    "Grade",
    "GradeQuerySet",
    "Repeat",
    "ReviewChanged",
    "ReviewNote",
    "clean_number",
    "is_cut_off",
    "normal_number",
    "normal_prefix",
    "review_many",
    "save_review",
]
