import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

# The browser tests need requirements-dev.txt; everything else runs without.
collect_ignore = [] if importlib.util.find_spec("playwright") else ["browser"]


def database_url():
    """The test database, as the server is told of it."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{quote(name)}"))


GUNICORN = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"]
POOL = ["deploy/serve_score.py"]


@contextmanager
def running(log_path, command=GUNICORN, **more_settings):
    """A server with the settings of production, on the test database; its log goes to a file.

    Yields its process, with its `address`. However it ends, it has to end well, and to have kept quiet
    about the customers.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "SCORE_PORT" if command is POOL else "PORT": str(port),
        **more_settings,
    }
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command], stdout=log, stderr=log, cwd=settings.BASE_DIR, env=environment
        )
    process.address = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urlopen(f"{process.address}/score", timeout=2)
        except OSError as error:
            if hasattr(error, "code"):  # any answer will do
                break
            time.sleep(0.1)
    else:
        process.terminate()
        pytest.fail(f"the server did not start:\n{log_path.read_text()}")
    try:
        yield process
    finally:
        process.terminate()
        status = process.wait(timeout=20)
    text = log_path.read_text()
    assert status == 0, text
    assert '\n  File "' not in text, text  # a frame: PrivateFormatter writes no "Traceback"
    assert "13800138000" not in text, "the server's log has an account number"


@pytest.fixture(scope="session")
def server(django_db_setup, django_db_blocker, tmp_path_factory):
    """The address of the site, as gunicorn serves it."""
    with running(tmp_path_factory.mktemp("server") / "gunicorn.log") as process:
        yield process.address


@pytest.fixture(scope="session", params=["site", "pool by gunicorn", "pool by granian"])
def any_server(request, django_db_setup, django_db_blocker, tmp_path_factory):
    """The address of each of the servers that take ratings."""
    if request.param == "site":
        yield request.getfixturevalue("server")
    else:
        name = request.param.split()[-1]
        with running(tmp_path_factory.mktemp("pool") / f"{name}.log", POOL, SCORE_SERVER=name) as process:
            yield process.address


@pytest.fixture
def wechat(settings):
    """WeChat login is on; a stub stands in for WeChat, over real HTTP."""
    from e2e.wechat_stub import WeChatStub
    from grades.wechat import http_client, make_http_client

    stub = WeChatStub()
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.WECHAT_APPID, settings.WECHAT_SECRET = "wx0123456789abcdef", "app-secret-of-the-tests"
    settings.WECHAT_API_URL = stub.address
    yield stub
    http_client().close()
    make_http_client.cache_clear()
    stub.shutdown()
    thread.join()
    stub.server_close()


@pytest.fixture
def superuser(django_user_model):
    return django_user_model.objects.create_superuser("boss")


@pytest.fixture
def staff(django_user_model):
    """Staff without any further right."""
    return django_user_model.objects.create_user("clerk", is_staff=True)


@pytest.fixture
def make_account(db):
    """A row of the dispatch list; any column may be given."""
    from grades.models import Account

    def make(**columns):
        account = Account.objects.create(
            **{
                "acc_nbr": "13800138000",
                "customer_name": "王小明",
                "area": "城东",
                "product": "畅享 129 套餐",
                "pay_type": "postpaid",
                "state": "在用",
                "dispatched_on": "2026-11-01",
                "monthly_fee": "99.00",
                "acct_id": "A1",
                **columns,
            }
        )
        account.refresh_from_db()  # its date and its fee as such, not as the text that was given
        return account

    return make


@pytest.fixture
def make_conflict(make_grade):
    """What came with the id of a stored rating; any column may be given."""
    from grades.models import Conflict, Grade

    def make(grade=None, **columns):
        grade = grade or make_grade()
        content = {name: getattr(grade, name) for name in (*Grade.CONTENT, "openid")}
        row = {**content, "grade3": 1, "insert_time": timezone.now(), **columns}
        Conflict.record(grade, row)
        return Conflict.objects.order_by("pk").last()

    return make


@pytest.fixture
def make_grade(db):
    """A stored rating; any column may be given."""
    from grades.models import Grade

    def make(**columns):
        return Grade.objects.create(
            **{"acc_nbr": "13800138000", "grade1": 5, "grade2": 4, "grade3": 3, "txt1": "服务态度很好", **columns}
        )

    return make
