"""The reply of `/metrics`: what the processes of this machine have counted, and the state of the site."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from .metrics import flush, locked
from .models import Job

ENDED = "ended"  # in place of the process id in the name of a file

TASK = re.compile("last_([a-z]+)")  # the name of a file in VAR_DIR/state


def scrape() -> bytes:
    """All metrics, in Prometheus's text format. Ratings of the last second in other processes may be missing."""
    flush()
    registry = CollectorRegistry()
    registry.register(Processes())
    registry.register(Site())
    return generate_latest(registry)


class Processes:
    """A collector of what the processes of this machine have counted."""

    def collect(self) -> Iterable[Metric]:
        folder = Path(settings.METRICS_DIR)
        with locked(folder):
            add_up_ended(folder)
            return MultiProcessCollector(None, str(folder)).collect()


def add_up_ended(folder: Path) -> None:
    """Add the counts of ended processes up in one file of each kind, and delete their files.

    A scrape takes a millisecond or more for each file. Gauges tell something of a process that lives.
    """
    for file in folder.glob("*.db"):
        kind, *_mode, pid = file.stem.split("_")
        if pid == ENDED or Path("/proc", pid).exists():
            continue
        if kind != "gauge" and file.stat().st_size:  # empty: the process was killed while it made the file
            add_up(file, folder / f"{kind}_{ENDED}.db")
        file.unlink()


def add_up(file: Path, sums: Path) -> None:
    numbers = MmapedDict(str(sums))
    for key, value, _timestamp, _place in MmapedDict.read_all_values_from_file(str(file)):
        numbers.write_value(key, numbers.read_value(key)[0] + value, 0)
    numbers.close()


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"scoring_{name}", text, value)


class Site:
    """A collector of what is read at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        build = GaugeMetricFamily("scoring_build_info", "The release that answers.", labels=["version"])
        build.add_metric([settings.VERSION], 1)
        yield build
        yield gauge(
            "backup_max_age_seconds",
            "BACKUP_MAX_HOURS; 0 on a machine without backups.",
            settings.BACKUP_MAX_HOURS * 3600,
        )
        yield from read_tasks(Path(settings.VAR_DIR, "state"))
        found = read_database()
        yield gauge("database_up", "Whether the database answered this scrape.", bool(found))
        yield from found


def read_tasks(folder: Path) -> Iterator[GaugeMetricFamily]:
    """When the backup and the drill last ran, and whether they succeeded; a file that cannot be read is a failure."""
    ended = GaugeMetricFamily("scoring_task_timestamp_seconds", "When the task last ended.", labels=["task"])
    succeeded = GaugeMetricFamily("scoring_task_success", "Whether the task last succeeded.", labels=["task"])
    for file in sorted(folder.glob("last_*.json")):
        if not (name := TASK.fullmatch(file.stem)):
            continue
        try:
            state = json.loads(file.read_text())
            ended.add_metric([name[1]], datetime.fromisoformat(state["at"]).timestamp())
            succeeded.add_metric([name[1]], state["ok"] is True)
        except (OSError, ValueError, KeyError, TypeError):
            succeeded.add_metric([name[1]], 0)
    yield ended
    yield succeeded


def read_database() -> list[GaugeMetricFamily]:
    """The jobs and the connections; an empty list if the database does not answer."""
    # The alias with short timeouts, by a connection for this scrape only: no request has checked the thread's own.
    connection = connections[settings.API_DATABASE]
    close(connection)
    try:
        return [*read_jobs(), *read_connections(connection)]
    except DatabaseError:
        return []
    finally:
        close(connection)


def close(connection: Any) -> None:
    if not connection.in_atomic_block:
        connection.close()


def read_jobs() -> Iterator[GaugeMetricFamily]:
    rows = Job.objects.using(settings.API_DATABASE).order_by().values_list("state")
    found = {state: counted for state, *counted in rows.annotate(Count("pk"), Min("created_at"), Min("heartbeat"))}
    jobs = GaugeMetricFamily("scoring_jobs", "Background jobs of the last seven days by state.", labels=["state"])
    for state in Job.State.values:
        jobs.add_metric([state], found.get(state, [0])[0])
    yield jobs
    now = timezone.now()
    waiting, running = found.get(Job.State.WAITING), found.get(Job.State.RUNNING)
    yield gauge(
        "job_oldest_waiting_seconds",
        "Age of the background job that has waited longest; 0 if none waits.",
        (now - waiting[1]).total_seconds() if waiting else 0,
    )
    yield gauge(
        "job_oldest_heartbeat_seconds",
        "Age of the oldest heartbeat of a running background job; 0 if none runs.",
        (now - running[2]).total_seconds() if running else 0,
    )


def read_connections(connection: Any) -> Iterator[GaugeMetricFamily]:
    if connection.vendor != "mysql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
        yield gauge("database_connections", "Connections to the database server.", int(cursor.fetchone()[1]))
        cursor.execute("SELECT @@max_connections")
        yield gauge("database_max_connections", "Connections that the server allows.", cursor.fetchone()[0])
