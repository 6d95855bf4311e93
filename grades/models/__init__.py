"""The tables, the questions asked of them, and the one write that each action makes."""

from .dispatches import ACC_NBR_LENGTH, Account, Credit
from .keys import Char32UUIDField
from .ratings import (
    REMARK_LENGTH,
    AlreadyRated,
    Conflict,
    Grade,
    GradeQuerySet,
    Repeat,
    SubmissionConflict,
    prefix_range,
)

__all__ = [
    "ACC_NBR_LENGTH",
    "REMARK_LENGTH",
    "Account",
    "AlreadyRated",
    "Char32UUIDField",
    "Conflict",
    "Credit",
    "Grade",
    "GradeQuerySet",
    "Repeat",
    "SubmissionConflict",
    "prefix_range",
]
