"""manage.py make_codes: a sheet to print, or a list."""

import io
import os
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation
from openpyxl import load_workbook

from grades.codes import SHEET_CARDS
from grades.models import Account
from grades.tokens import read_code

from ..helpers.processes import interrupt_command

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def chinese():
    """A request of another test may have left English active."""
    with translation.override("zh-hans"):
        yield


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://rate.example.cn"


@pytest.fixture
def make(tmp_path):
    """Run the command for a file of this name; returns (the file, what it says)."""

    def make(*options, name="codes.csv"):
        out = io.StringIO()
        call_command("make_codes", tmp_path / name, *options, stdout=out)
        return tmp_path / name, out.getvalue()

    return make


def acct_ids(file):
    """The dispatches in a list of codes, by the end of their products."""
    lines = file.read_text(encoding="utf-8-sig").splitlines()[1:]
    return [line.split(",")[3] for line in lines]


@pytest.fixture
def dispatches(make_account, make_grade):
    """Four dispatches; the product is a name for the test."""
    east = make_account(product="east", area="城东", dispatched_on="2026-11-01", acct_id="A1", acc_nbr="1381")
    make_account(product="west", area="城西", dispatched_on="2026-11-02", acct_id="A2", acc_nbr="1382")
    make_account(product="late", area="城东", dispatched_on="2026-11-03", acct_id="A3", acc_nbr="1383")
    make_account(product="rated", area="城东", dispatched_on="2026-11-02", acct_id="A4", acc_nbr="1384")
    make_grade(acc_nbr="1384", insert_time=timezone.now())
    return east


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["late", "rated", "east", "west"]),
        (["--area", "城西"], ["west"]),
        (["--from", "2026-11-02"], ["late", "rated", "west"]),
        (["--to", "2026-11-02"], ["rated", "east", "west"]),
        (["--from", "2026-11-02", "--to", "2026-11-02", "--area", "城东"], ["rated"]),
        (["--unrated"], ["late", "east", "west"]),
        (["--numbers", "{numbers}"], ["late", "west"]),
        (["--numbers", "{numbers}", "--area", "城东"], ["late"]),
    ],
)
def test_it_makes_codes_for_the_dispatches_that_match_all_options(make, dispatches, tmp_path, options, found):
    numbers = tmp_path / "numbers.txt"
    numbers.write_bytes("\ufeff1382\r\n\r\n 1383 \r\n1399\r\n1382".encode())
    file, says = make(*(option.format(numbers=numbers) for option in options))
    assert acct_ids(file) == found
    assert says == f"已制作二维码 {len(found)} 个。{file} 里有客户姓名，请妥善保管。\n"


def test_a_file_of_cards_is_for_its_owner_only(make, dispatches):
    file, _says = make(name="codes.html")
    assert file.read_text().count("<article") == 4
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["codes.html"]


def test_a_list_can_be_a_workbook(make, dispatches):
    file, _says = make("--unrated", "--area", "城东", name="codes.xlsx")
    rows = list(load_workbook(file).active.values)
    assert [row[3] for row in rows[1:]] == ["late", "east"]
    assert read_code(rows[2][5]) == dispatches.pk
    assert rows[2][6] == f"https://rate.example.cn/r/{rows[2][5]}"


def test_the_cards_can_be_english(make, dispatches):
    file, _says = make("--language", "en", name="codes.html")
    assert "Scan with WeChat and rate our service" in file.read_text()


def test_wechats_own_codes_are_preferred(make, dispatches, wechat):
    file, _says = make("--env-version", "trial", name="codes.html")
    assert file.read_text().count('<img src="data:image/png;base64,') == 4
    assert [order["env_version"] for order in wechat.orders] == ["trial"] * 4
    file, _says = make("--kind", "link", name="links.html")
    assert file.read_text().count("<svg") == 4
    assert wechat.hits["/cgi-bin/stable_token"] == 1


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "name", "message"),
    [
        ([], "codes.pdf", "文件名必须以 .html、.csv 或 .xlsx 结尾。"),
        (["--area", "城南"], "codes.html", "没有符合条件的派单，未写入文件。"),
        (["--kind", "wechat"], "codes.html", "制作小程序码需要先设置 WECHAT_APPID 和 WECHAT_SECRET。"),
        (["--numbers", "no-such-file"], "codes.csv", "no-such-file: No such file or directory"),
        ([], "nowhere/codes.csv", "{folder}/nowhere/codes.csv: No such file or directory"),
    ],
)
def test_a_wrong_order_is_refused_and_writes_nothing(make, dispatches, tmp_path, options, name, message):
    with pytest.raises(CommandError, match=f"^{re.escape(message.format(folder=tmp_path))}$"):
        make(*options, name=name)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(make, dispatches, tmp_path):
    (tmp_path / "codes.html").write_text("mine")
    with pytest.raises(CommandError, match=r"codes\.html 已存在。$"):
        make(name="codes.html")
    assert (tmp_path / "codes.html").read_text() == "mine"


@pytest.mark.parametrize("line", ["号码", "1" * 33, "see note", "-", "\x00", "\ufffd"])
def test_a_line_that_is_not_a_number_is_named(make, dispatches, tmp_path, line):
    numbers = tmp_path / "numbers.txt"
    numbers.write_text(f"1382\n\n{line}\n")
    with pytest.raises(CommandError, match=r"^文件第 3 行不是有效的号码。$"):
        make("--numbers", numbers)
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.txt"]


def test_a_file_of_numbers_has_a_limit(make, dispatches, tmp_path, monkeypatch):
    monkeypatch.setattr("grades.management.commands.make_codes.NUMBERS_BYTES", 1 << 20)
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1\n" * (1 << 19) + "1")
    with pytest.raises(CommandError, match="号码文件超过 1 MB。"):
        make("--numbers", numbers)


def test_a_sheet_has_a_limit_and_a_list_has_none(make, dispatches, monkeypatch):
    monkeypatch.setitem(SHEET_CARDS, "link", 3)
    with pytest.raises(CommandError, match="符合条件的派单超过 3 条"):
        make(name="codes.html")
    assert make("--unrated", name="codes.html")[0].exists()
    assert len(acct_ids(make()[0])) == 4


def test_without_a_setting_for_codes_it_says_what_to_set(make, dispatches, settings):
    settings.PUBLIC_URL = ""
    with pytest.raises(CommandError, match="制作二维码需要先设置 PUBLIC_URL，或 WECHAT_APPID 和 WECHAT_SECRET。"):
        make()


def test_a_refusal_by_wechat_leaves_no_file(make, dispatches, wechat, tmp_path):
    wechat.faults = [45009]
    with pytest.raises(CommandError, match="已达到微信制作小程序码的上限，请稍后再试。"):
        make(name="codes.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_with_one_line_and_no_file(make_account, tmp_path, monkeypatch):
    first = make_account()
    Account.objects.bulk_create(
        Account(acc_nbr=f"{number}", acct_id=f"{number}", pay_type="prepaid", monthly_fee=1, dispatched_on=day)
        for number, day in enumerate(first.dispatched_on + timedelta(days=n) for n in range(1500))
    )
    monkeypatch.setenv("PUBLIC_URL", "https://rate.example.cn")
    status, output, lines = interrupt_command("make_codes", tmp_path / "codes.html", at=r"[1-9]\d?%")
    assert (status, output, lines) == (130, "", ["已中止，未写入文件。"])
    assert list(tmp_path.iterdir()) == []
