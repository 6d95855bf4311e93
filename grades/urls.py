"""Every route of the product."""

from django.urls import path

from . import api, views

urlpatterns = [
    # mini programs: anonymous or with a signed token, no trailing slash
    path("score", api.ScoreView.as_view(), name="score"),
    path("score/form", api.ScoreFormView.as_view(), name="score-form"),
    path("graderesult", api.GradeResultView.as_view(), name="graderesult"),
    path("wechat/login", api.LoginView.as_view(), name="wechat-login"),
    path("wechat/receipts", api.ReceiptsView.as_view(), name="wechat-receipts"),
    # staff
    path("", views.home, name="home"),
    path("query", views.query, name="query"),
    path("query/export", views.export, name="query-export"),
    path("credit", views.credit, name="credit"),
]
