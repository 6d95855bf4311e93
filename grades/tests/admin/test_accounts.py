"""admin/accounts.py: the dispatch list, edited by hand or imported."""

import csv
import io
import json
import re
from decimal import Decimal

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from openpyxl import load_workbook

from grades.imports.process import machine_lock
from grades.models import Account

from ..helpers.office import ACCOUNTS, CONFLICTS, GRADES, IMPORT, numbers

pytestmark = pytest.mark.django_db


def test_the_dispatch_list_is_newest_first_in_eight_queries(superuser_client, make_account, django_assert_num_queries):
    make_account(acc_nbr="old", dispatched_on="2026-10-01")
    for number in range(20):
        make_account(acc_nbr=f"{number:02}", acct_id=f"B{number}")
    # session, user, saved filters, the only area, no other area, bounded count, which rows, the rows
    with django_assert_num_queries(8):
        response = superuser_client.get(ACCOUNTS)
    assert numbers(response) == [*(f"{number:02}" for number in reversed(range(20))), "old"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("138", ["13800138001", "13800138000"]),
        ('"138"', []),
        ("A1", ["13800138000"]),
        ("A", []),
        ('"A1"', ["13800138000"]),
    ],
)
def test_a_dispatch_is_found_by_number_or_whole_acct_id(superuser_client, make_account, text, found):
    make_account()
    make_account(acc_nbr="13800138001", acct_id="A10")
    assert numbers(superuser_client.get(ACCOUNTS, {"q": text})) == found


BY_HAND = {
    "acc_nbr": "013800138000",
    "customer_name": "王小明",
    "area": "",
    "product": "",
    "pay_type": "postpaid",
    "state": "",
    "dispatched_on": "2026-11-02",
    "monthly_fee": "59.90",
    "acct_id": "A9",
}


def change_by_hand(client, account, page=None, **changes):
    """Type into the form of a dispatch, as it was opened, and save."""
    address = f"{ACCOUNTS}{account.pk}/change/"
    form = (page or client.get(address)).context["adminform"].form
    return client.post(address, {name: form[name].value() for name in form.fields} | changes)


def test_a_dispatch_is_added_and_changed_by_hand(roles):
    response = roles["change"].post(f"{ACCOUNTS}add/", BY_HAND)
    assert (response.status_code, response["Location"]) == (302, ACCOUNTS)
    account = Account.objects.get()
    assert (account.acc_nbr, account.monthly_fee) == ("013800138000", Decimal("59.90"))
    change_by_hand(roles["change"], account, monthly_fee="99")
    assert Account.objects.get().monthly_fee == 99
    entries = LogEntry.objects.order_by("pk").values_list("action_flag", "object_repr")
    assert list(entries) == [(ADDITION, f"#{account.pk}"), (CHANGE, f"#{account.pk}")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("acc_nbr", ""),
        ("acc_nbr", "see note"),
        ("acc_nbr", "号码"),
        ("acc_nbr", "-"),
        ("acc_nbr", "+"),
        ("acc_nbr", "－"),
        ("acc_nbr", "1" * 33),
        ("acct_id", " "),
        ("acct_id", "A 9"),
        ("acct_id", "A\u200b9"),
        ("acct_id", "A\x0b9"),
        ("customer_name", "王\n小明"),
        ("area", "城\t东"),
        ("product", "畅享\x7f129"),
        ("state", "在\x1b[2J用"),
        ("pay_type", "free"),
        ("acc_nbr", "1.38E+10"),
        ("acct_id", "2.0e+15"),
        ("dispatched_on", "2026-02-30"),
        ("dispatched_on", "0226-11-01"),
        ("dispatched_on", "1999-12-31"),
        ("dispatched_on", "2100-01-01"),
        ("monthly_fee", "-1"),
        ("monthly_fee", "1.005"),
        ("monthly_fee", "NaN"),
    ],
)
def test_an_invalid_dispatch_is_refused_at_its_field(superuser_client, column, value):
    response = superuser_client.post(f"{ACCOUNTS}add/", BY_HAND | {column: value})
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [column]
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("acc_nbr", "1.38E+10", "Excel has shortened “1.38E+10”, digits are lost"),
        ("dispatched_on", "0226-11-01", "“0226-11-01” is not between 2000 and 2099."),
    ],
)
def test_the_form_gives_the_reasons_of_the_import(superuser_client, column, value, message):
    assert message in superuser_client.post(f"{ACCOUNTS}add/", BY_HAND | {column: value}).text


