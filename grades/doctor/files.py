"""Disks, modes of files, and the signs of life that backups, drills and the worker of the jobs leave in files."""

import json
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from .. import health
from ..jobs import STALE
from .findings import CannotRun, Finding, check, critical, ok, skipped, warning

if TYPE_CHECKING:
    from .installation import Installation

# Shares of a file system that must be free.
DISK_LOW, DISK_FULL = 0.10, 0.03
INODES_LOW, INODES_FULL = 0.10, 0.02


# A timer copies the binary logs every 15 minutes; the hook may take an hour for a file.
LOGS_MAX = timedelta(hours=2)
CLOCK_ERROR = timedelta(minutes=5)

# Where Debian keeps databases, backups and logs.
OF_THE_SYSTEM = ("/var/lib/mysql", "/var/backups", "/var/log")


def used_folders() -> list[Path]:
    folders = [Path(folder) for folder in (settings.VAR_DIR, settings.STATIC_ROOT, *OF_THE_SYSTEM)]
    return [next(folder for folder in (path, *path.parents) if folder.exists()) for path in folders]


def scarcest(share: str) -> tuple[float, Path]:
    """The smallest free share of the file systems that are used, and a folder on it."""
    shares = []
    for folder in used_folders():
        figures = os.statvfs(folder)
        free, total = (figures.f_bavail, figures.f_blocks) if share == "space" else (figures.f_favail, figures.f_files)
        if total:  # some file systems have no fixed number of inodes
            shares.append((free / total, folder))
    return min(shares, default=(1.0, Path("/")))


@check("disk")
def disk_has_space(installation: "Installation") -> Finding:
    share, folder = scarcest("space")
    text = _("%(percent)d %% of the disk of %(folder)s is free.") % {"percent": share * 100, "folder": folder}
    remedy = _("Delete old backups and logs, or enlarge the disk: du -xh / | sort -h | tail")
    return critical(text, remedy) if share < DISK_FULL else warning(text, remedy) if share < DISK_LOW else ok(text)


@check("inodes")
def disk_has_inodes(installation: "Installation") -> Finding:
    share, folder = scarcest("inodes")
    text = _("%(percent)d %% of the inodes of %(folder)s are free.") % {"percent": share * 100, "folder": folder}
    remedy = _("Find the folder with too many files: du --inodes -x / | sort -n | tail")
    return critical(text, remedy) if share < INODES_FULL else warning(text, remedy) if share < INODES_LOW else ok(text)


# --- Modes ------------------------------------------------------------------------------------------


@check("secret-files")
def secrets_are_private(installation: "Installation") -> Finding:
    """The settings, and the other secrets of an installation beside them."""
    if not settings.ENV_FILE:
        return skipped(_("The settings are in the environment and not in a file."))
    file = Path(settings.ENV_FILE)
    secrets = [file, file.with_name("migrate.env"), file.parent / "tls" / "key.pem"]
    found = {path: path.stat() for path in secrets if is_visible(path)}
    if file not in found:
        raise CannotRun(_("%(file)s does not exist.") % {"file": file})
    if readable := [str(path) for path, status in found.items() if status.st_mode & 0o077]:
        names = " ".join(readable)
        return critical(_("Others than the owner can read %(files)s.") % {"files": names}, f"chmod 600 {names}")
    if found[file].st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        return warning(
            _("%(file)s belongs to another user.") % {"file": file},
            _("Make the user of the programs its owner: chown scoring %(file)s") % {"file": file},
        )
    return ok(_("Only their owner can read the files with secrets."))


