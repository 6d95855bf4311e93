"""deploy/monitoring: Prometheus loads the files, and every metric that they name is in a scrape of a running site."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from grades.models import Job

from ..helpers.prometheus import MONITORING, needs_prometheus, promtool, running_prometheus
from ..helpers.servers import database_url, request, running
from ..helpers.submissions import FORM, SUCCESS, raw_form

pytestmark = pytest.mark.slow

NAME = re.compile(r"\bscoring_\w+")


def dashboard_expressions():
    """The expressions of the dashboard, with a range in place of Grafana's variable."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [target["expr"].replace("$__rate_interval", "1m") for panel in panels for target in panel.get("targets", [])]


@needs_prometheus
def test_the_files_for_prometheus_are_valid():
    assert "SUCCESS: 19 rules found" in promtool("check", "rules", "--lint-fatal", "alerts.yml")
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")


@needs_prometheus
def test_each_alert_fires_when_it_should():
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")
    rules, tests = ((MONITORING / name).read_text() for name in ("alerts.yml", "alerts.test.yml"))
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) == 19
    fires = set(re.findall(r"alertname: (\w+)\n +exp_alerts:[ \w&]*\n", tests))
    assert fires == set(alerts)


def test_no_panel_of_the_dashboard_covers_another():
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in panels]
    assert all(x + width <= 24 for x, _y, width, _h in places)
    assert not [(a, b) for n, a in enumerate(places) for b in places[:n] if overlap(a, b)]
    assert len(dashboard_expressions()) == 30


def test_grafanas_schema_has_every_field_of_the_dashboard():
    """Grafana's own library reads the file; what it does not know it drops."""
    pytest.importorskip("grafana_foundation_sdk", reason="needs requirements-dev.txt: bin/setup --dev")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    written = json.loads((MONITORING / "dashboard.json").read_text())
    known = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert list(dropped(written, known)) == []


def dropped(written, known, place=""):
    """The places where `known` lacks what was written, or has something else."""
    if isinstance(written, dict) and isinstance(known, dict):
        for key, value in written.items():
            yield from dropped(value, known.get(key), f"{place}/{key}")
    elif isinstance(written, list) and isinstance(known, list) and len(written) == len(known):
        for number, value in enumerate(written):
            yield from dropped(value, known[number], f"{place}/{number}")
    elif written != known:
        yield place


def overlap(one, other):
    (x, y, width, height), (left, top, w, h) = one, other
    return x < left + w and left < x + width and y < top + h and top < y + height


@needs_prometheus
@pytest.mark.django_db(transaction=True)
def test_prometheus_scrapes_a_running_site_and_knows_every_metric(tmp_path, superuser):
    folder = tmp_path / "metrics"
    Job.objects.add("export", superuser, {"list": "account", "query": "", "keys": [], "format": "csv"})
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "METRICS_DIR": str(folder),
    }
    with running(tmp_path / "log", METRICS_DIR=str(folder)) as site:
        worker = subprocess.Popen([sys.executable, "manage.py", "run_jobs"], cwd=settings.BASE_DIR, env=environment)
        try:
            assert request(site.address, "POST", "/score", raw_form(), {"Content-Type": FORM})[::2] == (200, SUCCESS)
            request(site.address, "GET", "/")
            with running_prometheus(tmp_path, site.address.removeprefix("http://")) as prometheus:
                prometheus.wait_for(lambda: prometheus.query("scoring_export_rows_total"))
                assert value(prometheus.query('scoring_ratings_total{outcome="stored"}')) == 1
                assert value(prometheus.query('up{job="scoring"}')) == 1
                prometheus.wait_for(lambda: all(rule["health"] != "unknown" for rule in rules_of(prometheus)))
                rules = rules_of(prometheus)
                assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []
                for expression in dashboard_expressions():
                    prometheus.query(expression)
            text = request(site.address, "GET", "/metrics")[2]
        finally:
            worker.terminate()
            assert worker.wait(timeout=20) == 0
            Job.objects.get().path.unlink(missing_ok=True)
    assert len(rules) == 19
    known = {family(name) for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)}
    expressions = [*dashboard_expressions(), *(rule["query"] for rule in rules)]
    named = {family(name) for expression in expressions for name in NAME.findall(expression)}
    # The server counts on MySQL and MariaDB only.
    assert named - known <= {"scoring_database_connections", "scoring_database_max_connections"}
    assert known <= named


def family(name):
    return re.sub("_(total|bucket|sum|count)$", "", name)


def value(result):
    [sample] = result
    return float(sample["value"][1])


def rules_of(prometheus):
    return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
