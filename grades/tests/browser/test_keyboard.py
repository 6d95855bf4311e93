"""The keyboard is enough: the focus is always seen, in the order of the page, and every task can be done with it."""

import pytest
from playwright.sync_api import expect

from grades.models import Account, ReviewNote

from ..helpers.files import csv_file, numbered
from ..helpers.office import IMPORT
from .conftest import PASSWORD, type_at_focus

pytestmark = pytest.mark.browser

QUEUE = "/admin/grades/grade/queue/"
LOW = "/admin/grades/grade/?lowest=2"
PAGES = ["/admin/", "/admin/coverage/", LOW, QUEUE, IMPORT, "/query", "/jobs", "/first-steps"]

# Whether the element with the focus shows it, and comes after `previous` on the page.
STEP = """() => {
    const element = document.activeElement, previous = window.previous;
    window.previous = element;
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    return {
        name: element.outerHTML.slice(0, 100),
        isEnd: element === document.body || Boolean(previous && element.matches("a[href^='#']")), // the skip link
        isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && box.width > 0 && box.right > 0,
        isAfter: !previous || previous === element
            || Boolean(previous.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING),
    };
}"""


@pytest.fixture
def boss(transactional_db, django_user_model):
    return django_user_model.objects.create_superuser("boss", password=PASSWORD)


@pytest.fixture
def low(make_account, make_grade):
    make_account()
    return [make_grade(grade1=1, txt1=f"第 {number} 条") for number in range(3)]


def to_the_beginning(page):
    """Some pages begin with the focus in a field."""
    page.evaluate(
        '() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); }'
    )


def tab_to(page, target):
    """Press Tab until `target` has the focus."""
    for _press in range(150):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {target}")


def test_tab_goes_through_every_page_with_a_visible_focus(log_in, boss, low):
    page = log_in(boss, "/admin/")
    faults = []
    for path in PAGES:
        page.goto(path)
        to_the_beginning(page)
        for _press in range(300):
            page.keyboard.press("Tab")
            step = page.evaluate(STEP)
            if step["isEnd"]:
                break
            faults += [(path, name, step["name"]) for name in ("isSeen", "isAfter") if not step[name]]
        else:
            faults.append((path, "Tab does not leave the page"))
    assert faults == []


@pytest.mark.parametrize("path", ["/admin/", LOW, "/query"])
def test_the_skip_link_leads_to_the_content(log_in, boss, low, path):
    page = log_in(boss, path)
    to_the_beginning(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到").or_(page.get_by_role("link", name="跳转"))).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("['content-start', 'main'].includes(document.activeElement.id)")
    page.keyboard.press("Tab")
    page.wait_for_function("document.activeElement.closest('#content, main') !== null")


def test_a_rating_is_reviewed_and_the_next_one_comes(log_in, clerk, low):
    page = log_in(clerk, QUEUE)
    type_at_focus(page.get_by_label("备注"), "已回电")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # from followed up to closed
    tab_to(page, page.get_by_role("button", name="保存并处理下一条"))
    page.keyboard.press("Enter")
    page.get_by_text(low[-2].txt1, exact=True).wait_for()
    expect(page.get_by_label("备注")).to_be_focused()
    assert ReviewNote.objects.values_list("grade", "text", "state").get() == (low[-1].pk, "已回电", "closed")


def test_a_list_is_filtered_and_exported(log_in, clerk, low, make_grade):
    make_grade(acc_nbr="13900139000")
    page = log_in(clerk, "/admin/grades/grade/")
    tab_to(page, page.get_by_role("link", name="2 及以下"))
    page.keyboard.press("Enter")
    page.wait_for_url("**lowest=2**")
    export = page.get_by_role("button", name="导出全部 3 条（CSV）")
    tab_to(page, export)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    rows = download.value.path().read_text("utf-8-sig").splitlines()[1:]
    assert [row.split(",")[4] for row in rows] == [rating.txt1 for rating in reversed(low)]


def test_a_list_is_imported(log_in, boss):
    page = log_in(boss, IMPORT)
    content = csv_file(*numbered(3)).getvalue()
    page.set_input_files("#id_file", {"name": "list.csv", "mimeType": "text/csv", "buffer": content})
    tab_to(page, page.locator("#import-form input[type=submit]"))
    page.keyboard.press("Enter")
    expect(page.locator(".import-checked")).to_contain_text("新增 3 行")
    expect(page.locator("#import-result")).to_be_focused()
    assert Account.objects.count() == 3
