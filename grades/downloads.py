"""An export as an HTTP response."""

import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from .codes import Card, csv_list, xlsx_list
from .database.routers import from_readers
from .database.streaming import streaming_alias
from .exports import About, ListTable, Table, is_disk_full, write_export

log = logging.getLogger(__name__)

# A file of so many rows is made within a second or two, in the request; a larger one by a background job.
DIRECT_ROWS = 20_000


CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportFailed(Exception):
    """No file was made; the text is for the user."""


def export_response(table: Table, about: About, file_format: str, count: int) -> HttpResponseBase:
    """Send a table as a download; `count` is their number, if it is at most DIRECT_ROWS. Raises `ExportFailed`.

    The file is complete before the first byte is sent, and has no name that a broken connection could leave behind.
    """
    if not count:
        raise ExportFailed(_("Nothing matches, so there is nothing to export."))
    file = None
    try:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the response closes it
        path = Path(file.name)
        if isinstance(table, ListTable) and count > DIRECT_ROWS:
            with from_readers():
                count = table.queryset.count()
            with streaming_alias() as alias:
                rows = write_export(table, about, file_format, path, expected=count, using=alias)
        else:
            rows = write_export(table, about, file_format, path, expected=count)
    except OSError as error:
        log.exception("An export failed")
        close(file)
        full = _("The server's disk is full. Nothing was exported.")
        raise ExportFailed(full if is_disk_full(error) else _("The export failed.")) from error
    except BaseException:
        close(file)
        raise
    name = about.file_name(table, file_format, rows)
    return FileResponse(file, as_attachment=True, filename=name, content_type=CONTENT_TYPES[file_format])


def close(file: tempfile._TemporaryFileWrapper | None) -> None:
    if file:
        file.close()


def codes_response(cards: Iterable[Card], file_format: str) -> HttpResponseBase:
    """Send a list of codes as a download; `file_format` is "xlsx" or "csv"."""
    name = f"codes-{timezone.localtime():%Y%m%d-%H%M}.{file_format}"
    if file_format != "csv":
        return FileResponse(xlsx_list(cards), as_attachment=True, filename=name)
    response = StreamingHttpResponse(csv_list(cards), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