@pytest.mark.parametrize("day", ["2000-01-01", "2099-12-31"])
def test_the_form_takes_the_first_and_the_last_day_of_the_import(superuser_client, day):
    superuser_client.post(f"{ACCOUNTS}add/", BY_HAND | {"dispatched_on": day})
    assert str(Account.objects.get().dispatched_on) == day


def test_a_second_row_for_the_same_dispatch_is_refused(superuser_client, make_account):
    make_account(acct_id="A9", dispatched_on="2026-11-02")
    assert superuser_client.post(f"{ACCOUNTS}add/", BY_HAND).status_code == 200
    assert Account.objects.count() == 1


def test_a_form_that_was_opened_before_an_import_does_not_undo_it(roles, make_account):
    account = make_account(monthly_fee="199")
    page = roles["change"].get(f"{ACCOUNTS}{account.pk}/change/")
    assert 'type="hidden" name="version" value="' in page.text
    upload(roles["change"], "13800138000,王小明,城东,畅享 129 套餐,postpaid,在用,2026-11-01,129.00,A1")
    response = change_by_hand(roles["change"], account, page, customer_name="王晓明")
    errors = response.context["adminform"].form.errors
    told = "This dispatch has changed since you opened it, by an import or by somebody else. Nothing was saved."
    assert errors["__all__"][0].startswith(told)
    assert errors["monthly_fee"] == ["Stored now: 129.00"]
    assert errors["customer_name"] == ["Stored now: 王小明"]
    account.refresh_from_db()
    assert (account.customer_name, account.monthly_fee) == ("王小明", 129)
    change_by_hand(roles["change"], account, response, monthly_fee="129")
    account.refresh_from_db()
    assert (account.customer_name, account.monthly_fee) == ("王晓明", 129)


def test_a_form_that_was_opened_before_another_change_does_not_undo_it(roles, superuser_client, make_account):
    account = make_account(state="在用")
    page = roles["change"].get(f"{ACCOUNTS}{account.pk}/change/")
    assert change_by_hand(superuser_client, account, state="停机").status_code == 302
    assert change_by_hand(roles["change"], account, page, area="城西").status_code == 200
    account.refresh_from_db()
    assert (account.state, account.area) == ("停机", "城东")


def test_a_dispatch_is_shown_to_those_who_may_not_change_it(roles, make_account):
    page = roles["view"].get(f"{ACCOUNTS}{make_account().pk}/change/")
    assert page.status_code == 200
    assert "ersion" not in re.sub(r"<footer.*", "", page.text.split('id="account_form"')[1], flags=re.DOTALL)


# --- Import ---------------------------------------------------------------------------------------


HEADING = "acc_nbr,customer_name,area,product,pay_type,state,dispatched_on,monthly_fee,acct_id"


def upload(client, *lines, name="list.csv", **data):
    file = SimpleUploadedFile(name, "\n".join((HEADING, *lines)).encode())
    return client.post(IMPORT, {"file": file, **data})


def answer(response):
    """The answer to an upload as one line of text."""
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", response.text.split('id="import-result"')[1]).split())


def test_an_import_is_logged_once_without_account_numbers(roles, make_account):
    make_account(acct_id="A1", dispatched_on="2026-11-01")
    response = upload(
        roles["change"],
        "13800138000,王小明,城东,畅享 129 套餐,postpaid,在用,2026-11-01,129.00,A1",
        "13800138001,李雷,城西,畅享 59 套餐,prepaid,在用,2026-11-01,59.00,A2",
    )
    assert "1 added, 1 changed, 0 unchanged." in answer(response)
    assert list(Account.objects.order_by("acct_id").values_list("acct_id", "monthly_fee")) == [("A1", 129), ("A2", 59)]
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.action_flag, entry.object_repr) == ("editor", CHANGE, "Import")
    assert entry.get_change_message() == "1 added, 1 changed, 0 unchanged."


def test_a_check_reports_the_changes_and_writes_nothing(superuser_client):
    line = "13800138001,李雷,城西,畅享 59 套餐,prepaid,在用,2026-11-01,59.00,A2"
    response = upload(superuser_client, line, dry_run="on")
    assert response.status_code == 200
    assert "1 added, 0 changed, 0 unchanged." in response.text
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()


