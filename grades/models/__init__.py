"""The tables and the questions asked of them."""

from .accounts import ACC_NBR_LENGTH, Account, AccountQuerySet, Credit
from .duplicates import Conflict, Repeat
from .fields import Char32UUIDField
from .grades import CONTENT, REMARK_LENGTH, Grade, GradeQuerySet, low_limit
from .numbers import clean_number, is_cut_off, normal_number, normal_prefix
from .statistics import DailyScore, RecountedUntil, day_of, end_of, start_of

__all__ = [
    "ACC_NBR_LENGTH",
    "CONTENT",
    "REMARK_LENGTH",
    "Account",
    "AccountQuerySet",
    "Char32UUIDField",
    "Conflict",
    "Credit",
    "DailyScore",
    "Grade",
    "GradeQuerySet",
    "RecountedUntil",
    "Repeat",
    "clean_number",
    "day_of",
    "end_of",
    "is_cut_off",
    "low_limit",
    "normal_number",
    "normal_prefix",
    "start_of",
]
