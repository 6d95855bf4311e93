"""Every route of the product."""

from django.urls import path

from . import api, views

urlpatterns = [
    # mini programs: anonymous, no trailing slash, no redirect
    path("score", api.ScoreView.as_view(), name="score"),
    # staff
    path("", views.home, name="home"),
    path("query", views.query, name="query"),
    path("query/export", views.export, name="query-export"),
    path("credit", views.credit, name="credit"),
]
