import pytest
from django.test import Client

from ..helpers.office import grant, log_in

VIEWS = ("view_grade", "view_account", "view_credit", "view_conflict")
CHANGES = ("change_grade", "change_account", "add_account", "change_conflict")


@pytest.fixture
def roles(django_user_model, superuser, staff):
    """A client for each step of the permission ladder."""

    def make(name, *codenames):
        return log_in(grant(django_user_model.objects.create_user(name, is_staff=True), *codenames))

    return {
        "anonymous": Client(),
        "customer": log_in(django_user_model.objects.create_user("customer")),
        "staff": log_in(staff),
        "view": make("reader", *VIEWS),
        "change": make("editor", *VIEWS, *CHANGES),
        "superuser": log_in(superuser),
    }


@pytest.fixture
def editor(django_user_model):
    """Staff who may see and review ratings."""
    return grant(django_user_model.objects.create_user("editor", is_staff=True), "view_grade", "change_grade")
