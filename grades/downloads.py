"""An export as an HTTP response."""

from collections.abc import Iterable

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from .codes import Card, csv_list, xlsx_list
from .exports import CREDIT_WIDTHS, credits_table, csv_chunks, csv_table, xlsx_file, xlsx_table
from .models import Credit, CreditQuerySet, GradeQuerySet


def export_response(queryset: GradeQuerySet, file_format: str) -> HttpResponseBase:
    """Send ratings as a download; `file_format` is "xlsx" or "csv"."""
    if file_format == "csv":
        return csv_response(csv_chunks(queryset), "grades")
    return FileResponse(xlsx_file(queryset), as_attachment=True, filename=timed_name("grades", "xlsx"))


def credits_response(queryset: CreditQuerySet, file_format: str) -> HttpResponseBase:
    """Send credits as a download; `file_format` is "xlsx" or "csv"."""
    headings, rows = credits_table(queryset)
    if file_format == "csv":
        return csv_response(csv_table(headings, rows), "credits")
    file = xlsx_table(str(Credit._meta.verbose_name_plural), headings, rows, CREDIT_WIDTHS)
    return FileResponse(file, as_attachment=True, filename=timed_name("credits", "xlsx"))


def codes_response(cards: Iterable[Card], file_format: str) -> HttpResponseBase:
    """Send a list of codes as a download; `file_format` is "xlsx" or "csv"."""
    if file_format == "csv":
        return csv_response(csv_list(cards), "codes")
    return FileResponse(xlsx_list(cards), as_attachment=True, filename=timed_name("codes", "xlsx"))


def csv_response(chunks: Iterable[bytes], subject: str) -> HttpResponseBase:
    response = StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{timed_name(subject, "csv")}"'
    return response


def timed_name(subject: str, file_format: str) -> str:
    return f"{subject}-{timezone.localtime():%Y%m%d-%H%M}.{file_format}"
