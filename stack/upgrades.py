"""Upgrade, rollback, restarts, another certificate and killed programs under load. STACK_RUNS: how often each."""

import os
import subprocess
import time
from pathlib import Path

from .load import Load
from .machine import ROOT, Failed
from .site import DOMAIN, expect

RUNS = int(os.environ.get("STACK_RUNS", "1"))
PROGRAMS = {"score-a": 18101, "score-b": 18102, "web-a": 18201, "web-b": 18202}
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("grades", "{before}")]
    operations = [{operation}]
"""
NEW_COLUMN = 'migrations.AddField("grade", "stack", models.IntegerField(null=True))'
FAILING = "migrations.RunPython(lambda apps, schema_editor: 1 / 0)"


def under_load(site, action):
    with Load(site) as load:
        time.sleep(1)
        action()
        time.sleep(1)
    return load.check()


def repeated(site, what, action):
    return "; ".join(f"{what} {under_load(site, action)}" for _run in range(RUNS))


# --- Releases ---------------------------------------------------------------------------------------


def last_migration():
    return max(path.stem for path in (ROOT / "grades/migrations").glob("[0-9]*.py"))


def add_migration(folder, operation):
    """A migration after those of the checkout."""
    text = MIGRATION.format(before=last_migration(), operation=operation)
    (folder / "grades/migrations/0900_stack.py").write_text(text)


def new_release(site, version, operation="", edit="true"):
    """Pack the checkout with one more migration, and changed by a script in its folder; the archive's path."""
    tree = f"/root/new/{version}"
    site.machine.run("rm -rf /root/new; mkdir -p /root/new")
    site.copy_tree(tree)
    if operation:
        add_migration(site.machine.path(tree), operation)
    site.machine.run(f"cd {tree} && {edit} && tar -czf /root/{version}.tar.gz -C .. {version}")
    return f"/root/{version}.tar.gz"


def live_version(site):
    return Path(site.machine.run("readlink /opt/scoring/current").strip()).name


def expect_live(site, version):
    expect("the live release", version, live_version(site))
    folders = site.machine.run("for pid in $(pgrep -u scoring); do readlink /proc/$pid/cwd || true; done").split()
    expect("what the programs run", {f"/opt/scoring/releases/{version}"}, set(folders))
    expect("trial servers", "", site.machine.run("ss -Hltn 'sport >= :18301 and sport <= :18319'"))


def upgrade_behind_an_export(archive):
    """A script: an upgrade while a transaction has read the ratings, which ends when the upgrade says that it waits."""
    reader = "START TRANSACTION; SELECT COUNT(*) FROM grade; SELECT SLEEP(900)"
    sleepers = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE info = 'SELECT SLEEP(900)'"
    return f"""set -o pipefail
        mariadb scoring -e "{reader}" >/dev/null 2>&1 &
        (
            for _ in $(seq 3000); do
                ! grep -q 'waiting for a long transaction' /root/upgrade.log 2>/dev/null || break
                sleep 0.2
            done
            sleep 3
            mariadb -NBe "{sleepers}" | mariadb
        ) &
        rm -f /root/upgrade.log
        scoring upgrade {archive} | tee /root/upgrade.log
        grep -q 'waiting for a long transaction' /root/upgrade.log"""


def upgrade_and_rollback(site):
    """The first run builds the release; the next ones find it built, and migrate again."""
    before, version, remarks = live_version(site), "scoring-next", []
    archive = new_release(site, version, NEW_COLUMN)
    for run in range(RUNS):
        command = f"scoring upgrade {archive}" if run else upgrade_behind_an_export(archive)
        remarks.append("up " + under_load(site, lambda command=command: site.machine.run(command, 900)))
        expect_live(site, version)
        expect("the new column", 1, len(site.query("SHOW COLUMNS FROM grade LIKE 'stack'")))
        expect("what is kept", {before, version}, set(site.machine.run("ls /opt/scoring/releases").split()))
        expect("upgrade again", f"release {version} is live already\n", site.scoring(f"upgrade {archive}"))
        remarks.append("back " + under_load(site, lambda: site.scoring("rollback", 300)))
        expect_live(site, before)
        site.query("ALTER TABLE grade DROP stack; DELETE FROM django_migrations WHERE name LIKE '0900%'")
    return "; ".join(remarks)


