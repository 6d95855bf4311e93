"""An export as an HTTP response."""

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from .exports import csv_chunks, xlsx_file
from .models import GradeQuerySet


def export_response(queryset: GradeQuerySet, file_format: str) -> HttpResponseBase:
    """Send ratings as a download; `file_format` is "xlsx" or "csv"."""
    filename = f"grades-{timezone.localtime():%Y%m%d-%H%M}.{file_format}"
    if file_format == "csv":
        response = StreamingHttpResponse(csv_chunks(queryset), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response
    return FileResponse(xlsx_file(queryset), as_attachment=True, filename=filename)
