"""Each line of `manage.py doctor`: an installation is broken in one way, and that line names it."""

import json
import os
import ssl
import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from grades import health
from grades.doctor import Level, database, files, findings, installation

from ..helpers.front import HOST, NGINX, nginx
from ..helpers.installation import start_mariadb
from ..helpers.sql import newest_migration

pytestmark = [
    pytest.mark.slow,
    # Python warns of the old versions, which the check must try.
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning"),
]

BREAKS = []


def breaks(*ids, level=Level.CRITICAL):
    """Decorate a function that breaks the healthy installation: these lines, and no others, name it."""

    def register(function):
        BREAKS.append(pytest.param(function, set(ids), level, id=function.__name__))
        return function

    return register


def test_a_healthy_installation_is_ok_in_every_line(healthy):
    assert healthy.examine() == {}
    assert {id for id, finding in healthy.findings.items() if finding.level == Level.SKIPPED} == {"redis", "cluster"}
    assert len(healthy.findings) >= 30


# --- TLS --------------------------------------------------------------------------------------------


@breaks("tls-old")
def tls_1_0_is_offered(healthy):
    healthy.versions = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_3)


@breaks("tls-old")
def tls_1_1_is_offered(healthy):
    healthy.versions = (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_3)


@breaks("tls-versions", level=Level.WARNING)
def tls_1_3_is_not_offered(healthy):
    healthy.versions = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)


@breaks("tls-versions")
def tls_1_2_is_not_offered(healthy):
    healthy.versions = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


@breaks("tls-chain")
def the_intermediate_is_missing(healthy):
    healthy.certificate = healthy.authority.server_alone()


@breaks("tls-chain")
def the_intermediate_has_expired(healthy):
    healthy.certificate = healthy.authority.server_of_an_expired_intermediate()


@breaks("tls-chain")
def the_certificate_is_self_signed(healthy):
    healthy.certificate = healthy.authority.self_signed()


@breaks("tls-expiry")
def the_certificate_has_expired(healthy):
    healthy.certificate = healthy.authority.server(days=-1)


@breaks("tls-expiry", level=Level.WARNING)
def the_certificate_is_not_renewed(healthy):
    healthy.certificate = healthy.authority.server(days=15)


@breaks("tls-name")
def the_certificate_has_another_name(healthy):
    healthy.certificate = healthy.authority.server("other.example.cn")


# --- HTTP -------------------------------------------------------------------------------------------


def with_status(status, body, content_type):
    """Wrap the application: replies with `status` get another body, as a proxy's own pages do."""

    def wrap(application):
        def wrapped(environ, start_response):
            sent = []

            def start(line, headers, exc_info=None):
                if line.startswith(status) and environ["PATH_INFO"].startswith("/score"):
                    sent.append(body)
                    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
                return start_response(line, headers, exc_info)

            content = application(environ, start)
            return sent or content

        return wrapped

    return wrap


def replying(path, status, headers=()):
    """Wrap the application: requests of `path` are answered with `status`."""

    def wrap(application):
        def wrapped(environ, start_response):
            if not environ["PATH_INFO"].startswith(path):
                return application(environ, start_response)
            start_response(status, [*headers])
            return [b""]

        return wrapped

    return wrap


@breaks("address")
def the_address_has_a_port(healthy):
    healthy.url = f"https://{HOST}:8443"


@breaks("address")
def the_address_is_not_https(healthy):
    healthy.url = f"http://{HOST}"


@breaks("http-redirect")
def plain_http_is_served(healthy):
    healthy.plain = replying("/", "200 OK")(None)


@breaks("score-413")
def the_proxy_refuses_a_large_body_in_html(healthy):
    healthy.wrap = with_status("413", b"<html>413 Request Entity Too Large</html>", "text/html")


@breaks("score-405")
def the_proxy_refuses_a_method_in_html(healthy):
    healthy.wrap = with_status("405", b"<html>405 Not Allowed</html>", "text/html")