def test_import_errors_name_row_and_column_and_nothing_is_written(superuser_client):
    good = "13800138001,李雷,城西,<b>,prepaid,在用,2026-11-01,59.00,A2"
    response = upload(superuser_client, good, "see note,<b>,,,free,,2026-11-01,59.00,A3")
    assert response.status_code == 200
    assert "2 errors were found. Nothing was imported." in response.text
    rows = re.findall(r"<tr><td>(\d+)</td><td>(\w+)</td><td>.+</td></tr>", response.text)
    assert rows == [("3", "acc_nbr"), ("3", "pay_type")]
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()


def test_the_first_hundred_import_errors_are_shown(superuser_client):
    response = upload(
        superuser_client, *(f"bad number,,,,prepaid,,2026-11-01,59.00,A{number}" for number in range(150))
    )
    assert "150 errors were found. Nothing was imported." in response.text
    assert "The first 100 are shown." in response.text
    assert response.text.count("<td>acc_nbr</td>") == 100


def test_an_unreadable_file_is_refused_at_its_field(superuser_client):
    response = superuser_client.post(IMPORT, {"file": SimpleUploadedFile("list.xlsx", b"not a workbook")})
    assert response.status_code == 200
    assert len(response.context["form"].errors["file"]) == 1
    assert not LogEntry.objects.exists()


def test_a_file_over_the_limit_is_refused_with_advice(superuser_client, settings):
    settings.IMPORT_MAX_MB = 1
    response = superuser_client.post(IMPORT, {"file": SimpleUploadedFile("list.csv", b"x" * (1024 * 1024 + 1))})
    message = "The file is larger than 1 MB. On the server, manage.py import_accounts takes larger files."
    assert response.context["form"].errors == {"file": [message]}


def test_a_second_import_at_a_time_is_told_to_wait(superuser_client):
    line = "13800138001,李雷,城西,畅享 59 套餐,prepaid,在用,2026-11-01,59.00,A2"
    with machine_lock():
        response = upload(superuser_client, line)
    message = "Another file is being imported, or the server is busy. Try again in a minute."
    assert response.context["form"].errors == {"file": [message]}
    assert not Account.objects.exists()
    assert "1 added, 0 changed, 0 unchanged." in answer(upload(superuser_client, line))
    assert Account.objects.count() == 1


GOOD = "13800138001,李雷,城西,畅享 59 套餐,prepaid,在用,2026-11-01,59.00,A2"


@pytest.mark.parametrize("data", [{}, {"dry_run": "on"}], ids=["import", "check"])
def test_the_changed_rows_are_listed_with_old_and_new_values(superuser_client, make_account, data):
    make_account(acc_nbr="13800138001", acct_id="A2")
    make_account(
        acc_nbr="13800138003", acct_id="A4", customer_name="李雷", area="城西", product="x", monthly_fee="59.00"
    )
    lines = [GOOD, GOOD.replace("A2", "A3"), "13800138003,李雷,城西,x,postpaid,在用,2026-11-01,59.00,A4"]
    text = answer(upload(superuser_client, *lines, **data))
    assert "1 added, 1 changed, 1 unchanged." in text
    changes = "customer name 王小明 → 李雷 area 城东 → 城西 product 畅享 129 套餐 → 畅享 59 套餐"
    changes += " pay type Post-paid → Prepaid monthly fee 99.00 → 59.00"
    assert f"≠ changed 13800138001 李雷 2026-11-01 {changes}" in text
    assert "＋ added 13800138001 李雷 2026-11-01" in text
    assert "＝ unchanged 13800138003 李雷 2026-11-01" in text