def interrupt(site, archive, signal, moment):
    """Send a signal to an upgrade when a script succeeds: (its status, what it said)."""
    process = site.machine.start(f"scoring upgrade {archive} 2>&1", stdout=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 300
        while site.machine.attempt(moment)[0]:
            if time.monotonic() > end or process.poll() is not None:
                raise Failed("the upgrade did not come to the moment of its interruption")
            time.sleep(0.1)
        site.machine.run(f"kill -{signal} $(pgrep -o -f deploy/upgrade.sh)")
        output = process.communicate(timeout=60)[0] if signal == "TERM" else ""
        return process.wait(60), output
    finally:
        process.kill()


def interrupted_upgrade(site):
    """During the trial and between the restarts. Its score servers start slowly, so that there is time."""
    before, version = live_version(site), "scoring-slow"
    archive = new_release(site, version, edit="sed -i '2i sleep 5' bin/serve-score")
    trial = "pgrep -u scoring -f 'timeout --foreground|^sleep 5'"
    status, output = interrupt(site, archive, "TERM", trial)
    expect(f"the upgrade: {output}", (143, True), (status, f"release {before} is live as before" in output))
    expect("the trial server", "", site.machine.attempt(trial)[1])
    interrupt(site, archive, "KILL", trial)
    site.machine.run("flock --timeout 3 /run/scoring.lock true")
    site.machine.run(f"pkill -u scoring -f 'timeout --foreground'; while {trial}; do sleep 0.1; done")
    expect_live(site, before)
    interrupt(site, archive, "KILL", f"[ $(readlink /opt/scoring/current) = releases/{version} ]")
    expect("scoring status", True, "was interrupted" in site.machine.attempt("scoring status")[1])
    expect("upgrade again", True, "was interrupted: restarting" in site.scoring(f"upgrade {archive}"))
    expect_live(site, version)
    expect("upgrade once more", f"release {version} is live already\n", site.scoring(f"upgrade {archive}"))
    site.scoring("rollback")
    expect_live(site, before)
    site.machine.run(f"rm -r /opt/scoring/releases/{version}")


# What is wrong with a release, what makes it so, and what the message must have. None of it reaches a program.
UNFIT = [
    ("check", {"edit": "echo 'import nothing_here' >>grades/urls.py"}, "does not start with the settings"),
    ("trial", {"edit": "printf '#!/bin/sh\\nexit 1\\n' >bin/serve-score"}, "does not answer on a spare port"),
    ("migration", {"operation": FAILING}, "the migration failed"),
]


def unfit_releases(site):
    """What an upgrade refuses before it touches a program, and what it takes back when a program does not run."""
    machine, before = site.machine, live_version(site)
    site.scoring("restart")
    processes, releases = site.processes(), machine.run("ls -A /opt/scoring/releases")
    machine.run("head -c 100000 /dev/urandom >/root/noise.tar.gz; tar -czf /root/empty.tar.gz -C /etc hostname")
    cases = [("/root/missing.tar.gz", "does not exist"), ("/root/noise.tar.gz", "is not a complete tar archive"),
             ("/root/empty.tar.gz", "holds no release"), ("/opt/scoring/current", "is a release already")]  # fmt: skip
    cases += [(new_release(site, f"unfit-{name}", **fault), message) for name, fault, message in UNFIT]
    for archive, message in cases:
        status, output = machine.attempt(f"scoring upgrade {archive}", 300)
        expect(f"upgrade {archive}: {output}", (1, True), (status, message in output))
        expect("the releases", releases, machine.run("ls -A /opt/scoring/releases"))
        expect("the processes", processes, site.processes())
        expect_live(site, before)
    status, output = machine.attempt("scoring rollback")
    expect("a rollback without a release before", (1, True), (status, "is not there" in output))
    return f"{len(cases) + 1} refused; {goes_back(site, before)}"


def goes_back(site, before):
    """A release whose programs do not start where they should; a trial on a spare port does not see that."""
    archive = new_release(site, "unfit-program", edit="sed -i '2i [ $1 != web-a ] || exit 1' deploy/run-program")
    machine = site.machine

    def fails():
        status, output = machine.attempt(f"scoring upgrade {archive}", 300)
        expect(f"the upgrade: {output}", (1, True), (status, f"release {before} is live again" in output))

    remark = under_load(site, fails)
    expect_live(site, before)
    return f"goes back by itself: {remark}"


# --- Restarts ---------------------------------------------------------------------------------------


def restart_under_load(site):
    return repeated(site, "restart", lambda: site.scoring("restart"))


def certificate_under_load(site):
    """What certbot's hook calls after a renewal: nginx reloads."""
    paths = [f"/root/tls/{DOMAIN}.{ending}" for ending in ("chain.pem", "key")]

    def renew():
        site.authority.leaf(DOMAIN, days=60)
        for path in paths:
            site.machine.path(path).write_bytes((site.authority.folder / Path(path).name).read_bytes())
        site.scoring(f"certificate --certificate {paths[0]} --key {paths[1]}")

    serial = site.serial()
    remark = repeated(site, "reload", renew)
    if site.serial() == serial:
        raise Failed("nginx serves the old certificate")
    return remark


def kill_program(site, name):
    """Kill a program when requests are in its hands: it is stopped for a moment first."""
    port = PROGRAMS.get(name)
    if port:
        pids = f"ss -Hltnp sport = :{port} | grep -o 'pid=[0-9]*' | cut -d = -f 2"
    else:
        pids = "pgrep -u scoring -f run_jobs"
    before = site.machine.run(f"pids=$({pids})\nkill -STOP $pids; sleep 0.4; kill -KILL $pids; echo $pids").split()
    if port:
        site.wait_until_ready(port)
    end = time.monotonic() + 30
    while not (after := site.machine.attempt(pids)[1].split()) or set(after) & set(before):
        if time.monotonic() > end:
            raise Failed(f"{name} was not started again")
        time.sleep(0.2)
    time.sleep(1)


def kill_under_load(site):
    return repeated(site, "kill", lambda: [kill_program(site, name) for name in (*PROGRAMS, "jobs")])
