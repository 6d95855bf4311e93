"""Why a file cannot be imported, as a text for its owner. The reader knows no languages and sends a code."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _


class ImportFailed(Exception):
    """The file as a whole cannot be imported; the message is one line for the user, translated."""


TEXTS = {
    "empty": _("The file is empty."),
    "blank rows": _("The file has more than %(limit)d blank rows: delete them."),
    "rows": _("The list has more than %(limit)d rows: split it."),
    "columns": _("Row %(row)d has more than %(limit)d cells."),
    "long row": _("Row %(row)d holds too much text."),
    # CSV
    "quotation mark": _("Row %(row)d cannot be read: a quotation mark is not closed or stands inside a value."),
    "utf-16": _("The file is “Unicode text” (UTF-16): save it as “CSV UTF-8” or as .xlsx."),
    "encoding": _(
        "Line %(line)d holds a character that is neither UTF-8 nor GB18030: save the file as “CSV UTF-8” or .xlsx."
    ),
    "not text": _("The file is not text: save it as “CSV UTF-8” or as .xlsx."),
    # workbooks
    "damaged": _("The workbook is damaged or is not an Excel file. Save it again as .xlsx."),
    "password": _("The file has a password: save it without one."),
    "parts": _("The workbook has too many parts. Copy the list into a new workbook."),
    "same name": _("Two sheets of the workbook have the same name: rename one of them."),
    "unpacked": _("The workbook unpacks to too much data: split it, or save it as .csv."),
    "cells": _("The workbook has too many cells or texts: split it, or save it as .csv."),
    "text": _("A cell of the workbook has more than %(limit)d bytes of text: shorten it."),
    "texts": _("The cells of the workbook hold too much text: split it, or save it as .csv."),
    "extent": _("The sheet reaches to row %(row)d, column %(column)d. Delete the cells outside the list."),
    # the process that reads
    "memory": _("Reading the file takes too much memory: split it, or save it as .csv."),
    "time": _("Reading the file takes too long: split it, or save it as .csv."),
    "crashed": _("The file cannot be read: it is damaged, or reading it takes too much memory. Save it again as .csv."),
    "busy": _("Another file is being imported, or the server is busy. Try again in a minute."),
}


def refusal(code: str, values: Mapping[str, Any] | None = None) -> ImportFailed:
    """The error for a code of the reader. Raises LookupError, TypeError or ValueError if they do not fit."""
    return ImportFailed(str(TEXTS[code]) % (values or {}))
