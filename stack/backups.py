"""Backup, drill and recovery on an installed machine, by the operator's commands of docs/operations.md."""

import json
import re

from .machine import ROOT, Failed
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
        "mariadb-dump --single-transaction --no-create-info --insert-ignore --complete-insert --skip-add-locks"
        " --skip-disable-keys scoring_recovered grade | mariadb --binary-mode scoring"
        " && mariadb -e 'DROP DATABASE scoring_recovered'"
    )
    expect("ratings before and after the DELETE, live", ["1\t1"], stored(site, "scoring"))
    site.scoring("manage rebuild_daily_scores")


ENGLISH, CHINESE = (
    ("operations.md", "### The machine is lost\n"),
    ("operations.zh-hans.md", "### 整台服务器丢失\n"),
)


def commands(page, heading):
    """The scripts of a section that need a value of the operator's."""
    section = (ROOT / "docs" / page).read_text().split(heading)[1].split("\n### ")[0]
    return re.findall(r"^```text\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


LOSS = """
mariadb -e "DROP DATABASE scoring; DROP USER scoring@127.0.0.1, scoring_schema@127.0.0.1; RESET MASTER"
rm -rf /etc/scoring /var/lib/scoring
userdel scoring
"""


def lost_machine(site):
    """Nothing is left but the backups and the private half; the commands of the operator's page bring all back."""
    scripts = commands(*ENGLISH)
    expect("the commands of the Chinese page", scripts, commands(*CHINESE))
    settings, install, restore = scripts[:3]
    kept = "cat /etc/scoring/install.conf; grep -v ^DATABASE_URL= /etc/scoring/env; stat -c '%n %a %U' /etc/scoring/*"
    # The backup is from before a migration.
    site.query("DROP TABLE rate_counter; DELETE FROM django_migrations WHERE name = '0019_rate_counters'")
    site.rate()
    site.scoring("backup")
    site.rate()
    site.scoring("backup --logs")
    before = site.machine.run(kept), site.query("SELECT COUNT(*) FROM grade")
    site.machine.run(f"{site.tree}/deploy/install.sh --uninstall{LOSS}")
    site.machine.run(re.sub(r"settings-\w+\.tar", newest(site, "settings").removesuffix(".zst.age"), settings))
    site.machine.run(f"{site.tree}/{install}", seconds=600)
    output = site.machine.run(
        re.sub(r"dump-\w+\.sql", newest(site, "dump").removesuffix(".zst.age"), restore), seconds=300
    )
    expect("it is migrated", True, "from before a migration" in output)
    expect("the table of the migration", ["rate_counter"], site.query("SHOW TABLES LIKE 'rate_counter'"))
    expect("the settings and the ratings", before, (site.machine.run(kept), site.query("SELECT COUNT(*) FROM grade")))
    expect("the reply", 200, site.rate()[0])


def damaged_backup(site):
    """A drill that cannot fail proves nothing."""
    file = f"/var/backups/scoring/{newest(site, 'dump')}"
    site.machine.run(f"cp -p {file} /root/kept && truncate -s -100 {file}")
    status, output = site.machine.attempt("scoring drill", seconds=300)
    expect("the drill with a damaged backup", (1, True), (status, "it is damaged" in output))
    site.machine.run(f"mv /root/kept {file}")
    expect("last_drill.json", False, result(site, "drill")["ok"])
    site.scoring("drill", seconds=300)