def test_the_faulty_rows_are_downloaded_with_their_reasons_and_nothing_is_stored(superuser_client):
    bad = "see note,=1+1,,,free,,2026-11-01,59.00,0003"
    response = upload(superuser_client, GOOD, bad, GOOD, report="xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="faulty-rows.xlsx"'
    rows = [list(row) for row in load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.values]
    assert rows[0] == ["Row", "Problem", *HEADING.split(",")]
    reasons = "acc_nbr: “see note” is not an account number.\npay_type: “free” is neither 后付费 nor 预付费."
    assert rows[1] == [3, reasons, "see note", "=1+1", None, None, "free", None, "2026-11-01", "59.00", "0003"]
    assert rows[2][:2] == [4, "Rows 2 and 4 are the same account and dispatch date."]
    assert len(rows) == 3
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_report_of_a_file_without_errors_is_a_check(superuser_client):
    text = answer(upload(superuser_client, GOOD, report="xlsx"))
    assert "No errors. Nothing was imported yet." in text
    assert not Account.objects.exists()


SCRIPT = {"x-requested-with": "XMLHttpRequest", "accept": "text/html"}


def steps(response):
    assert (response.status_code, response["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in b"".join(response.streaming_content).decode().splitlines()]


def upload_by_script(client, *lines, **data):
    file = SimpleUploadedFile("list.csv", "\n".join((HEADING, *lines)).encode())
    return client.post(IMPORT, {"file": file, **data}, headers=SCRIPT)


def test_a_script_gets_the_progress_and_then_the_answer(superuser_client):
    lines = [GOOD.replace("A2", f"A{number}") for number in range(1500)]
    *others, last = steps(upload_by_script(superuser_client, *lines))
    progress = [step for step in others if "changes" not in step]
    assert progress[-1] == {"done": 3000, "total": 3000}
    assert [step["done"] for step in progress] == [1000, 1500, 2500, 3000]
    assert "1500 added, 0 changed, 0 unchanged." in last["html"]
    assert last["html"].count('class="change-created"') == 100
    assert "The list is imported:" in last["html"]  # in the language of the request
    assert Account.objects.count() == 1500
    assert LogEntry.objects.get().get_change_message() == "1,500 added, 0 changed, 0 unchanged."


def changes_of(sent):
    """The rows of the CSV file that the script makes."""
    text = "".join(step.get("changes", "") for step in sent)
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("data", [{}, {"dry_run": "on"}], ids=["import", "check"])
def test_a_script_gets_every_change_as_csv(superuser_client, make_account, data):
    make_account(acc_nbr="13800138001", acct_id="A1", customer_name="=1+1", product="")
    same = GOOD.replace("A2", "A3").split(",")
    make_account(**dict(zip(HEADING.split(","), same, strict=True)))
    lines = [GOOD.replace("A2", f"A{number}") for number in range(1, 1301)]
    sent = steps(upload_by_script(superuser_client, *lines, **data))
    heading, *rows = changes_of(sent)
    assert heading == [
        "Import", "account number", "customer name", "area", "product", "pay type", "state", "dispatched on",
        "monthly fee", "acct_id", "Changes",
    ]  # fmt: skip
    cells = ["13800138001", "李雷", "城西", "畅享 59 套餐", "Prepaid", "在用", "2026-11-01", "59.00"]
    changes = "customer name: =1+1 → 李雷\narea: 城东 → 城西\nproduct:  → 畅享 59 套餐\npay type: Post-paid → Prepaid"
    changes += "\nmonthly fee: 99.00 → 59.00"
    added = [["added", *cells, f"A{number}", ""] for number in (2, *range(4, 1301))]
    old = [["changed", *cells, "A1", changes], ["unchanged", *cells, "A3", ""]]
    assert rows == [*added[:998], *old, *added[998:]]  # by batches
    assert ["changes" in step for step in sent] == [False] * 4 + [True] * 4 + [False]
    assert 'id="import-file"' in sent[-1]["html"]


def test_a_change_that_begins_a_formula_is_guarded(superuser_client):
    sent = steps(upload_by_script(superuser_client, GOOD.replace("李雷", "=1+1")))
    assert changes_of(sent)[1][2] == "'=1+1"


def test_an_import_that_fails_late_tells_no_changes(superuser_client, monkeypatch):
    def refuse(begun):
        raise OperationalError

    monkeypatch.setattr("grades.imports.accounts.rewind", refuse)
    sent = steps(upload_by_script(superuser_client, GOOD))
    assert "The list is being changed by someone else" in sent[-1]["html"]
    assert (changes_of(sent), "import-file" in sent[-1]["html"]) == ([], False)
    assert not Account.objects.exists()


def test_an_import_on_a_full_disk_is_refused(superuser_client, monkeypatch):
    monkeypatch.setattr("grades.admin.accounts.open_changes", lambda: io.FileIO("/dev/full", "r+"))
    sent = steps(upload_by_script(superuser_client, GOOD))
    assert "The server&#x27;s disk is full. Nothing was imported." in sent[-1]["html"]
    assert (changes_of(sent), Account.objects.exists()) == ([], False)


def test_a_script_gets_the_errors_of_rows_and_files(superuser_client):
    [progress, last] = steps(upload_by_script(superuser_client, GOOD, GOOD))
    assert progress["done"] == 2
    assert "Rows 2 and 3 are the same account and dispatch date." in last["html"]
    [last] = steps(upload_by_script(superuser_client))
    assert "There are no rows below the heading." in last["html"]
    assert not Account.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_script_that_goes_away_leaves_nothing_behind(superuser_client):
    lines = [GOOD.replace("A2", f"A{number}") for number in range(1500)]
    response = upload_by_script(superuser_client, *lines)
    stream = iter(response.streaming_content)
    assert [json.loads(next(stream))["done"] for _ in range(3)] == [1000, 1500, 2500]
    assert Account.objects.count() == 1000  # in the transaction of the import
    response.close()
    assert not Account.objects.exists()
    assert not LogEntry.objects.exists()
    with machine_lock():
        pass


@pytest.mark.parametrize("data", [{}, {"file": ""}, {"dry_run": "on"}])
def test_an_import_without_a_file_is_refused(superuser_client, data):
    response = superuser_client.post(IMPORT, data)
    assert (response.status_code, list(response.context["form"].errors)) == (200, ["file"])


def test_a_filled_in_template_can_be_imported(superuser_client):
    response = superuser_client.get(f"{IMPORT}template.xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="template.xlsx"'
    workbook = load_workbook(io.BytesIO(response.content))
    sheet = workbook.active
    headings = [cell.value for cell in sheet[1]]
    assert len(headings) == 9
    sheet.delete_rows(2, sheet.max_row)
    values = ["13800138001", "李雷", "城西", "畅享 59 套餐", "预付费", "在用", "2026-11-01", 59, "A2"]
    sheet.append(values)
    filled = io.BytesIO()
    workbook.save(filled)
    response = superuser_client.post(IMPORT, {"file": SimpleUploadedFile("filled.xlsx", filled.getvalue())})
    assert "1 added, 0 changed, 0 unchanged." in answer(response)
    assert Account.objects.get().acc_nbr == "13800138001"


def test_only_users_who_may_import_see_the_button(roles):
    offered = [IMPORT in roles[role].get(ACCOUNTS).text for role in ("view", "change", "superuser")]
    assert offered == [False, True, True]


# --- Area and last digits ------------------------------------------------------------------------


@pytest.fixture
def areas(make_account):
    for number, (area, acc_nbr) in enumerate(
        [("城东", "13800138000"), ("城西", "139-1234-8000"), ("", "010-8001"), ("城东", "8000")]
    ):
        make_account(acc_nbr=acc_nbr, area=area, acct_id=f"A{number}", dispatched_on=f"2026-11-0{number + 1}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("area=城东", ["8000", "13800138000"]),
        ("area=城西", ["139-1234-8000"]),
        ("area=城东&from=2026-11-02", ["8000"]),
        ("q=*8000", ["8000", "139-1234-8000", "13800138000"]),
        ("q= *８000&area=城西", ["139-1234-8000"]),
        ("q=*8001", ["010-8001"]),
        ("q=*800", []),
        ("q=*", []),
        ("q=%22*8000%22", ["8000", "139-1234-8000", "13800138000"]),
    ],
)
def test_dispatches_are_found_by_area_and_last_digits(superuser_client, areas, query, found):
    assert numbers(superuser_client.get(f"{ACCOUNTS}?{query}")) == found


def test_the_areas_to_choose_are_those_of_the_list(superuser_client, areas):
    text = superuser_client.get(ACCOUNTS).text
    line = re.search(r'<ul aria-label="Area">(.*?)</ul>', text, re.DOTALL)[1]
    assert re.findall(r">([^<]+)</a>", line) == ["All", "城东", "城西"]


def test_a_link_to_any_area_lists_it_and_no_other(superuser_client, make_account, monkeypatch):
    monkeypatch.setattr("grades.admin.filters.AREAS_SHOWN", 1)
    for area in ("", "甲", "乙"):
        make_account(acc_nbr=area or "none", area=area, acct_id=f"A{area}")
    for area in ("", "甲", "乙", "nowhere"):
        found = {"": ["none"], "nowhere": []}.get(area, [area])
        page = superuser_client.get(ACCOUNTS, {"area": area})
        assert numbers(page) == found
        assert f'aria-current="true">{area or "(none)"}</a>' in page.text


@pytest.mark.parametrize(("url", "make"), [(GRADES, "make_grade"), (CONFLICTS, "make_conflict")])
def test_ratings_and_conflicts_are_found_by_the_last_digits_of_a_dispatched_number(
    superuser_client, areas, request, url, make
):
    make_row = request.getfixturevalue(make)
    for acc_nbr in ("138-0013-8000", "+8613912348000", "17700008000"):
        make_row(acc_nbr=acc_nbr)
    # the last of them is not on the list
    assert numbers(superuser_client.get(url, {"q": "*8000"})) == ["+8613912348000", "138-0013-8000"]
