import pytest
from django.contrib.auth.models import Permission
from django.test import Client


@pytest.fixture
def client(staff):
    """A clerk's: staff, in the default language."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def may_credit(staff):
    staff.user_permissions.add(Permission.objects.get(codename="add_credit"))
