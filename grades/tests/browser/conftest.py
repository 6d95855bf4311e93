"""A real browser (Debian's chromium) before a real gunicorn, with the settings of production."""

import os

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import sync_playwright

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


def violations(page):
    """What axe-core finds wrong with a page (opened with bypass_csp=True): rule and element."""
    page.add_script_tag(path=AXE_FILE_PATH)
    found = page.evaluate("axe.run()")["violations"]
    return [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
