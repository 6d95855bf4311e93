"""`manage.py import_accounts`: its output and its exit status."""

import io

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import translation
from django.utils.translation import gettext

from ..helpers.files import all_accounts, csv_file, numbered
from ..helpers.processes import interrupt_command

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def run(path, *options):
    """The standard output of the command."""
    output = io.StringIO()
    call_command("import_accounts", str(path), *options, stdout=output)
    return output.getvalue()


@pytest.fixture
def list_path(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(csv_file({}, {"acct_id": "A2"}).getvalue())
    return path


def test_the_command_imports_a_file_and_prints_the_counts(list_path):
    assert run(list_path, "--dry-run") == "To be added: 2; to be changed: 0; unchanged: 0.\n"
    assert all_accounts() == []
    assert run(list_path) == "Added: 2; changed: 0; unchanged: 0.\n"
    assert len(all_accounts()) == 2
    assert run(list_path) == "Added: 0; changed: 0; unchanged: 2.\n"


def test_the_command_prints_each_error_and_fails(list_path):
    list_path.write_bytes(csv_file({"monthly_fee": "?"}, {"acct_id": "A2"}, {"acct_id": "A2"}).getvalue())
    errors = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_accounts", str(list_path), stderr=errors)
    assert errors.getvalue() == (
        "row 2, 月租费: “?” is not an amount from 0 to 99999999.99 with at most two decimals.\n"
        "row 4: Rows 3 and 4 are the same account and dispatch date.\n"
    )
    assert str(caught.value) == "Errors: 2. Nothing was imported: correct the file and import it again."
    assert all_accounts() == []


def test_the_command_prints_a_hundred_errors_and_counts_the_others(list_path):
    list_path.write_bytes(csv_file(*numbered(103, pay_type="?")).getvalue())
    errors = io.StringIO()
    with pytest.raises(CommandError, match="Errors: 103"):
        call_command("import_accounts", str(list_path), stderr=errors)
    assert errors.getvalue().splitlines()[100:] == ["… and 3 more."]


def test_the_command_ends_the_check_after_a_thousand_errors(list_path):
    list_path.write_bytes(csv_file(*numbered(1001, pay_type="?")).getvalue())
    errors = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_accounts", str(list_path), stderr=errors)
    assert errors.getvalue().splitlines()[100:] == ["… and 900 more."]
    assert str(caught.value) == (
        "More than 1000 errors. Nothing was imported, and the rest of the file was not checked."
    )
    assert all_accounts() == []


def test_the_command_refuses_a_file_that_it_cannot_read(tmp_path, list_path):
    for path, reason in [(tmp_path / "none.csv", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(CommandError) as caught:
            run(path)
        assert str(caught.value) == f"{path}: {reason}"
    list_path.write_bytes(b"")
    with pytest.raises(CommandError, match="The file is empty"):
        run(list_path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("phase", ["checking", "writing"])
def test_ctrl_c_ends_the_command_with_one_line_and_imports_nothing(list_path, phase):
    list_path.write_bytes(csv_file(*numbered(40_000)).getvalue())
    at = {"checking": r"[1-9]\d*%", "writing": r"[5-9]\d%"}[phase]
    with translation.override(settings.LANGUAGE_CODE):
        line = gettext("Stopped. Nothing was imported.")
    assert interrupt_command("import_accounts", list_path, at=at) == (130, "", [line])
    assert all_accounts() == []


def test_the_command_names_short_numbers_and_imports_them(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_bytes(csv_file({}, {"acct_id": "A2", "acc_nbr": "1380013"}).getvalue())
    assert run(path) == "Added: 2; changed: 0; unchanged: 0.\n"
    assert capsys.readouterr().err == "Numbers that look incomplete: 1, in rows 3. A mobile number has 11 digits.\n"
