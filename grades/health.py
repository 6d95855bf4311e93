"""Whether this installation can work: for `/readyz` and `manage.py doctor`."""

import logging
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import Error, connections
from django.db.migrations.executor import MigrationExecutor

from .database.retries import StoreUnavailable, retry_transient
from .jobs import STALE

log = logging.getLogger(__name__)

OK = "ok"
BEAT_SECONDS = 10

# Nothing was pending when this process last looked. Its code does not change, so it need not look again.
is_migrated = threading.Event()


def readiness() -> dict[str, str]:
    """The state of each part that a request or a job needs: "ok", or one word that says what is wrong."""
    database = database_state()
    return {
        "database": database,
        "migrations": migrations_state() if database == OK else "unknown",
        "jobs": jobs_state(),
    }


def database_state() -> str:
    try:
        retry_transient(select_one, using=settings.API_DATABASE)
    except (Error, StoreUnavailable):
        connections[settings.API_DATABASE].close()
        return "unreachable"
    return OK


def select_one() -> None:
    with connections[settings.API_DATABASE].cursor() as cursor:
        cursor.execute("SELECT 1")


# --- Migrations -------------------------------------------------------------------------------------


def migrations_state() -> str:
    if not is_migrated.is_set():
        try:
            if pending_migrations(settings.API_DATABASE):
                return "pending"
        except Error:
            return "unknown"
        is_migrated.set()
    return OK


def pending_migrations(using: str) -> list[str]:
    """The names of the migrations of this code that the database does not have."""
    executor = MigrationExecutor(connections[using])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


# --- The worker of the background jobs --------------------------------------------------------------


def beat() -> None:
    """Leave the worker's sign of life: the time of a file, at most every BEAT_SECONDS."""
    age = seconds_since_beat()
    if age is not None and 0 <= age < BEAT_SECONDS:
        return
    try:
        heartbeat_file().parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        heartbeat_file().touch()
    except OSError as error:
        log.error("no heartbeat: %s cannot be written: %s", heartbeat_file(), error.strerror)


def heartbeat_file() -> Path:
    return Path(settings.VAR_DIR) / "state" / "jobs"


def seconds_since_beat() -> float | None:
    """None if no worker has run yet."""
    try:
        return time.time() - heartbeat_file().stat().st_mtime
    except OSError:
        return None


def jobs_state() -> str:
    if settings.JOBS_ELSEWHERE:
        return OK
    age = seconds_since_beat()
    return OK if age is not None and age < STALE.total_seconds() else "silent"
