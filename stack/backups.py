"""Backup, drill and recovery on an installed machine, by the operator's commands of docs/operations.md."""

import json
import re

from .machine import Failed
from .site import expect

KEY = "/root/scoring-backup.key"


def result(site, name):
    """last_NAME.json, read by the user of the programs, as doctor does."""
    return json.loads(site.machine.run(f"runuser -u scoring -- cat /var/lib/scoring/state/last_{name}.json"))


def newest(site, kind):
    return site.machine.run(f"cd /var/backups/scoring && ls {kind}-*").split()[-1]


def make_key(site):
    """The owner's key. Its private half is on the machine only because the drill and the recovery below need it."""
    site.machine.run(f"umask 077; age-keygen -o {KEY} && age-keygen -y {KEY} >/etc/scoring/backup.pub")
    site.machine.run("chmod 644 /etc/scoring/backup.pub")


def backup(site):
    make_key(site)
    site.scoring("backup --physical")
    output = site.scoring("backup")
    seen = result(site, "backup")
    expect("last_backup.json", (True, newest(site, "dump")), (seen["ok"], seen["file"]))
    mode = site.machine.run("stat -c '%U %a' /var/backups/scoring").strip()
    expect("the folder of the backups", "root 700", mode)
    return output.strip().splitlines()[-1]


def timers(site):
    for name in ("backup", "logs", "drill"):
        site.machine.run(f"systemctl is-enabled --quiet scoring-{name}.timer")
        site.machine.run(f"systemctl start scoring-{name}.service", seconds=300)
    expect("the drill by its timer", True, result(site, "drill")["ok"])


def drill(site):
    output = site.scoring("drill", seconds=300)
    site.scoring(f"drill --identity {KEY}", seconds=300)
    expect("last_drill.json", (True, "identity"), tuple(result(site, "drill")[name] for name in ("ok", "key")))
    return output.strip().splitlines()[-1]


BEFORE, AFTER = "删除之前", "删除之后"


def stored(site, database):
    """How many ratings are stored from before and from after the DELETE."""
    statement = "SELECT SUM(txt1 = '{}'), SUM(txt1 = '{}') FROM {}.grade"
    return site.query(statement.format(BEFORE, AFTER, database))


def point_in_time(site):
    """Ratings before and after a DELETE; recovery to the position before it, and its rows back beside newer ones."""
    site.rate(txt1=BEFORE)
    site.query(f"DELETE FROM grade WHERE txt1 = '{BEFORE}'")
    site.rate(txt1=AFTER)
    listing = site.scoring(f"restore --deletes grade --identity {KEY}")
    positions = re.findall(r"(\S+\.\d+:\d+)  \d+ rows deleted", listing)
    if not positions:
        raise Failed(f"the DELETE is not listed:\n{listing}")
    options = f"--until {positions[-1]} --identity {KEY} --into scoring_recovered"
    site.scoring(f"restore {newest(site, 'dump')} {options}", seconds=300)
    expect("ratings before and after the DELETE, recovered", ["1\t0"], stored(site, "scoring_recovered"))
    site.machine.run(
        "mariadb-dump --no-create-info --insert-ignore --complete-insert scoring_recovered grade"
        " | mariadb --binary-mode scoring && mariadb -e 'DROP DATABASE scoring_recovered'"
    )
    expect("ratings before and after the DELETE, live", ["1\t1"], stored(site, "scoring"))
    site.scoring("manage rebuild_daily_scores")


def damaged_backup(site):
    """A drill that cannot fail proves nothing."""
    file = f"/var/backups/scoring/{newest(site, 'dump')}"
    site.machine.run(f"cp -p {file} /root/kept && truncate -s -100 {file}")
    status, output = site.machine.attempt("scoring drill", seconds=300)
    expect("the drill with a damaged backup", (1, True), (status, "it is damaged" in output))
    site.machine.run(f"mv /root/kept {file}")
    expect("last_drill.json", False, result(site, "drill")["ok"])
    site.scoring("drill", seconds=300)
