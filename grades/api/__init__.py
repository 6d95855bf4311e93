"""Endpoints of mini programs: anonymous or with a signed token; no cookie, no CSRF token, always JSON."""

from .code import CodeView
from .result import GradeResultView
from .score import ScoreFormView, ScoreView
from .wechat import LoginView, ReceiptsView

__all__ = [
    "CodeView",
    "GradeResultView",
    "LoginView",
    "ReceiptsView",
    "ScoreFormView",
    "ScoreView",
]
