"""What WeChat and we ask of an installation: checks in files by what they look at. `manage.py doctor` prints them.

A check is one function with the decorator `check` and an id. It changes nothing.
"""

from . import database, files, http, settings, tls
from .findings import CHECKS, Finding, Level, examine
from .installation import Installation

__all__ = ["CHECKS", "Finding", "Installation", "Level", "database", "examine", "files", "http", "settings", "tls"]
