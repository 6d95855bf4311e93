"""The storage of the static files."""

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Each release has a manifest of its own: all share STATIC_ROOT, and a rollback must find its files again."""

    @property
    def manifest_name(self) -> str:
        return f"staticfiles-{settings.VERSION}.json"