def is_visible(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


@check("data-folders")
def data_is_private(installation: "Installation") -> Finding:
    # The files of jobs are exports of ratings.
    for folder, forbidden, mend in (
        (Path(settings.VAR_DIR), stat.S_IWOTH, "chmod o-w"),
        (Path(settings.JOBS_DIR), 0o077, "chmod 700"),
    ):
        if not folder.exists():
            continue  # the first job makes its folder
        if folder.stat().st_mode & forbidden:
            return critical(_("%(folder)s is open to other users.") % {"folder": folder}, f"{mend} {folder}")
        if not os.access(folder, os.W_OK | os.X_OK):
            return critical(
                _("This user cannot write to %(folder)s.") % {"folder": folder},
                _("Run this command as the user of the programs; if it is that user: chown scoring %(folder)s")
                % {"folder": folder},
            )
    return ok(_("The folders of data are private, and this user can write to them."))


# --- Signs of life ----------------------------------------------------------------------------------


@check("jobs-worker")
def worker_of_jobs_is_alive(installation: "Installation") -> Finding:
    if settings.JOBS_ELSEWHERE:
        return skipped(_("The background jobs run on another machine: JOBS_ELSEWHERE."))
    remedy = _("Start the program `jobs` (manage.py run_jobs), and see its log.")
    age = health.seconds_since_beat()
    if age is None:
        return critical(_("No worker of the background jobs has run yet."), remedy)
    if age > STALE.total_seconds():
        return critical(
            _("The worker of the background jobs has been silent for %(minutes)d minutes.") % {"minutes": age / 60},
            remedy,
        )
    return ok(_("The worker of the background jobs is alive."))


@dataclass(frozen=True)
class Texts:
    """What is said of a script that has left its outcome in a file; `hours` are since then."""

    never: str
    failed: str
    late: str
    fine: str
    remedy: str


@check("backup")
def backup_is_recent(installation: "Installation") -> Finding:
    texts = Texts(
        never=_("There has been no backup yet."),
        failed=_("The last backup failed, %(hours)d hours ago."),
        late=_("The last backup was %(hours)d hours ago; at most %(limit)d are allowed."),
        fine=_("The last backup was %(hours)d hours ago."),
        remedy=_("Make one now, and see what it says: scoring backup"),
    )
    return judge_outcome("last_backup.json", timedelta(hours=settings.BACKUP_MAX_HOURS), texts)


@check("backup-logs")
def logs_are_copied(installation: "Installation") -> Finding:
    texts = Texts(
        never=_("The binary logs have not been copied yet: a recovery ends at the last backup."),
        failed=_("The last copy of the binary logs failed, %(hours)d hours ago."),
        late=_("The binary logs were last copied %(hours)d hours ago; at most %(limit)d are allowed."),
        fine=_("The binary logs were last copied %(hours)d hours ago."),
        remedy=_("Copy them now, and see what it says: scoring backup --logs"),
    )
    return judge_outcome("last_logs.json", LOGS_MAX if settings.BACKUP_MAX_HOURS else timedelta(), texts)


@check("drill")
def restore_was_tried(installation: "Installation") -> Finding:
    texts = Texts(
        never=_("No backup has been restored for a trial yet."),
        failed=_("The last trial of a restore failed, %(hours)d hours ago: the backups may be of no use."),
        late=_("The last trial of a restore was %(hours)d hours ago; at most %(limit)d are allowed."),
        fine=_("The last trial of a restore was %(hours)d hours ago."),
        remedy=_("Restore into a scratch server, and see what it says: scoring drill"),
    )
    return judge_outcome("last_drill.json", timedelta(days=settings.DRILL_MAX_DAYS), texts)


def judge_outcome(name: str, limit: timedelta, texts: Texts) -> Finding:
    if not limit:
        return skipped(_("It is not expected on this machine: the setting of its age is 0."))
    file = Path(settings.VAR_DIR) / "state" / name
    try:
        outcome = json.loads(file.read_text())
        age = datetime.now(UTC) - datetime.fromisoformat(outcome["at"])
        succeeded = outcome["ok"] is True
    except FileNotFoundError:
        return critical(texts.never, texts.remedy)
    except PermissionError as error:
        raise CannotRun(_("%(file)s cannot be read.") % {"file": file}) from error
    except (ValueError, KeyError, TypeError):
        return critical(_("%(file)s is damaged.") % {"file": file}, texts.remedy)
    if age < -CLOCK_ERROR:
        return critical(
            _("%(file)s has a time in the future: has the clock been wrong?") % {"file": file}, texts.remedy
        )
    hours = {"hours": age / timedelta(hours=1), "limit": limit / timedelta(hours=1)}
    if not succeeded:
        return critical(texts.failed % hours, texts.remedy)
    if age > limit:
        return critical(texts.late % hours, texts.remedy)
    return ok(texts.fine % hours)
