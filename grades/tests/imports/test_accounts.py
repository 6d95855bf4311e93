"""Import of a dispatch list: the stored rows, and files that are refused as a whole."""

import io
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import ProtectedError

from grades.imports import ImportFailed, ImportResult, RowError, import_accounts
from grades.models import Account, Credit

from ..helpers.files import STORED, all_accounts, csv_file, numbered, stored, xlsx_file

pytestmark = pytest.mark.django_db


# --- Stored rows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make_file", [csv_file, xlsx_file])
def test_rows_are_added_with_every_column(make_file):
    name = {csv_file: "list.csv", xlsx_file: "list.xlsx"}[make_file]
    result = import_accounts(make_file({}, {"acct_id": "A2", "pay_type": "预付费", "customer_name": ""}), name)
    assert result == ImportResult(created=2)
    assert stored() == [STORED, {**STORED, "acct_id": "A2", "pay_type": "prepaid", "customer_name": ""}]


def test_the_second_import_of_a_file_changes_nothing():
    rows = numbered(1500)
    assert import_accounts(csv_file(*rows), "list.csv") == ImportResult(created=1500)
    before = all_accounts()
    assert import_accounts(csv_file(*rows), "list.csv") == ImportResult(unchanged=1500)
    assert all_accounts() == before


def test_only_a_row_that_differs_is_changed():
    import_accounts(csv_file(*numbered(3)), "list.csv")
    before = all_accounts()
    changes = {
        "customer_name": "李雷",
        "area": "",
        "monthly_fee": "0",
        "pay_type": "预付费",
        "acc_nbr": "0592-1",
        "state": "停机",
    }
    result = import_accounts(csv_file({**numbered(2)[1], **changes}, {"acct_id": "A00007"}), "list.csv")
    assert result == ImportResult(created=1, updated=1)
    changed = {
        **before[1],
        **changes,
        "number": "05921",
        "last_digits": "5921",
        "monthly_fee": Decimal("0.00"),
        "pay_type": "prepaid",
    }
    assert all_accounts()[:3] == [before[0], changed, before[2]]
    assert all_accounts()[3]["acct_id"] == "A00007"


def test_each_column_alone_makes_a_row_differ():
    other = {
        "acc_nbr": "1", "customer_name": "李雷", "area": "城西", "product": "其它", "pay_type": "预付费",
        "state": "停机", "monthly_fee": "99.01",
    }  # fmt: skip
    import_accounts(csv_file({}), "list.csv")
    for column, value in other.items():
        assert import_accounts(csv_file({column: value}), "list.csv") == ImportResult(updated=1), column
        assert import_accounts(csv_file({}), "list.csv") == ImportResult(updated=1), column


def test_another_dispatch_of_an_account_is_another_row():
    import_accounts(csv_file({}), "list.csv")
    result = import_accounts(csv_file({"dispatched_on": "2026-10-01"}, {"dispatched_on": "2026-12-01"}), "list.csv")
    assert result == ImportResult(created=2)
    assert [row["dispatched_on"] for row in stored()] == [date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)]


def test_acct_ids_differ_by_case_and_accent():
    result = import_accounts(csv_file({"acct_id": "a1"}, {"acct_id": "A1"}, {"acct_id": "Á1"}), "list.csv")
    assert result == ImportResult(created=3)


def test_a_changed_dispatch_keeps_its_confirmed_credit(superuser):
    import_accounts(csv_file({}), "list.csv")
    account = Account.objects.get()
    account.confirm_credit(superuser)
    import_accounts(csv_file({"state": "停机"}), "list.csv")
    assert Credit.objects.get().account == Account.objects.get() == account
    with pytest.raises(ProtectedError):
        account.delete()


def test_a_dry_run_counts_like_an_import_and_writes_nothing():
    import_accounts(csv_file({}, {"acct_id": "A2"}), "list.csv")
    before = all_accounts()
    file = csv_file({}, {"acct_id": "A2", "state": "停机"}, {"acct_id": "A3"})
    assert import_accounts(file, "list.csv", dry_run=True) == ImportResult(1, 1, 1, dry_run=True)
    assert all_accounts() == before
    assert import_accounts(file, "list.csv") == ImportResult(1, 1, 1)


def test_progress_counts_each_row_twice_and_ends_at_the_total():
    calls = []
    import_accounts(csv_file(*numbered(1500)), "list.csv", progress=lambda *call: calls.append(call))
    assert [done for done, _total in calls] == [1000, 1500, 2500, 3000]
    assert calls[-1] == (3000, 3000)


def test_a_batch_is_read_with_one_query_and_written_with_few(django_assert_max_num_queries):
    # savepoint and release; per batch: one SELECT, the INSERTs, of which SQLite needs eleven, and five for the ratings
    # of its numbers; four for the dispatches of these ratings; where the next look at the coverage begins; four to mark
    # the day of the dispatches
    with django_assert_max_num_queries(2 + 2 * (1 + 13 + 6) + 4 + 1 + 4):
        import_accounts(csv_file(*numbered(2000)), "list.csv")
    # and nothing but the SELECTs where nothing has changed
    with django_assert_max_num_queries(2 + 2):
        import_accounts(csv_file(*numbered(2000)), "list.csv")


