"""The back office: who may see, change, delete and run what."""

from urllib.parse import quote

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.utils import timezone

from grades.models import Account, Grade

from ..helpers.office import ACCOUNTS, CONFLICTS, CREDITS, GRADES, IMPORT, act, log_in, make_credit

pytestmark = pytest.mark.django_db

# Status by role; an anonymous caller and a user who is not staff are always sent to the login.
LADDER = [
    # method, path, staff, view, change, superuser
    ("GET", GRADES, 403, 200, 200, 200),
    ("GET", f"{GRADES}{{grade}}/change/", 403, 200, 200, 200),
    ("POST", f"{GRADES}{{grade}}/change/", 403, 403, 200, 200),
    ("GET", f"{GRADES}{{grade}}/history/", 403, 200, 200, 200),
    ("GET", f"{GRADES}queue/", 403, 403, 200, 200),
    ("POST", f"{GRADES}queue/", 403, 403, 400, 400),
    ("GET", f"{GRADES}add/", 403, 403, 403, 403),
    ("POST", f"{GRADES}add/", 403, 403, 403, 403),
    ("GET", f"{GRADES}{{grade}}/delete/", 403, 403, 403, 200),
    ("GET", ACCOUNTS, 403, 200, 200, 200),
    ("GET", f"{ACCOUNTS}{{account}}/change/", 403, 200, 200, 200),
    ("POST", f"{ACCOUNTS}{{account}}/change/", 403, 403, 200, 200),
    ("GET", f"{ACCOUNTS}add/", 403, 403, 200, 200),
    ("GET", f"{ACCOUNTS}{{account}}/delete/", 403, 403, 403, 200),
    ("GET", IMPORT, 403, 403, 200, 200),
    ("POST", IMPORT, 403, 403, 200, 200),
    ("GET", f"{IMPORT}template.xlsx", 403, 403, 200, 200),
    ("GET", CREDITS, 403, 200, 200, 200),
    ("GET", f"{CREDITS}{{credit}}/change/", 403, 200, 200, 200),
    ("POST", f"{CREDITS}{{credit}}/change/", 403, 403, 403, 403),
    ("GET", f"{CREDITS}add/", 403, 403, 403, 403),
    ("POST", f"{CREDITS}add/", 403, 403, 403, 403),
    ("POST", f"{CREDITS}{{credit}}/delete/", 403, 403, 403, 403),
    ("GET", CONFLICTS, 403, 200, 200, 200),
    ("GET", f"{CONFLICTS}{{conflict}}/change/", 403, 200, 200, 200),
    ("POST", f"{CONFLICTS}{{conflict}}/change/", 403, 403, 403, 403),
    ("GET", f"{CONFLICTS}{{conflict}}/history/", 403, 200, 200, 200),
    ("GET", f"{CONFLICTS}add/", 403, 403, 403, 403),
    ("POST", f"{CONFLICTS}add/", 403, 403, 403, 403),
    ("GET", f"{CONFLICTS}{{conflict}}/delete/", 403, 403, 403, 200),
    ("GET", f"{CONFLICTS}{{conflict}}/keep/", 403, 403, 405, 405),
    ("POST", f"{CONFLICTS}{{conflict}}/keep/", 403, 403, 302, 302),
    ("POST", f"{CONFLICTS}0/keep/", 403, 403, 404, 404),
]


def test_the_permission_ladder(roles, make_grade, make_account, make_conflict, superuser):
    account = make_account()
    pks = {"grade": make_grade().pk, "account": account.pk, "credit": make_credit(account, superuser).pk}
    pks["conflict"] = make_conflict().pk
    for method, path, *expected in LADDER:
        path = path.format(**pks)
        statuses = [client.generic(method, path).status_code for client in roles.values()]
        assert (method, path, statuses) == (method, path, [302, 302, *expected])
        assert roles["customer"].generic(method, path)["Location"] == f"/admin/login/?next={path}"
        back = quote(path if method == "GET" else "/admin/", safe="")
        assert roles["anonymous"].generic(method, path)["Location"] == f"/admin/login/?next={back}"


@pytest.mark.parametrize(
    ("role", "on_ratings", "on_accounts"),
    [
        ("view", ["export_xlsx", "export_csv"], ["export_xlsx", "export_csv"]),
        (
            "change",
            ["mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv"],
            ["make_codes", "export_xlsx", "export_csv"],
        ),
        (
            "superuser",
            ["mark_followed_up", "mark_closed", "reopen", "export_xlsx", "export_csv", "delete_selected"],
            ["make_codes", "export_xlsx", "export_csv", "delete_selected"],
        ),
    ],
)
def test_each_role_can_run_only_the_actions_it_is_offered(
    roles, make_grade, make_account, role, on_ratings, on_accounts
):
    grade, account = make_grade(), make_account()
    for url, pk, offered in ((GRADES, grade.pk, on_ratings), (ACCOUNTS, account.pk, on_accounts)):
        form = roles[role].get(url).context["action_form"]
        choices = [name for name, _label in form.fields["action"].choices if name] if form else []
        assert choices == offered
        for action in {"mark_followed_up", "mark_closed", "reopen", "make_codes", "delete_selected"} - set(offered):
            now = timezone.now().isoformat()
            for across in (False, True):
                act(roles[role], action, [pk], across, url=url, confirmed="yes", until=now, newest=pk, note="x")
    grade.refresh_from_db()
    assert (grade.review_state, grade.review_note, grade.reviewer) == ("new", "", None)
    assert Account.objects.filter(pk=account.pk).exists()
    assert not LogEntry.objects.exists()


def test_staff_without_permission_cannot_run_an_action(roles, make_grade):
    for role, status in (("anonymous", 302), ("customer", 302), ("staff", 403)):
        response = act(roles[role], "export_csv", [make_grade().pk])
        assert (response.status_code, response.get("Content-Disposition")) == (status, None)


@pytest.mark.parametrize("by_action", [False, True], ids=["on its page", "by the action"])
def test_only_a_superuser_deletes_ratings_whatever_the_permissions(editor, make_grade, by_action):
    editor.user_permissions.add(Permission.objects.get(codename="delete_grade"))
    client, grade = log_in(editor), make_grade()
    if by_action:
        act(client, "delete_selected", [grade.pk], confirmed="yes", until=timezone.now().isoformat())
    else:
        assert client.post(f"{GRADES}{grade.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Grade.objects.count() == 1
