"""The tables and the questions asked of them."""

from .accounts import ACC_NBR_LENGTH, LAST_DIGITS, Account, AccountQuerySet, Credit, Withdrawal, name_condition
from .duplicates import Conflict, Repeat
from .fields import Char32UUIDField
from .filters import SavedFilter
from .grades import CONTENT, REMARK_LENGTH, Grade, GradeQuerySet, low_limit, of_dispatch
from .jobs import Job, JobFailed, TooManyJobs
from .limits import RateCounter
from .numbers import clean_number, is_cut_off, is_empty, normal_number, normal_prefix, possible_prefixes
from .queue import QUEUES, OpenRating
from .reviews import NOTE_LENGTH, Assignment, ReviewChanged, ReviewNote, review_many, save_review
from .statistics import DailyCoverage, DailyScore, RecountedUntil, day_of, end_of, mark_days, start_of

__all__ = [
    "ACC_NBR_LENGTH",
    "CONTENT",
    "LAST_DIGITS",
    "NOTE_LENGTH",
    "QUEUES",
    "REMARK_LENGTH",
    "Account",
    "AccountQuerySet",
    "Assignment",
    "Char32UUIDField",
    "Conflict",
    "Credit",
    "DailyCoverage",
    "DailyScore",
    "Grade",
    "GradeQuerySet",
    "Job",
    "JobFailed",
    "OpenRating",
    "RateCounter",
    "RecountedUntil",
    "Repeat",
    "ReviewChanged",
    "ReviewNote",
    "SavedFilter",
    "TooManyJobs",
    "Withdrawal",
    "clean_number",
    "day_of",
    "end_of",
    "is_cut_off",
    "is_empty",
    "low_limit",
    "mark_days",
    "name_condition",
    "normal_number",
    "normal_prefix",
    "of_dispatch",
    "possible_prefixes",
    "review_many",
    "save_review",
    "start_of",
]
