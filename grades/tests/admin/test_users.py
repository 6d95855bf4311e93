"""admin/users.py: users and groups of the back office."""

import pytest
from django.contrib.auth.models import Group

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "9999999999999999999"])
def test_a_group_refuses_a_malformed_permission(superuser_client, key):
    response = superuser_client.post("/admin/auth/group/add/", {"name": "readers", "permissions": [key]})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["permissions"] == [f"“{key}” is not a valid value."]
    assert not Group.objects.exists()


def test_a_user_is_put_into_a_group(superuser_client, superuser):
    group = Group.objects.create(name="readers")
    form = {
        "username": superuser.username,
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
        "groups": [group.pk],
    }
    assert superuser_client.post(f"/admin/auth/user/{superuser.pk}/change/", form).status_code == 302
    assert list(superuser.groups.all()) == [group]
