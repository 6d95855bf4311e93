"""The root of the routes. `grades.urls` has all routes of the product."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("grades.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]

handler400 = "grades.views.errors.bad_request"
handler403 = "grades.views.errors.permission_denied"
handler404 = "grades.views.errors.not_found"
handler500 = "grades.views.errors.server_error"
