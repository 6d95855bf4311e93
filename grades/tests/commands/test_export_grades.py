"""manage.py export_grades: the ratings that match the options, as a file."""

import csv
import sys
from datetime import datetime

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation
from openpyxl import load_workbook

from grades.models import Grade

from ..helpers.exported import SHANGHAI
from ..helpers.processes import interrupt_command

# The command reads on a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def ratings(make_grade, make_account):
    make_account(acc_nbr="1", dispatched_on="2026-11-01")
    make_grade(acc_nbr="1", grade1=1, insert_time=datetime(2026, 11, 1, 0, 0, tzinfo=SHANGHAI))
    make_grade(acc_nbr="2", txt1="", insert_time=datetime(2026, 11, 2, 23, 59, 59, tzinfo=SHANGHAI))
    make_grade(acc_nbr="138-0013-8000", grade3=1, insert_time=datetime(2026, 11, 3, 0, 0, tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["138-0013-8000", "2", "1"]),
        (["--lowest=1"], ["138-0013-8000", "1"]),
        (["--remarks=no"], ["2"]),
        (["--from=2026-11-02", "--to=2026-11-02"], ["2"]),
        (["--review=new", "--to=2026-11-01"], ["1"]),
        (["--number=+86 138 0013 8000"], ["138-0013-8000"]),
    ],
)
def test_the_file_has_the_ratings_that_match_all_options(ratings, tmp_path, capsys, options, expected):
    path = tmp_path / "out.csv"
    call_command("export_grades", path, "--language=en", *options)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["account number", *expected]
    assert path.stat().st_mode & 0o777 == 0o600
    assert (
        capsys.readouterr().out == f"Ratings: {len(expected)}. {path} holds personal data of customers: keep it safe.\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_xlsx_has_a_last_sheet_with_the_options(ratings, tmp_path):
    path = tmp_path / "out.xlsx"
    call_command("export_grades", path, "--language=en", "--lowest=1", "--from=2026-11-01")
    about = dict(load_workbook(path).worksheets[-1].values)
    assert (about["rows"], about["filter"]) == (2, "lowest 1; from 2026-11-01")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out.pdf", [], "The name of the file must end in .csv, .xlsx or .parquet."),
        ("there.csv", [], "there.csv exists already."),
        ("out.csv", ["--number=9"], "No rating matches. Nothing was written."),
        ("nowhere/out.csv", [], "No such file or directory"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(ratings, tmp_path, name, options, message):
    (tmp_path / "there.csv").write_text("kept")
    with pytest.raises(CommandError, match=message):
        call_command("export_grades", tmp_path / name, "--language=en", *options)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("there.csv", "kept")]


def test_parquet_has_the_rows_the_options_and_types(ratings, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: bin/setup --parquet")
    path = tmp_path / "out.parquet"
    call_command("export_grades", path, "--language=en", "--lowest=1")
    read = parquet.read_table(path)
    assert read["account number"].to_pylist() == ["138-0013-8000", "1"]
    assert read["submitted at"].to_pylist() == [
        datetime(2026, 11, 3, 0, 0, tzinfo=SHANGHAI),
        datetime(2026, 11, 1, 0, 0, tzinfo=SHANGHAI),
    ]
    assert parquet.read_metadata(path).metadata[b"filter"] == b"lowest 1"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_parquet_without_its_library_says_how_to_install_it(ratings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CommandError, match=r"Parquet needs pyarrow, which is not installed. Run bin/setup --parquet\."):
        call_command("export_grades", tmp_path / "out.parquet", "--language=en")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(make_grade, tmp_path):
    make_grade()
    Grade.objects.bulk_create([Grade(acc_nbr=str(n), grade1=1, grade2=1, grade3=1) for n in range(60_000)], 2000)
    status, output, lines = interrupt_command("export_grades", tmp_path / "out.xlsx", at=r"[1-9]\d%")
    assert (status, output, [line for line in lines if line]) == (130, "", ["已中止，未写入文件。"])
    assert list(tmp_path.iterdir()) == []
