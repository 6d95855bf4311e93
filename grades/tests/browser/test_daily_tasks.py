"""The five tasks of a working day, from the first page after the login, and the clicks that each takes."""

import io
from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone, translation
from openpyxl import load_workbook
from playwright.sync_api import expect

from grades.models import Account, Credit, Grade, ReviewNote, start_of

from ..helpers.exported import as_cells, table
from ..helpers.files import csv_file
from .conftest import PASSWORD, type_at_focus

pytestmark = pytest.mark.browser


class Clicks:
    """Counts the clicks of a task on its page; typing does not count."""

    def __init__(self, page):
        self.page, self.count = page, 0

    def on(self, target):
        self.count += 1
        target.click()

    def on_link(self, name):
        self.on(self.page.get_by_role("link", name=name, exact=True))

    def on_button(self, name):
        self.on(self.page.get_by_role("button", name=name))

    def on_tile(self, name):
        self.on(self.page.locator(".tiles > div", has=self.page.get_by_text(name, exact=True)).get_by_role("link"))

    def exported(self, name):
        """The rows of the XLSX that a button exports, without the headings and the last sheet."""
        with self.page.expect_download() as download:
            self.on_button(name)
        sheet, _about = load_workbook(io.BytesIO(download.value.path().read_bytes())).worksheets
        return [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]


def review_ten_low_ratings(page, clicks, make_grade, **_):
    start = timezone.now() - timedelta(hours=1)
    low = [make_grade(grade1=1, txt1=f"第 {n} 条", insert_time=start + timedelta(seconds=n)) for n in range(10)]
    clicks.on_link("待跟进")
    for rating in reversed(low):
        page.get_by_text(rating.txt1, exact=True).wait_for()
        type_at_focus(page.get_by_label("备注"), f"已回电 {rating.pk}")
        clicks.on_button("保存并处理下一条")
    page.get_by_text("已经到最后一条了。").wait_for()
    notes = ReviewNote.objects.order_by("grade").values_list("text", "state", "author_name")
    assert list(notes) == [(f"已回电 {rating.pk}", "followed_up", "staff") for rating in low]


def look_up_and_credit(page, clicks, make_account, **_):
    make_account(monthly_fee="99.00")
    type_at_focus(page.locator("input[name=acc_nbr]"), "13800138000")
    clicks.on_button("查询")
    clicks.on_button("确认")
    expect(page.get_by_role("status")).to_contain_text("临时额度已确认")
    assert Credit.objects.get().credit_amount == 149


def import_with_one_bad_row(page, clicks, tmp_path, **_):
    file = tmp_path / "派单表.csv"

    def choose_file():
        with page.expect_file_chooser() as chooser:
            clicks.on(page.locator("#id_file"))
        chooser.value.set_files(file)

    file.write_bytes(csv_file({}, {"acct_id": "A2", "pay_type": "?"}).getvalue())
    clicks.on(page.locator(".model-account th a"))
    clicks.on(page.locator(".object-tools a", has_text="导入"))
    choose_file()
    clicks.on(page.locator("#import-form input[type=submit]"))
    expect(page.locator("#import-errors tbody")).to_contain_text("付费类型")
    assert not Account.objects.exists()
    file.write_bytes(csv_file({}, {"acct_id": "A2"}).getvalue())
    choose_file()
    clicks.on(page.locator("#import-form input[type=submit]"))
    expect(page.locator(".import-checked")).to_contain_text("新增 2 行")
    assert Account.objects.count() == 2


def export_the_low_ratings_of_last_week(page, clicks, make_account, make_grade, **_):
    make_account(dispatched_on="2020-01-01")
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    last_week = [start_of(monday - timedelta(days=7)), start_of(monday) - timedelta(seconds=1)]
    others = [start_of(monday), last_week[0] - timedelta(seconds=1)]
    for moment in (*last_week, *others):
        make_grade(grade2=2, txt2="等了三天", insert_time=moment)
        make_grade(grade1=3, grade2=3, insert_time=moment)
    page.reload()
    clicks.on_tile("低分评价")
    clicks.on_link("上周")
    rows = clicks.exported("导出全部 2 条（XLSX）")
    with translation.override("zh-hans"):
        stored = table()
    first, last = (moment.replace(tzinfo=None) for moment in map(timezone.localtime, last_week))
    assert rows == as_cells(row for row in stored if row[2] == 2 and first <= row[7] <= last)
    assert [row[7] for row in rows] == [last, first]
    assert Grade.objects.count() == 8


def export_the_dispatches_to_phone(page, clicks, make_account, make_grade, **_):
    today = timezone.localdate()
    for place, day in enumerate([today, today, today - timedelta(days=6), today - timedelta(days=60)]):
        make_account(acct_id=f"A{place}", acc_nbr=f"1380013800{place}", dispatched_on=day)
    make_grade(acc_nbr="13800138001")
    clicks.on_link("派单覆盖：哪些派单已评价，哪些还没有")
    clicks.on_tile("未评价")
    rows = clicks.exported("导出全部 2 条（XLSX）")
    assert rows == [as_row(Account.objects.get(acct_id=acct_id)) for acct_id in ("A0", "A2")]


def as_row(account):
    day = datetime.combine(account.dispatched_on, time())
    return [
        account.acc_nbr,
        account.customer_name,
        account.area,
        account.product,
        account.get_pay_type_display(),
        account.state,
        day,
        account.monthly_fee,
        account.acct_id,
    ]


# task, role of who does it, first page, most clicks
TASKS = [
    (review_ten_low_ratings, "客服", "/admin/", 20),
    (look_up_and_credit, "客服", "/query", 2),
    (import_with_one_bad_row, "导入员", "/admin/", 6),
    (export_the_low_ratings_of_last_week, "主管", "/admin/", 4),
    (export_the_dispatches_to_phone, "客服", "/admin/", 4),
]


@pytest.mark.parametrize(("task", "role", "first_page", "limit"), TASKS, ids=[task.__name__ for task, *_ in TASKS])
def test_a_daily_task_takes_few_clicks(
    log_in, django_user_model, make_account, make_grade, tmp_path, task, role, first_page, limit
):
    user = django_user_model.objects.create_user("staff", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    page = log_in(user, first_page)
    clicks = Clicks(page)
    task(page, clicks, make_account=make_account, make_grade=make_grade, tmp_path=tmp_path)
    assert 0 < clicks.count <= limit
