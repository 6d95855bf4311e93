from django.urls import include, path

from .drf import router
from .ninja import api

urlpatterns = [path("drf/", include(router.urls)), path("ninja/", api.urls)]
