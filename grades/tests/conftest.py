import importlib.util
import sys
import threading

import pytest
from django.utils import timezone

from .helpers.metrics import Counting
from .helpers.office import grant, log_in
from .helpers.redis import RedisServer
from .helpers.servers import SCORE_COMMAND, running

# The browser tests need requirements-dev.txt; everything else runs without.
collect_ignore = [] if importlib.util.find_spec("playwright") else ["browser"]


@pytest.fixture(scope="session")
def server(django_db_setup, django_db_blocker, tmp_path_factory):
    """The address of the site, as gunicorn serves it."""
    log = tmp_path_factory.mktemp("server") / "gunicorn.log"
    with running(log, PUBLIC_URL="https://rate.example.cn") as process:
        yield process.address


@pytest.fixture(scope="session", params=["site", "score workers by gunicorn", "score workers by granian"])
def any_server(request, django_db_setup, django_db_blocker, tmp_path_factory):
    """The address of each of the servers that take ratings."""
    if request.param == "site":
        yield request.getfixturevalue("server")
    else:
        name = request.param.split()[-1]
        with running(tmp_path_factory.mktemp("score") / f"{name}.log", SCORE_COMMAND, SCORE_SERVER=name) as process:
            yield process.address


@pytest.fixture
def redis_server(tmp_path):
    """An empty Redis server. No connection of this process to another one is left."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    if "grades.limits.in_redis" in sys.modules:
        sys.modules["grades.limits.in_redis"].redis_counters(server.url).connection.disconnect()
        sys.modules["grades.limits.in_redis"].redis_counters.cache_clear()
    server.stop()


@pytest.fixture(params=["Redis", "the database"])
def counters_in(request, settings):
    """Where the rate limits are counted."""
    settings.REDIS_URL = request.getfixturevalue("redis_server").url if request.param == "Redis" else ""
    return request.param


@pytest.fixture
def wechat(settings):
    """WeChat login is on; a stub stands in for WeChat, over real HTTP."""
    from e2e.wechat_stub import WeChatStub
    from grades import wechat as wechat_client

    stub = WeChatStub()
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.WECHAT_APPID, settings.WECHAT_SECRET = "wx0123456789abcdef", "app-secret-of-the-tests"
    settings.WECHAT_API_URL = stub.address
    yield stub
    wechat_client.http_client().close()
    wechat_client.make_http_client.cache_clear()
    wechat_client.kept_token = None
    stub.shutdown()
    thread.join()
    stub.server_close()


@pytest.fixture
def jobs_folder(settings, tmp_path):
    """The folder of the files that background jobs make; the first job makes it."""
    settings.JOBS_DIR = tmp_path / "jobs"
    return settings.JOBS_DIR


@pytest.fixture
def counting(db, settings, tmp_path):
    """The metrics of this process are on, in a folder of the test; `counting()` is a `Scrape`."""
    with Counting(tmp_path / "metrics") as counting:
        settings.METRICS_DIR = str(counting.folder)
        yield counting


@pytest.fixture
def superuser(django_user_model):
    return django_user_model.objects.create_superuser("boss")


@pytest.fixture
def staff(django_user_model):
    """Staff without any permission."""
    return django_user_model.objects.create_user("clerk", is_staff=True)


@pytest.fixture
def superuser_client(superuser):
    return log_in(superuser)


@pytest.fixture
def client_with(django_user_model):
    """Make a client of a new member of staff with these permissions."""

    def make(*codenames):
        user = django_user_model.objects.create_user("-".join(codenames), is_staff=True)
        return log_in(grant(user, *codenames))

    return make


@pytest.fixture
def lower_count_limit(monkeypatch):
    """Lower the limit of the bounded counts."""
    from grades.admin import lists
    from grades.database import paging

    def lower(limit):
        monkeypatch.setattr(lists, "COUNT_LIMIT", limit)
        for function in (paging.bounded_count, paging.count_label):
            monkeypatch.setattr(function, "__defaults__", (limit,))

    return lower


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
    """A submission that conflicts with a stored rating; any column may be given."""
    from grades.models import Conflict, Grade
    from grades.submissions.store import NewRating, record_conflict

    def make(grade=None, received_at=None, **columns):
        grade = grade or make_grade()
        content = {name: getattr(grade, name) for name in (*Grade.CONTENT, "openid")}
        row = {**content, "grade3": 1, "insert_time": received_at or timezone.now(), **columns}
        record_conflict(grade, NewRating(**row))
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