@breaks("score-404")
def an_unknown_path_is_a_page(healthy):
    healthy.wrap = with_status("404", b"<html>Not Found</html>", "text/html")


@breaks("score-415")
def another_type_is_answered_with_an_object(healthy):
    healthy.wrap = with_status("415", b'{"detail": "Unsupported media type"}', "application/json")


@breaks("score-reply")
def a_toast_is_too_long(healthy):
    healthy.wrap = with_status("400", '"数据提交失败，请重试"'.encode(), "application/json")


@breaks("score-reply", "score-405", "score-413", "score-404", "score-415")
def score_is_redirected(healthy):
    healthy.wrap = replying("/score", "301 Moved Permanently", [("Location", "https://www.example.cn/score")])


@breaks("score-time", level=Level.WARNING)
def score_is_slow(healthy):
    def wrap(application):
        def wrapped(environ, start_response):
            if environ["PATH_INFO"] == "/score" and environ["REQUEST_METHOD"] == "POST":
                time.sleep(1.1)
            return application(environ, start_response)

        return wrapped

    healthy.wrap = wrap


@breaks("server-clock")
def the_clock_of_the_server_is_wrong(healthy):
    def wrap(application):
        def wrapped(environ, start_response):
            def start(line, headers, exc_info=None):
                return start_response(line, [*headers, ("Date", formatdate(time.time() + 300, usegmt=True))], exc_info)

            return application(environ, start)

        return wrapped

    healthy.wrap = wrap


@breaks("static-files")
def static_files_are_missing(healthy):
    healthy.wrap = replying("/static/", "404 Not Found")


# --- The database -----------------------------------------------------------------------------------


def with_variable(healthy, name, value):
    healthy.stack.enter_context(healthy.mariadb.variable(name, value))


@breaks("flush")
def commits_are_not_flushed(healthy):
    with_variable(healthy, "innodb_flush_log_at_trx_commit", 2)


@breaks("sync-binlog", level=Level.WARNING)
def the_binary_log_is_not_flushed(healthy):
    with_variable(healthy, "sync_binlog", 0)


@breaks("binary-log", level=Level.WARNING)
def the_binary_log_has_statements(healthy):
    with_variable(healthy, "binlog_format", "'STATEMENT'")


@breaks("connections")
def the_server_admits_too_few_connections(healthy):
    with_variable(healthy, "max_connections", 40)


@breaks("database")
def the_server_is_read_only(healthy):
    with_variable(healthy, "read_only", 1)


@breaks("grants", level=Level.WARNING)
def the_application_may_change_the_schema(healthy):
    healthy.database = {"USER": "schema_user", "PASSWORD": "schema_user"}


@breaks("grants")
def the_application_may_not_write(healthy):
    healthy.database = {"USER": "reader", "PASSWORD": "reader"}


@breaks("migrations")
def a_migration_is_pending(healthy):
    newest = newest_migration()
    back = f"INSERT INTO django_migrations (app, name, applied) SELECT 'grades', '{newest}', NOW(6)"
    remove = f"DELETE FROM django_migrations WHERE name = '{newest}'"
    healthy.stack.enter_context(healthy.mariadb.changed(remove, back))


@breaks("collation")
def a_column_cannot_hold_emoji(healthy):
    change = "ALTER TABLE grade MODIFY txt1 varchar(500) CHARACTER SET %s NOT NULL"
    healthy.stack.enter_context(healthy.mariadb.changed(change % "latin1", change % "utf8mb4 COLLATE utf8mb4_bin"))


@breaks("grades.E002")
def the_database_cannot_hold_emoji(healthy):
    change = "ALTER DATABASE scoring CHARACTER SET "
    healthy.stack.enter_context(
        healthy.mariadb.changed(change + "latin1", change + "utf8mb4 COLLATE utf8mb4_unicode_ci")
    )


