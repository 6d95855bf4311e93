"""admin/actions.py: deletion in bulk."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.utils import timezone

from grades.models import Account, Grade

from ..helpers.office import ACCOUNTS, CONFLICTS, GRADES, act, confirm, make_credit, messages

pytestmark = pytest.mark.django_db


def test_an_action_without_a_selection_does_nothing(superuser_client, make_grade):
    make_grade()
    response = act(superuser_client, "mark_closed", confirmed="yes", until=timezone.now().isoformat())
    assert response.status_code == 302
    assert Grade.objects.get().review_state == "new"


@pytest.mark.parametrize("until", ["0001-01-01 00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("action", ["mark_closed", "delete_selected"])
def test_a_time_that_does_not_exist_in_utc_confirms_nothing(superuser_client, make_grade, action, until):
    grade = make_grade()
    response = act(superuser_client, action, [grade.pk], confirmed="yes", until=until)
    assert (response.status_code, response.template_name) == (200, "admin/grades/confirm.html")
    assert Grade.objects.get().review_state == "new"


@pytest.mark.parametrize("across", ["false", "False", "0", ""])
def test_an_action_on_ticked_rows_is_logged_with_their_keys(superuser_client, make_grade, across):
    grade, _other = make_grade(), make_grade()
    confirm(superuser_client, act(superuser_client, "mark_closed", [grade.pk], select_across=across))
    assert LogEntry.objects.get().change_message == f"Closed: #{grade.pk}"


# --- Deletion -------------------------------------------------------------------------------------


def test_a_superuser_deletes_all_matches_with_one_log_entry(superuser_client, make_grade, superuser):
    for number in range(60):
        make_grade(acc_nbr=f"138{number}")
    kept = make_grade(acc_nbr="139")
    page = act(superuser_client, "delete_selected", [kept.pk], True, "?q=138")
    assert "This deletes 60 ratings. It cannot be undone." in page.text
    response = confirm(superuser_client, page)
    assert messages(response) == ["60 deleted."]
    assert list(Grade.objects.all()) == [kept]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr, entry.change_message) == (
        DELETION,
        "60 ratings",
        "Deleted: all rows that matched “searched=yes”",
    )


def test_dispatches_that_arrive_after_the_confirmation_page_are_not_deleted(superuser_client, make_account):
    make_account(), make_account(acct_id="A2")
    page = act(superuser_client, "delete_selected", [1], True, url=ACCOUNTS)
    assert "This deletes 2 dispatch list." in page.text
    late = make_account(acct_id="A3")
    assert messages(confirm(superuser_client, page)) == ["2 deleted."]
    assert list(Account.objects.all()) == [late]


def test_a_dispatch_with_a_credit_is_not_deleted(superuser_client, make_account, superuser):
    account, other = make_account(), make_account(acct_id="A2")
    make_credit(account, superuser)
    response = confirm(superuser_client, act(superuser_client, "delete_selected", [account.pk, other.pk], url=ACCOUNTS))
    assert messages(response) == ["Nothing was deleted: some of these rows have credits."]
    assert Account.objects.count() == 2
    assert not LogEntry.objects.exists()


# --- Malformed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["x", "", "-1", "1,2", "٣", "\x00", "9" * 30])
@pytest.mark.parametrize("address", [GRADES, ACCOUNTS, CONFLICTS, "/admin/auth/user/", "/admin/auth/group/"])
def test_an_action_on_a_malformed_key_is_a_bad_request(superuser_client, make_grade, address, chosen):
    grade = make_grade()
    form = {"action": "delete_selected", "_selected_action": [grade.pk, chosen], "index": "0"}
    assert superuser_client.post(address, form).status_code == 400
    assert Grade.objects.count() == 1
