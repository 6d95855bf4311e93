"""Codes for customers, one per dispatch: cards to print, and lists for other programs. Knows nothing of HTTP."""

from .cards import Card, last_day, make_cards, select_dispatches
from .lists import csv_list, xlsx_list
from .pictures import LINK, WECHAT, CodesFailed, available_kinds, picture_of
from .sheet import SHEET_CARDS, sheet_chunks

__all__ = [
    "LINK",
    "SHEET_CARDS",
    "WECHAT",
    "Card",
    "CodesFailed",
    "available_kinds",
    "csv_list",
    "last_day",
    "make_cards",
    "picture_of",
    "select_dispatches",
    "sheet_chunks",
    "xlsx_list",
]
