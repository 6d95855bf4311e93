from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GradesConfig(AppConfig):
    name = "grades"
    verbose_name = _("Ratings and dispatches")

    def ready(self):
        from . import checks  # noqa: F401 - registers the system checks
