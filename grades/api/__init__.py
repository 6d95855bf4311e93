"""What mini programs call: anonymous or with a signed token, no cookie, no CSRF token, JSON whatever happens."""

from .result import GradeResultView
from .score import FAILURE, MAX_BODY_BYTES, SUCCESS, ScoreFormView, ScoreView
from .wechat import LoginView, ReceiptsView

__all__ = [
    "FAILURE",
    "MAX_BODY_BYTES",
    "SUCCESS",
    "GradeResultView",
    "LoginView",
    "ReceiptsView",
    "ScoreFormView",
    "ScoreView",
]
