"""The dispatch list, in: what a cell may hold, what is written, and that a refused file writes nothing."""

import csv
import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import ProtectedError
from django.utils import translation

from grades.imports import ImportFailed, ImportResult, RowError, account_template, import_accounts
from grades.imports.accounts import HEADINGS
from grades.models import Account, Credit

pytestmark = pytest.mark.django_db

COLUMNS = tuple(HEADINGS)
CHINESE = [names[0] for names in HEADINGS.values()]
ROW = {
    "acc_nbr": "13800138000",
    "customer_name": "王小明",
    "area": "城东",
    "product": "畅享 129 套餐",
    "pay_type": "后付费",
    "state": "在用",
    "dispatched_on": "2026-11-01",
    "monthly_fee": "99.00",
    "acct_id": "A1",
}
STORED = {**ROW, "pay_type": "postpaid", "dispatched_on": date(2026, 11, 1), "monthly_fee": Decimal("99.00")}


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def csv_file(*rows, headings=CHINESE, encoding="utf-8"):
    """A CSV file of ROW with each of `rows` (dicts) in turn put over it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows([{**ROW, **row}[column] for column in COLUMNS] for row in rows)
    return io.BytesIO(text.getvalue().encode(encoding))


def xlsx_file(*rows):
    book = openpyxl.Workbook()
    book.active.append(CHINESE)
    for row in rows:
        book.active.append([{**ROW, **row}[column] for column in COLUMNS])
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def table():
    """Everything in the table, in its order."""
    return list(Account.objects.order_by("id").values())


def stored():
    return list(Account.objects.order_by("acct_id", "dispatched_on").values(*COLUMNS))


def numbered(count, **columns):
    return [{"acct_id": f"A{number:05}", **columns} for number in range(count)]


# --- Writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make_file", [csv_file, xlsx_file])
def test_rows_are_added_with_every_column(make_file):
    name = {csv_file: "list.csv", xlsx_file: "list.xlsx"}[make_file]
    result = import_accounts(make_file({}, {"acct_id": "A2", "pay_type": "预付费", "customer_name": ""}), name)
    assert result == ImportResult(created=2)
    assert stored() == [STORED, {**STORED, "acct_id": "A2", "pay_type": "prepaid", "customer_name": ""}]


def test_the_second_import_of_a_file_changes_nothing():
    rows = numbered(1500)
    assert import_accounts(csv_file(*rows), "list.csv") == ImportResult(created=1500)
    before = table()
    assert import_accounts(csv_file(*rows), "list.csv") == ImportResult(unchanged=1500)
    assert table() == before


def test_a_row_that_differs_is_changed_in_place_and_the_others_are_left():
    import_accounts(csv_file(*numbered(3)), "list.csv")
    before = table()
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
    changed = {**before[1], **changes, "monthly_fee": Decimal("0.00"), "pay_type": "prepaid"}
    assert table()[:3] == [before[0], changed, before[2]]
    assert table()[3]["acct_id"] == "A00007"


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


def test_an_acct_id_is_compared_to_the_letter():
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


def test_a_dry_run_counts_as_the_import_would_and_writes_nothing():
    import_accounts(csv_file({}, {"acct_id": "A2"}), "list.csv")
    before = table()
    file = csv_file({}, {"acct_id": "A2", "state": "停机"}, {"acct_id": "A3"})
    assert import_accounts(file, "list.csv", dry_run=True) == ImportResult(1, 1, 1, dry_run=True)
    assert table() == before
    assert import_accounts(file, "list.csv") == ImportResult(1, 1, 1)


def test_progress_counts_each_row_twice_and_ends_at_the_total():
    calls = []
    import_accounts(csv_file(*numbered(1500)), "list.csv", progress=lambda *call: calls.append(call))
    assert [done for done, _total in calls] == [1000, 1500, 2500, 3000]
    assert calls[-1] == (3000, 3000)


def test_a_batch_is_read_with_one_query_and_written_with_few(django_assert_max_num_queries):
    # savepoint and release; per batch: one SELECT, and the INSERTs, of which SQLite needs ten
    with django_assert_max_num_queries(2 + 2 * (1 + 12)):
        import_accounts(csv_file(*numbered(2000)), "list.csv")
    # and nothing but the SELECTs where nothing has changed
    with django_assert_max_num_queries(2 + 2):
        import_accounts(csv_file(*numbered(2000)), "list.csv")


# --- Refused files write nothing ------------------------------------------------------------------


def test_a_bad_row_writes_nothing_and_names_row_and_column():
    import_accounts(csv_file({}), "list.csv")
    before = table()
    result = import_accounts(csv_file({"state": "停机"}, *numbered(1500), {"monthly_fee": "free"}), "list.csv")
    assert result == ImportResult(
        errors=[RowError(1503, "月租费", "“free” is no amount from 0 to 99999999.99 with at most two decimals.")],
        error_count=1,
    )
    assert table() == before


def test_the_same_dispatch_twice_is_refused_with_both_rows():
    result = import_accounts(csv_file({}, {"acct_id": "A2"}, {"dispatched_on": "20261101"}), "list.csv")
    assert result.errors == [RowError(4, "", "Rows 2 and 4 are the same account and dispatch date.")]
    assert table() == []


def test_the_first_hundred_errors_are_kept_and_all_are_counted():
    result = import_accounts(csv_file(*numbered(150, pay_type="?")), "list.csv")
    assert (len(result.errors), result.error_count) == (100, 150)
    assert result.errors[-1] == RowError(101, "付费类型", "“?” is neither 后付费 nor 预付费.")


def test_a_row_with_more_cells_than_the_heading_is_refused_whole():
    file = csv_file({}, {"acct_id": "A2"})
    file = io.BytesIO(file.getvalue().replace(b"99.00,A2", b"1,099.00,A2"))
    assert import_accounts(file, "list.csv").errors == [
        RowError(3, "", "The row has more cells than the heading: is a value with a comma not quoted?")
    ]


def test_a_row_that_ends_early_lacks_the_values():
    file = io.BytesIO(csv_file({}).getvalue().replace(b",99.00,A1", b""))
    assert import_accounts(file, "list.csv").errors == [
        RowError(2, "月租费", "A value is required."),
        RowError(2, "账户标识", "A value is required."),
    ]


def test_a_cell_with_an_error_of_excel_is_refused_even_where_a_value_is_optional():
    file = xlsx_file({"customer_name": "#N/A"})
    assert import_accounts(file, "list.xlsx").errors == [
        RowError(2, "客户姓名", "The cell holds an error such as #N/A, or a formula without its result.")
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failure", [IntegrityError, OperationalError, KeyboardInterrupt])
def test_a_failure_in_the_middle_leaves_the_table_as_it_was(monkeypatch, failure):
    import_accounts(csv_file(*numbered(3)), "list.csv")
    before = table()
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
    assert table() == before


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_there_by_the_time_of_writing_fails_the_import(monkeypatch):
    bulk_create = Account.objects.bulk_create

    def lose_the_race(accounts, **options):
        if accounts and not options:
            bulk_create([Account(**{**STORED, "customer_name": "someone else's"})])
        return bulk_create(accounts, **options)

    monkeypatch.setattr(Account.objects, "bulk_create", lose_the_race)
    with pytest.raises(ImportFailed, match="try again"):
        import_accounts(csv_file({}), "list.csv")
    assert table() == []


# --- Headings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headings",
    [
        list(COLUMNS),
        [column.upper() for column in COLUMNS],
        [f" {Account._meta.get_field(column).verbose_name}\t" for column in COLUMNS],
        *([names[min(place, len(names) - 1)] for names in HEADINGS.values()] for place in range(6)),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_headings_are_understood_by_field_name_in_english_and_in_chinese_whatever_the_language(headings, language):
    headings = [str(heading) for heading in headings]
    with translation.override(language):
        assert import_accounts(csv_file({}, headings=headings), "list.csv") == ImportResult(created=1)
    assert stored() == [STORED]


def test_the_models_names_are_understood_in_every_language(monkeypatch):
    class Name(str):
        def __str__(self):
            return {"en": "the fee", "zh-hans": "每月的钱"}[translation.get_language()]

    monkeypatch.setattr(Account._meta.get_field("monthly_fee"), "verbose_name", Name())
    for heading in ("the fee", "每月的钱", "The Fee"):
        headings = [heading if column == "monthly_fee" else column for column in COLUMNS]
        assert not import_accounts(csv_file({}, headings=headings), "list.csv").error_count


def test_columns_may_come_in_any_order_with_others_between_them():
    rows = [
        ["备注", *reversed(CHINESE), "备注", ""],
        ["=1+1", *reversed([ROW[column] for column in COLUMNS]), "x", "y"],
    ]
    text = "\n".join("\t".join(row) for row in rows)
    assert import_accounts(io.BytesIO(text.encode()), "list.txt") == ImportResult(created=1)
    assert stored() == [STORED]


def test_all_missing_columns_are_named_in_one_message():
    headings = ["x" if column in {"area", "acct_id"} else column for column in COLUMNS]
    with pytest.raises(ImportFailed) as caught:
        import_accounts(csv_file({}, headings=headings), "list.csv")
    assert str(caught.value) == "The first row must name the columns. Missing: area, acct_id."


def test_a_column_that_is_there_twice_is_refused():
    headings = ["电话号码" if column == "area" else column for column in COLUMNS]
    with pytest.raises(ImportFailed) as caught:
        import_accounts(csv_file({}, headings=headings), "list.csv")
    assert str(caught.value) == "Two columns mean the same: “acc_nbr” and “电话号码”. Remove one."


def test_a_heading_without_rows_is_refused():
    for file, name in [(csv_file(), "list.csv"), (xlsx_file(), "list.xlsx")]:
        with pytest.raises(ImportFailed) as caught:
            import_accounts(file, name)
        assert str(caught.value) == "There are no rows below the heading."


# --- Values ---------------------------------------------------------------------------------------

MANGLED = "Excel has shortened “{}”, digits are lost: format the column as text and fill it in again."


def import_cell(column, value, make_file=xlsx_file):
    """What one cell becomes in the table, or the message it is refused with."""
    result = import_accounts(make_file({column: value}), "list.csv" if make_file is csv_file else "list.xlsx")
    if result.errors:
        assert [(error.row, error.column) for error in result.errors] == [(2, HEADINGS[column][0])]
        assert table() == []
        return result.errors[0].message
    return stored()[0][column]


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("013800138000", "013800138000"),
        (" 138 \u3000", "138"),
        (13800138000, "13800138000"),
        (13800138000.0, "13800138000"),
        (999999999999999, "999999999999999"),
        ("13800138000.0", "13800138000"),  # written by a program that took it for a number
        ('="013800138000"', "013800138000"),  # kept from Excel by a formula …
        ("'013800138000", "013800138000"),  # … or by an apostrophe
        ("user@example.cn", "user@example.cn"),
        ("1" * 32, "1" * 32),
        ("1" * 33, f"“{'1' * 33}” is no account number."),
        ("138 0013", "“138 0013” is no account number."),
        ('=""', '“=""” is no account number.'),
        ("1\x7f38", "“1?38” is no account number."),
        ("号" * 60, f"“{'号' * 39}…” is no account number."),
        (138.5, "“138.5” is no whole number."),
        (-138, "“-138” is no whole number."),
        (True, "“True” is no whole number."),
        (date(2026, 11, 1), "“2026-11-01” is no whole number."),
        ("1.38E+10", MANGLED.format("1.38E+10")),
        ("1e+10", MANGLED.format("1e+10")),
        (1234567890123456000, MANGLED.format("1234567890123456000")),
        (None, "A value is required."),
        ("  ", "A value is required."),
    ],
)
def test_account_numbers(value, outcome):
    if isinstance(value, str) and value.startswith("="):
        assert import_cell("acc_nbr", value, csv_file) == outcome  # in a workbook it would be a formula
    else:
        assert import_cell("acc_nbr", value) == outcome


def test_an_account_number_must_match_the_operators_pattern(settings):
    settings.ACC_NBR_PATTERN = "1[0-9]{10}"
    assert import_cell("acc_nbr", "0592-5551234") == "“0592-5551234” is no account number."
    assert import_cell("acc_nbr", 13800138000) == "13800138000"


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (1024, "1024"),
        ("账户/7#", "账户/7#"),
        ("x" * 32, "x" * 32),
        ("x" * 33, f"“{'x' * 33}” must have 1 to 32 characters and no spaces."),
        ("A 1", "“A 1” must have 1 to 32 characters and no spaces."),
        ("A\u200b1", "“A?1” must have 1 to 32 characters and no spaces."),
        (1.5, "“1.5” is no whole number."),
        ("2.0E+15", MANGLED.format("2.0E+15")),
        (None, "A value is required."),
    ],
)
def test_acct_ids(value, outcome):
    assert import_cell("acct_id", value) == outcome


NO_DATE = "“{}” is no date: write it like 2026-11-01."
FIRST = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (date(2026, 11, 1), FIRST),
        (46327, FIRST),  # its serial, as Excel shows a date without a date's format
        (20261101, FIRST),
        ("2026-11-01", FIRST),
        ("2026-11-1 00:00:00", FIRST),
        ("2026/11/1 0:00", FIRST),
        ("2026-11-01T00:00:00.000", FIRST),
        ("2026年11月1日", FIRST),
        ("20261101", FIRST),
        ("46327", FIRST),
        (36526, date(2000, 1, 1)),
        (73050, date(2099, 12, 31)),
        (36525, "“36525” is not between 2000 and 2099."),
        (73051, "“73051” is not between 2000 and 2099."),
        ("1999-12-31", "“1999-12-31” is not between 2000 and 2099."),
        (46327.5, NO_DATE.format("46327.5")),
        ("2026-11-01 08:30:00", NO_DATE.format("2026-11-01 08:30:00")),
        ("2026-02-30", NO_DATE.format("2026-02-30")),
        ("2026-11/01", NO_DATE.format("2026-11/01")),
        ("11/1/2026", NO_DATE.format("11/1/2026")),
        ("２０２６-11-01", NO_DATE.format("２０２６-11-01")),
        (7, NO_DATE.format("7")),
        (True, NO_DATE.format("True")),
        (None, "A value is required."),
    ],
)
def test_dates(value, outcome):
    assert import_cell("dispatched_on", value) == outcome


NO_AMOUNT = "“{}” is no amount from 0 to 99999999.99 with at most two decimals."


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (99, "99.00"),
        (99.5, "99.50"),
        (0.1 + 0.2, "0.30"),  # 0.30000000000000004
        (1e-9, "0.00"),
        (99.005, NO_AMOUNT.format("99.005")),
        (-1, NO_AMOUNT.format("-1")),
        (-0.01, NO_AMOUNT.format("-0.01")),
        (99999999.99, "99999999.99"),
        (99999999.999999999, NO_AMOUNT.format("100000000")),
        (1e300, NO_AMOUNT.format(str(int(1e300))[:39] + "…")),
        ("1,234.50", "1234.50"),
        ("1234.5", "1234.50"),
        ("¥99", "99.00"),
        ("￥ 1,234,567.8", "1234567.80"),
        ("99.000", "99.00"),
        ("99.0000001", NO_AMOUNT.format("99.0000001")),
        ("99999999.99", "99999999.99"),
        ("100000000", NO_AMOUNT.format("100000000")),
        ("9" * 60, NO_AMOUNT.format("9" * 39 + "…")),
        ("1,23", NO_AMOUNT.format("1,23")),
        ("-5", NO_AMOUNT.format("-5")),
        ("1e3", NO_AMOUNT.format("1e3")),
        ("NaN", NO_AMOUNT.format("NaN")),
        ("Infinity", NO_AMOUNT.format("Infinity")),
        ("９９", NO_AMOUNT.format("９９")),
        (True, NO_AMOUNT.format("True")),
        (date(2026, 11, 1), NO_AMOUNT.format("2026-11-01")),
        (None, "A value is required."),
    ],
)
def test_monthly_fees(value, outcome):
    assert str(import_cell("monthly_fee", value)) == outcome


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("后付费", "postpaid"),
        ("Post-paid", "postpaid"),
        (" POSTPAID ", "postpaid"),
        ("预付费", "prepaid"),
        ("Prepaid", "prepaid"),
        ("月付", "“月付” is neither 后付费 nor 预付费."),
        (1, "“1” is neither 后付费 nor 预付费."),
        (None, "A value is required."),
    ],
)
def test_pay_types(value, outcome):
    assert import_cell("pay_type", value) == outcome


@pytest.mark.parametrize(("column", "limit"), [("customer_name", 64), ("area", 64), ("product", 128), ("state", 32)])
def test_other_text_may_be_empty_and_keeps_to_its_length(column, limit):
    for value, outcome in [
        (None, ""),
        ("\u3000 ", ""),
        (" 王 小明😀 ", "王 小明😀"),
        (129, "129"),
        ("长" * limit, "长" * limit),
    ]:
        Account.objects.all().delete()
        assert import_cell(column, value) == outcome
    Account.objects.all().delete()
    assert import_cell(column, "长" * (limit + 1)) == (
        f"“{'长' * 39 + '…' if limit > 39 else '长' * 33}” is longer than {limit} characters."
    )
    for value, quoted in [("王\n小明", "王?小明"), ("王\t小明", "王?小明"), ("\x1b[2J王", "?[2J王")]:
        assert import_cell(column, value, csv_file) == (f"“{quoted}” holds a line break or another control character.")


# --- The template ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_template_can_be_filled_in_and_imported(language):
    book = openpyxl.load_workbook(io.BytesIO(account_template(language)))
    sheet, _explanation = book.worksheets
    with translation.override(language):
        assert [cell.value for cell in sheet[1]] == [
            str(Account._meta.get_field(column).verbose_name) for column in COLUMNS
        ]
    assert sheet.max_row == 1
    with pytest.raises(ImportFailed, match="no rows below the heading"):
        import_accounts(io.BytesIO(account_template(language)), "template.xlsx")

    for place, column in enumerate(COLUMNS, 1):
        sheet.cell(2, place).value = ROW[column]
    file = io.BytesIO()
    book.save(file)
    assert import_accounts(file, "template.xlsx") == ImportResult(created=1)
    assert stored() == [STORED]


def test_the_template_keeps_excel_from_mangling_numbers_and_offers_the_pay_types():
    sheet = openpyxl.load_workbook(io.BytesIO(account_template())).worksheets[0]
    formats = {heading.value: sheet.column_dimensions[heading.column_letter] for heading in sheet[1]}
    assert [name for name, column in formats.items() if column.number_format == "@"] == ["account number", "acct_id"]
    (choice,) = sheet.data_validations.dataValidation
    assert (choice.formula1, str(choice.sqref)) == ('"后付费,预付费"', "E2:E5001")


def test_the_templates_second_sheet_explains_each_column_with_an_example_that_is_taken():
    book = openpyxl.load_workbook(io.BytesIO(account_template("en")))
    heading, *rows = book.worksheets[1].values
    assert heading == ("Column", "Required", "What it takes", "Example")
    assert [row[0] for row in rows] == [cell.value for cell in book.worksheets[0][1]]
    assert [row[1] for row in rows] == ["yes", "no", "no", "no", "yes", "no", "yes", "yes", "yes"]
    example = {column: row[3] for column, row in zip(COLUMNS, rows, strict=True)}
    assert import_accounts(csv_file(example), "list.csv") == ImportResult(created=1)


# --- The command ----------------------------------------------------------------------------------


def run(path, *options):
    """What the command writes to standard output."""
    output = io.StringIO()
    call_command("import_accounts", str(path), *options, stdout=output)
    return output.getvalue()


@pytest.fixture
def list_path(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(csv_file({}, {"acct_id": "A2"}).getvalue())
    return path


def test_the_command_imports_a_file_and_says_what_it_did(list_path):
    assert run(list_path, "--dry-run") == "To be added: 2; to be changed: 0; unchanged: 0.\n"
    assert table() == []
    assert run(list_path) == "Added: 2; changed: 0; unchanged: 0.\n"
    assert len(table()) == 2
    assert run(list_path) == "Added: 0; changed: 0; unchanged: 2.\n"


def test_the_command_prints_each_error_and_fails(list_path):
    list_path.write_bytes(csv_file({"monthly_fee": "?"}, {"acct_id": "A2"}, {"acct_id": "A2"}).getvalue())
    errors = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_accounts", str(list_path), stderr=errors)
    assert errors.getvalue() == (
        f"row 2, 月租费: {NO_AMOUNT.format('?')}\nrow 4: Rows 3 and 4 are the same account and dispatch date.\n"
    )
    assert str(caught.value) == "Errors: 2. Nothing was imported: correct the file and import it again."
    assert table() == []


def test_the_command_says_how_many_errors_it_does_not_print(list_path):
    list_path.write_bytes(csv_file(*numbered(103, pay_type="?")).getvalue())
    errors = io.StringIO()
    with pytest.raises(CommandError, match="Errors: 103"):
        call_command("import_accounts", str(list_path), stderr=errors)
    assert errors.getvalue().splitlines()[100:] == ["… and 3 more."]


def test_the_command_refuses_what_is_no_readable_file(tmp_path, list_path):
    for path, reason in [(tmp_path / "none.csv", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(CommandError) as caught:
            run(path)
        assert str(caught.value) == f"{path}: {reason}"
    list_path.write_bytes(b"")
    with pytest.raises(CommandError, match="The file is empty"):
        run(list_path)


def test_a_failed_import_inside_a_callers_transaction_leaves_that_usable(monkeypatch):
    def fail(*arguments, **options):
        raise IntegrityError

    monkeypatch.setattr(Account.objects, "bulk_create", fail)
    with transaction.atomic():
        with pytest.raises(ImportFailed):
            import_accounts(csv_file({}), "list.csv")
        assert table() == []
