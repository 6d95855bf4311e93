"""Every route of the product."""

from django.contrib import admin
from django.urls import path

from . import api
from .views import coverage, credit, first_steps, health, jobs, overview, pages, query

urlpatterns = [
    # mini programs: anonymous or with a signed token, no trailing slash
    path("score", api.ScoreView.as_view(), name="score"),
    path("score/form", api.ScoreFormView.as_view(), name="score-form"),
    path("score/code", api.CodeView.as_view(), name="score-code"),
    path("graderesult", api.GradeResultView.as_view(), name="graderesult"),
    path("wechat/login", api.LoginView.as_view(), name="wechat-login"),
    path("wechat/receipts", api.ReceiptsView.as_view(), name="wechat-receipts"),
    # customers whose camera opens a printed code outside WeChat; any path, so that no 404 tells codes apart
    path("r/<path:code>", pages.open_in_wechat, name="open-in-wechat"),
    # process managers and monitoring; a middleware calls these views
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # staff
    path("", pages.home, name="home"),
    path("first-steps", first_steps.first_steps, name="first-steps"),
    path("query", query.query, name="query"),
    path("query/export", query.export, name="query-export"),
    path("credit", credit.credit, name="credit"),
    path("credit/withdraw", credit.withdraw, name="credit-withdraw"),
    path("jobs", jobs.job_list, name="jobs"),
    path("jobs/<int:pk>", jobs.show, name="job"),
    path("jobs/<int:pk>/stop", jobs.stop, name="job-stop"),
    path("jobs/<int:pk>/file", jobs.fetch, name="job-file"),
    # the back office's pages with figures; `admin.site.urls` has its lists
    path("admin/", admin.site.admin_view(overview.overview), name="overview"),
    path("admin/overview/export/", admin.site.admin_view(overview.export), name="overview-export"),
    path("admin/coverage/", admin.site.admin_view(coverage.coverage), name="coverage"),
    path("admin/coverage/export/", admin.site.admin_view(coverage.export), name="coverage-export"),
]
