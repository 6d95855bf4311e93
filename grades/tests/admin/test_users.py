"""admin/users.py: users and groups of the back office."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.utils import translation

from grades.admin.users import permission_name
from grades.models import Credit

from ..helpers.office import grant, log_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "9999999999999999999"])
def test_a_group_refuses_a_malformed_permission(superuser_client, key):
    response = superuser_client.post("/admin/auth/group/add/", {"name": "readers", "permissions": [key]})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["permissions"] == [f"“{key}” is not a valid value."]
    assert not Group.objects.filter(name="readers").exists()


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


# --- Permissions in the language of the user ------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "codename", "name"),
    [
        ("grades", "add_credit", "评价与派单 | 临时额度 | 确认临时额度"),
        ("grades", "add_withdrawal", "评价与派单 | 额度撤销 | 撤销临时额度"),
        ("grades", "change_grade", "评价与派单 | 评价 | 跟进评价"),
        ("grades", "view_account", "评价与派单 | 派单号码 | 查看：派单号码"),
        ("auth", "add_user", "认证和授权 | 用户 | 添加：用户"),
    ],
)
def test_a_permission_has_a_chinese_name(app, codename, name):
    with translation.override("zh-hans"):
        assert permission_name(Permission.objects.get(content_type__app_label=app, codename=codename)) == name


def test_every_permission_has_a_name_in_chinese():
    with translation.override("zh-hans"):
        names = [permission_name(permission) for permission in Permission.objects.select_related("content_type")]
    assert [name for name in names if " | Can " in name] == []


def test_a_permission_of_a_model_that_is_gone_keeps_its_stored_name():
    gone = ContentType.objects.create(app_label="gone", model="thing")
    permission = Permission.objects.create(content_type=gone, codename="add_thing", name="Can add thing")
    assert permission_name(permission) == "thing | Can add thing"
    own = Permission(content_type=ContentType.objects.get_for_model(Credit), codename="see", name="See all")
    assert permission_name(own).endswith(" | See all")


def test_the_form_of_a_group_shows_the_names(superuser_client):
    page = superuser_client.get("/admin/auth/group/add/", headers={"accept-language": "zh-hans"}).text
    assert "评价与派单 | 临时额度 | 确认临时额度" in page
    assert "Can add" not in page


# --- An administrator who is not a superuser --------------------------------------------------------------


@pytest.fixture
def administrator(django_user_model):
    user = django_user_model.objects.create_user("admin", is_staff=True)
    return grant(user, "view_user", "add_user", "change_user", "delete_user", "view_group", "change_group")


def test_a_member_of_staff_is_created_with_a_role_on_one_page(administrator):
    group = Group.objects.create(name="readers")
    client = log_in(administrator)
    page = client.get("/admin/auth/user/add/").text
    assert re.search(r'name="is_staff"[^>]* checked', page)
    password = "correct horse battery"
    form = {"username": "new", "usable_password": "true", "password1": password, "password2": password}
    response = client.post("/admin/auth/user/add/", {**form, "is_staff": "on", "groups": [group.pk]})
    assert response.status_code == 302
    new = User.objects.get(username="new")
    assert (new.is_staff, new.is_superuser, list(new.groups.all())) == (True, False, [group])
    assert new.check_password(password)


def test_an_administrator_cannot_become_a_superuser(administrator):
    client = log_in(administrator)
    form = {
        "username": "admin",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "user_permissions": [Permission.objects.get(codename="delete_grade").pk],
    }
    page = client.get(f"/admin/auth/user/{administrator.pk}/change/").text
    assert 'name="is_superuser"' not in page
    assert 'name="user_permissions"' not in page
    before = set(administrator.user_permissions.all())
    assert client.post(f"/admin/auth/user/{administrator.pk}/change/", form).status_code == 302
    administrator.refresh_from_db()
    assert not administrator.is_superuser
    assert set(administrator.user_permissions.all()) == before


@pytest.mark.parametrize("path", ["change/", "password/", "delete/"])
def test_an_administrator_cannot_edit_a_superuser(administrator, superuser, path):
    client = log_in(administrator)
    form = {"password1": "correct horse battery", "password2": "correct horse battery", "post": "yes"}
    assert client.post(f"/admin/auth/user/{superuser.pk}/{path}", form).status_code == 403
    superuser.refresh_from_db()
    assert not superuser.has_usable_password()
