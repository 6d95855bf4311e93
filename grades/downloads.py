"""An export as an HTTP response."""

from collections.abc import Iterable

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from .codes import Card, csv_list, xlsx_list
from .exports import csv_chunks, dispatches_csv, dispatches_xlsx, xlsx_file
from .models import AccountQuerySet, GradeQuerySet


def export_response(queryset: GradeQuerySet, file_format: str) -> HttpResponseBase:
    """Send ratings as a download; `file_format` is "xlsx" or "csv"."""
    if file_format == "csv":
        return csv_response(csv_chunks(queryset), "grades")
    return FileResponse(xlsx_file(queryset), as_attachment=True, filename=timed_name("grades", "xlsx"))


def codes_response(cards: Iterable[Card], file_format: str) -> HttpResponseBase:
    """Send a list of codes as a download; `file_format` is "xlsx" or "csv"."""
    if file_format == "csv":
        return csv_response(csv_list(cards), "codes")
    return FileResponse(xlsx_list(cards), as_attachment=True, filename=timed_name("codes", "xlsx"))


def dispatches_response(dispatches: AccountQuerySet, file_format: str, subject: str) -> HttpResponseBase:
    """Send dispatches as a download; `file_format` is "xlsx" or "csv"."""
    if file_format == "csv":
        return csv_response(dispatches_csv(dispatches), subject)
    return FileResponse(dispatches_xlsx(dispatches), as_attachment=True, filename=timed_name(subject, "xlsx"))


def csv_response(chunks: Iterable[bytes], subject: str) -> HttpResponseBase:
    response = StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{timed_name(subject, "csv")}"'
    return response


def timed_name(subject: str, file_format: str) -> str:
    return f"{subject}-{timezone.localtime():%Y%m%d-%H%M}.{file_format}"