def test_before_commit_is_called_once_when_all_rows_are_written():
    calls = []
    import_accounts(csv_file(*numbered(1500)), "list.csv", before_commit=lambda: calls.append(len(stored())))
    assert calls == [1500]


# --- Refused files write nothing ------------------------------------------------------------------


def test_a_bad_row_writes_nothing_and_names_row_and_column():
    import_accounts(csv_file({}), "list.csv")
    before = all_accounts()
    result = import_accounts(csv_file({"state": "停机"}, *numbered(1500), {"monthly_fee": "free"}), "list.csv")
    assert result == ImportResult(
        errors=[RowError(1503, "月租费", "“free” is not an amount from 0 to 99999999.99 with at most two decimals.")],
        error_count=1,
    )
    assert all_accounts() == before


def test_the_same_dispatch_twice_is_refused_with_both_rows():
    result = import_accounts(csv_file({}, {"acct_id": "A2"}, {"dispatched_on": "20261101"}), "list.csv")
    assert result.errors == [RowError(4, "", "Rows 2 and 4 are the same account and dispatch date.")]
    assert all_accounts() == []


def test_the_first_hundred_errors_are_kept_and_all_are_counted():
    result = import_accounts(csv_file(*numbered(150, pay_type="?")), "list.csv")
    assert (len(result.errors), result.error_count) == (100, 150)
    assert result.errors[-1] == RowError(101, "付费类型", "“?” is neither 后付费 nor 预付费.")


@pytest.mark.parametrize(("rows", "counted", "stopped"), [(500, 1000, False), (501, 1000, True)])
def test_the_check_ends_after_a_thousand_errors(rows, counted, stopped):
    good = [{"acct_id": f"B{number}"} for number in range(1500)]
    calls = []
    file = csv_file(*numbered(rows, pay_type="?", monthly_fee="?"), *good)
    result = import_accounts(file, "list.csv", progress=lambda *call: calls.append(call))
    assert (len(result.errors), result.error_count, result.stopped) == (100, counted, stopped)
    assert calls[-1][0] == (501 if stopped else 2000)
    assert all_accounts() == []


def test_a_row_with_more_cells_than_the_heading_is_refused():
    file = csv_file({}, {"acct_id": "A2"})
    file = io.BytesIO(file.getvalue().replace(b"99.00,A2", b"1,099.00,A2"))
    assert import_accounts(file, "list.csv").errors == [
        RowError(3, "", "The row has more cells than the heading: is a value with a comma not quoted?")
    ]


def test_a_short_row_lacks_the_values_of_the_last_columns():
    file = io.BytesIO(csv_file({}).getvalue().replace(b",99.00,A1", b""))
    assert import_accounts(file, "list.csv").errors == [
        RowError(2, "月租费", "A value is required."),
        RowError(2, "账户标识", "A value is required."),
    ]


def test_an_excel_error_is_refused_in_an_optional_column_too():
    file = xlsx_file({"customer_name": "#N/A"})
    assert import_accounts(file, "list.xlsx").errors == [
        RowError(2, "客户姓名", "The cell holds an error such as #N/A, or a formula without its result.")
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failure", [IntegrityError, OperationalError, KeyboardInterrupt])
def test_a_failure_while_writing_leaves_the_table_unchanged(monkeypatch, failure):
    import_accounts(csv_file(*numbered(3)), "list.csv")
    before = all_accounts()
    bulk_create, calls = Account.objects.bulk_create, []

    def fail_later(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 4:
            raise failure("Duplicate entry")
        return bulk_create(*arguments, **options)

    monkeypatch.setattr(Account.objects, "bulk_create", fail_later)
    rows = [{**row, "state": "停机"} for row in numbered(1500)]
    with pytest.raises(KeyboardInterrupt if failure is KeyboardInterrupt else ImportFailed) as caught:
        import_accounts(csv_file(*rows), "list.csv")
    if failure is not KeyboardInterrupt:
        assert str(caught.value) == (
            "The list is being changed by someone else, or the database is busy. Nothing was imported: try again."
        )
    assert len(calls) == 4
    assert all_accounts() == before


@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_writer_adds_meanwhile_fails_the_import(monkeypatch):
    bulk_create = Account.objects.bulk_create

    def lose_the_race(accounts, **options):
        if accounts and not options:
            bulk_create([Account(**{**STORED, "customer_name": "someone else's"})])
        return bulk_create(accounts, **options)

    monkeypatch.setattr(Account.objects, "bulk_create", lose_the_race)
    with pytest.raises(ImportFailed, match="try again"):
        import_accounts(csv_file({}), "list.csv")
    assert all_accounts() == []


def test_a_failed_import_leaves_the_callers_transaction_usable(monkeypatch):
    def fail(*arguments, **options):
        raise IntegrityError

    monkeypatch.setattr(Account.objects, "bulk_create", fail)
    with transaction.atomic():
        with pytest.raises(ImportFailed):
            import_accounts(csv_file({}), "list.csv")
        assert all_accounts() == []