@breaks("mysql.W002", level=Level.WARNING)
def the_database_cuts_off_what_does_not_fit(healthy):
    healthy.database |= {"OPTIONS": {"init_command": "SET sql_mode=''"}}


@breaks("database-clock")
def the_clock_of_the_database_is_wrong(healthy):
    init = f"SET sql_mode='STRICT_ALL_TABLES', timestamp={int(time.time()) - 300}"
    healthy.database |= {"OPTIONS": {"init_command": init}}


# --- Files ------------------------------------------------------------------------------------------


@breaks("disk")
def the_disk_is_full(healthy):
    healthy.monkeypatch.setattr(files, "DISK_FULL", 1.1)


@breaks("inodes", level=Level.WARNING)
def the_inodes_are_used_up(healthy):
    healthy.monkeypatch.setattr(files, "INODES_LOW", 1.1)


@breaks("secret-files")
def others_can_read_the_settings(healthy):
    healthy.env_file.chmod(0o640)


@breaks("secret-files")
def others_can_read_the_key(healthy):
    key = healthy.env_file.parent / "tls" / "key.pem"
    key.parent.mkdir()
    key.write_text("key")
    key.chmod(0o644)


@breaks("data-folders")
def others_can_write_the_data(healthy):
    healthy.var.chmod(0o777)


@breaks("data-folders")
def others_can_read_the_exports(healthy):
    healthy.settings.JOBS_DIR.mkdir(mode=0o755)


@breaks("jobs-worker")
def the_worker_of_the_jobs_is_silent(healthy):
    os.utime(health.heartbeat_file(), (time.time() - 200, time.time() - 200))


@breaks("jobs-worker")
def no_worker_of_the_jobs_has_run(healthy):
    health.heartbeat_file().unlink()


@breaks("backup")
def the_last_backup_is_old(healthy):
    healthy.outcome("last_backup", hours=31)


@breaks("backup")
def there_is_no_backup(healthy):
    (healthy.var / "state" / "last_backup.json").unlink()


@breaks("backup")
def the_last_backup_has_a_time_in_the_future(healthy):
    healthy.outcome("last_backup", hours=-1)


@breaks("backup-logs")
def the_binary_logs_were_copied_hours_ago(healthy):
    healthy.outcome("last_logs", hours=3)


@breaks("backup-logs")
def the_last_copy_of_the_binary_logs_failed(healthy):
    healthy.outcome("last_logs", hours=0, is_ok=False)


@breaks("backup-logs")
def the_binary_logs_were_never_copied(healthy):
    (healthy.var / "state" / "last_logs.json").unlink()


@breaks("drill")
def the_last_drill_failed(healthy):
    healthy.outcome("last_drill", hours=1, is_ok=False)


@breaks("drill")
def the_outcome_of_the_drill_is_damaged(healthy):
    (healthy.var / "state" / "last_drill.json").write_text(json.dumps({"at": "yesterday", "ok": True}))


# --- Settings ---------------------------------------------------------------------------------------


@breaks("security.W018", "score-404")  # Django's page of the routes takes the place of the toast
def debug_is_on(healthy):
    healthy.settings.DEBUG = True


@breaks("security.W009")
def the_secret_key_can_be_guessed(healthy):
    healthy.settings.SECRET_KEY = "a" * 60


@breaks("https")
def https_is_off(healthy):
    healthy.settings.SESSION_COOKIE_SECURE = healthy.settings.CSRF_COOKIE_SECURE = False


@breaks("allowed-hosts", level=Level.WARNING)
def every_host_is_admitted(healthy):
    healthy.settings.ALLOWED_HOSTS = ["*"]


@breaks("public-url", level=Level.WARNING)
def printed_codes_lead_elsewhere(healthy):
    healthy.settings.PUBLIC_URL = "https://old.example.cn"


@breaks("redis")
def redis_is_away(healthy):
    healthy.settings.REDIS_URL = "redis://127.0.0.1:1/0"


