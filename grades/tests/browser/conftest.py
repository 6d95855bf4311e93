"""A real browser (Debian's chromium) before a real gunicorn, with the settings of production."""

import os

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect, sync_playwright

# Playwright's event loop lives in the thread of the tests, where Django would refuse every query.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

PASSWORD = "correct horse battery staple"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, server, transactional_db, django_db_serialized_rollback):
    """Opens pages, each in a browser profile of its own; fails the test on any error in their consoles."""
    # The server keeps the ids of content types that it has seen. Emptying the database between tests would number
    # them anew (on MySQL no reset of sequences helps: a counter never falls below its table's ids), so each test
    # begins with the rows, ids and all, that the migrations left.
    contexts, errors = [], []

    def open_page(path="/", *, errors_expected=False, **options):
        context = browser.new_context(
            **{"base_url": server, "locale": "zh-CN", "viewport": {"width": 1280, "height": 800}, **options}
        )
        context.set_default_timeout(30_000)  # a busy machine is slow, not wrong
        contexts.append(context)
        page = context.new_page()
        if not errors_expected:
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def clerk(transactional_db, django_user_model):
    """A member of staff with the rights that a clerk has."""
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_grade", "change_grade", "view_account", "add_credit"])
    )
    return user


@pytest.fixture
def log_in(open_page):
    """Opens a page as `user`, through the login form."""

    def log_in(user, path="/query", **options):
        page = open_page(f"/admin/login/?next={path}", **options)
        page.fill("#id_username", user.username)
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]:not([name=language])")
        page.wait_for_url(f"**{path}")
        return page

    return log_in


WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
# The rows of a list are alike, and axe-core takes seconds for fifty.
FEW_ROWS = {"exclude": ["#result_list tbody tr:nth-child(n + 11)"]}


def type_at_focus(field, text):
    """Type where the page has put the focus. A browser puts it there a moment after the page is visible."""
    field.page.wait_for_load_state()
    expect(field).to_be_focused()
    field.page.keyboard.type(text)


def looks(page):
    """Show an open page in each width and colour scheme."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            # The back office fades from one colour into the other.
            page.evaluate("Promise.allSettled(document.getAnimations().map((animation) => animation.finished))")
            yield width, scheme


def violations(page, only_colours=False):
    """What axe-core finds wrong with a page, and whether the page scrolls sideways."""
    page.evaluate(AXE_SCRIPT)  # not as a script of the page: its policy refuses foreign scripts
    options = {"runOnly": ["color-contrast"]} if only_colours else {}
    found = page.evaluate("([context, options]) => axe.run(context, options)", [FEW_ROWS, options])["violations"]
    faults = [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        faults.append(("scrolls sideways", page.viewport_size["width"]))
    return faults


def violations_in_all_looks(page, after_each=lambda *look: None):
    """(width, scheme, fault …) of an open page; `after_each` is called with each width and scheme."""
    faults = []
    for width, scheme in looks(page):
        # The schemes differ in their colours only.
        faults += [(width, scheme, *fault) for fault in violations(page, only_colours=scheme == "dark")]
        after_each(width, scheme)
    return faults