# --- The table --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("break_it", "ids", "level"), BREAKS)
def test_a_broken_installation_is_named_by_its_line(healthy, break_it, ids, level):
    break_it(healthy)
    found = healthy.examine()
    assert {id: finding.level for id, finding in found.items()} == dict.fromkeys(ids, level), found
    assert all(finding.text and finding.remedy for finding in found.values())


def test_without_jobs_on_this_machine_their_worker_is_not_missed(healthy):
    healthy.settings.JOBS_ELSEWHERE = True
    health.heartbeat_file().unlink(missing_ok=True)
    assert healthy.examine() == {}
    assert healthy.findings["jobs-worker"].level == Level.SKIPPED


@pytest.mark.parametrize(("nodes", "level"), [(3, Level.OK), (2, Level.WARNING), (0, Level.WARNING)])
def test_a_cluster_that_lacks_a_node_is_named(healthy, nodes, level):
    def read_facts():
        facts = database.read_facts()
        assert facts.nodes == 0, "one server"
        variables = {"wsrep_on": "ON", "wsrep_cluster_address": "gcomm://10.0.0.11,10.0.0.12,10.0.0.13"}
        return replace(facts, nodes=nodes, variables=facts.variables | variables)

    healthy.monkeypatch.setattr(installation, "read_facts", read_facts)
    healthy.examine()
    finding = healthy.findings["cluster"]
    assert (finding.level, f"{nodes}" in finding.text) == (level, True)


# --- Checks that cannot run -------------------------------------------------------------------------

OF_DATABASE = {
    "database-version", "cluster", "migrations", "collation", "flush", "binary-log", "sync-binlog", "connections",
    "grants", "database-clock", "django-database",
}  # fmt: skip


def test_without_a_database_its_lines_say_that_they_cannot_run(healthy):
    healthy.database = {"PORT": 1}
    found = healthy.examine()
    assert found.pop("database").level == Level.CRITICAL
    assert {id: finding.level for id, finding in found.items()} == dict.fromkeys(OF_DATABASE, Level.UNKNOWN)


def test_a_database_that_hangs_delays_no_other_check(healthy, monkeypatch):
    monkeypatch.setattr(findings, "SECONDS", 4)
    monkeypatch.setattr(database, "HANGS", 2)
    begun = time.monotonic()
    with healthy.mariadb.frozen():
        found = healthy.examine()
        assert time.monotonic() - begun < 8
    assert found.pop("database").level == Level.CRITICAL
    assert {id: finding.level for id, finding in found.items()} == dict.fromkeys(OF_DATABASE, Level.UNKNOWN)


def test_without_a_server_its_lines_say_that_they_cannot_run(healthy):
    healthy.serve = lambda application: ("127.0.0.1", 1)
    found = healthy.examine()
    assert found.pop("tls-connection").level == Level.CRITICAL
    assert {finding.level for finding in found.values()} == {Level.UNKNOWN}
    assert {id.partition("-")[0] for id in found} == {"tls", "score", "server", "static"}


@pytest.mark.skipif(not NGINX, reason="needs nginx")
@pytest.mark.parametrize(
    ("error_page", "ids"),
    [("", {"score-413"}), ("error_page 413 /_toast; location = /_toast { return 200 '\"数据提交失败\"'; }", set())],
    ids=["as it comes", "with a text for toasts"],
)
def test_the_replies_of_nginx_itself_are_seen(healthy, tmp_path, error_page, ids):
    healthy.serve = lambda application: healthy.stack.enter_context(
        nginx(tmp_path, application, healthy.certificate, error_page)
    )
    assert set(healthy.examine()) == ids


def test_a_server_without_a_binary_log_is_named(healthy, tmp_path):
    with start_mariadb(tmp_path, "--skip-log-bin") as (url, _pid):
        healthy.database |= {"PORT": url.rpartition(":")[2].partition("/")[0]}
        found = healthy.examine()
    assert found["binary-log"].level == Level.WARNING
