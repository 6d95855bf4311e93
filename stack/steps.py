"""The steps of the proof, in their order. A step is a function of the site that raises `Failed`, or returns a remark.

A part of the product with many steps has a module of its own; STEPS names its steps in their place.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import backups
from .broken_machines import (
    other_server_settings,
    power_cut,
    refusals,
    refused,
    without_a_network,
    wrong_password,
)
from .machine import ROOT, Failed
from .operations import commands_of_the_page, doctor_is_content
from .replies import replies_of_nginx
from .site import DOMAIN, FAILURE, SUCCESS, Site, expect
from .upgrades import (
    certificate_under_load,
    interrupted_upgrade,
    kill_under_load,
    restart_under_load,
    unfit_releases,
    upgrade_and_rollback,
)

BOTH = ("supervisor", "systemd")
ONE = ("supervisor",)  # the process manager makes no difference
IDLE_MB = 600


@dataclass(frozen=True)
class Step:
    """`managers`: with which process managers the step runs."""

    title: str
    function: Callable[[Site], str | None]
    managers: tuple[str, ...] = BOTH


def install(site):
    output = site.machine.run(site.install_command(), seconds=600)
    for text in (f"https://{DOMAIN} is ready.", "scoring manage createsuperuser", "Set the key of the backups"):
        if text not in output:
            raise Failed(f"install.sh did not say {text!r}:\n{output}")
    return f"{len(output.splitlines())} lines"


def install_again(site):
    before = site.fingerprint()
    output = site.machine.run(site.install_command(), seconds=300)
    reminders = "https://|Make the first login|Set the key of the backups"
    said = [line for line in output.splitlines() if not re.match(reminders, line)]
    expect("what install.sh says that it changes", [], said)
    after = site.fingerprint()
    changed = sorted(before.items() ^ after.items())
    if changed:
        raise Failed(f"a second install.sh changed: {changed[:10]}")
    return f"{len(before)} files and processes unchanged"


def stopped_before_the_act(site):
    """What runs that were killed leave: files that nothing has read. The next run does the rest, and then nothing."""
    machine, settings = site.machine, "sort /etc/scoring/env"
    kept, facts = machine.run(settings), machine.run("cat /etc/scoring/install.conf")
    new_domain = f"{site.tree}/deploy/install.sh --domain other.example.test --no-domain-check --certbot"
    refused(site, new_domain, "does not have other.example.test: add it there")
    expect("the facts after a domain that is refused", facts, machine.run("cat /etc/scoring/install.conf"))
    server = machine.run("pgrep mariadbd")
    machine.run("touch /etc/scoring/.due-mariadb /etc/scoring/.due-nginx; systemctl disable --now scoring-logs.timer")
    if site.manager == "supervisor":
        machine.run("supervisorctl stop 'scoring:*'; supervisorctl remove scoring")
    machine.run("sed -i '/^LOG_FORMAT=/d' /etc/scoring/env; truncate --size=-1 /etc/scoring/env")
    machine.run(site.install_command(), seconds=300)
    expect("the settings", kept, machine.run(settings))
    expect("MariaDB was restarted", False, server == machine.run("pgrep mariadbd"))
    machine.run("systemctl is-enabled scoring-logs.timer && systemctl is-active scoring-logs.timer")
    site.scoring("status")
    install_again(site)


def rating_by_the_mini_program(site, database=None):
    """`database` is the site with the rows, if it is another machine."""
    command = ["node", "stack/phone.js", "rate", f"https://{DOMAIN}", site.machine.address, site.authority.root]
    done = subprocess.run([*command, "13800138000"], cwd=ROOT, capture_output=True, timeout=60, check=True)
    outcome = json.loads(done.stdout)
    expect("the mini program's outcome", (True, SUCCESS), (outcome.get("delivered"), outcome.get("toast")))
    key = outcome["id"].replace("-", "")
    rows = (database or site).query(
        f"SELECT acc_nbr, grade1, grade2, grade3, txt1 FROM grade WHERE submission_id = '{key}'"
    )
    expect("the row", ["13800138000\t5\t4\t3\t很好👍"], rows)


def pages_and_static_files(site):
    expect("the office without a login", (302, "/admin/login/?next=%2Fquery"), site.location("/query"))
    status, _headers, page = site.request("GET", "/admin/login/")
    expect("the login page", (200, True), (status, b'name="csrfmiddlewaretoken"' in page))
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.decode()):
        status, headers, body = site.request("GET", path, headers={"Accept-Encoding": "gzip"})
        seen = (status, headers["Content-Encoding"], "immutable" in (headers["Cache-Control"] or ""), bool(body))
        expect(path, (200, "gzip", True, True), seen)
    status, headers, _body = site.request("GET", "/metrics")
    expect("/metrics from outside", 404, status)
    limits = site.machine.run("grep -h '^Max open files' $(pgrep -u www-data nginx | sed 's#.*#/proc/&/limits#')")
    expect("open files of nginx's workers", {"8192"}, {line.split()[3] for line in limits.splitlines()})
    expect("plain HTTP", (301, f"https://{DOMAIN}/query?x=1"), site.plain("GET", "/query?x=1")[:2])
    expect("a rating in clear", (403, None, f'"{FAILURE}"'), site.plain("POST", "/score"))


def after_a_reboot(site):
    site.machine.reboot()
    site.wait_until_ready()
    site.scoring("status")
    expect("the reply", 200, site.rate()[0])


# What a database needs for a rating that is acknowledged to be there after a power cut, and to be restored to a moment.
DURABLE = {
    "innodb_flush_log_at_trx_commit": "1",
    "sync_binlog": "1",
    "log_bin": "ON",
    "binlog_format": "ROW",
    "character_set_server": "utf8mb4",
}
MAY_NOT = ("CREATE TABLE x (id INT)", "ALTER TABLE grade ADD x INT", "DROP TABLE grade", "TRUNCATE grade_repeat")


def database_and_rights(site):
    names = ", ".join(f"'{name}'" for name in DURABLE)
    rows = site.query(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    expect("MariaDB's settings", DURABLE, dict(row.split("\t") for row in rows))
    expect("the charset", ["utf8mb4\tutf8mb4_bin"], site.query(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
        " WHERE schema_name = 'scoring'"
    ))  # fmt: skip
    for statement in MAY_NOT:
        code = f'from django.db import connection; connection.cursor().execute("{statement}")'
        status, output = site.machine.attempt(f"scoring manage shell -c '{code}'")
        expect(f"the programs' user: {statement}", (1, True), (status, "command denied" in output))
    modes = site.machine.run("stat -c '%a %U %n' /etc/scoring/env /etc/scoring/migrate.env /etc/scoring/tls/key.pem")
    expect("the modes of secrets", [
        "600 scoring /etc/scoring/env", "600 root /etc/scoring/migrate.env", "600 root /etc/scoring/tls/key.pem",
    ], modes.splitlines())  # fmt: skip


def idle_memory(site):
    """Proportional set size: a shared page counts once."""
    script = "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print int(sum / 1024) }'"
    total = int(site.machine.run(script))
    if total > IDLE_MB:
        raise Failed(f"the idle machine uses {total} MiB, more than {IDLE_MB}")
    return f"{total} MiB"


def logs_without_personal_data(site):
    number, remark, code = "13911112222", "REMARKABLE", "printed-code-of-a-dispatch-1"
    expect("the rating", 200, site.rate(number, txt1=remark)[0])
    site.rate(number, grade1=77, txt1=remark)  # refused
    site.request("GET", f"/graderesult?phonenum={number}")
    site.request("GET", f"/query?acc_nbr={number}")
    site.request("GET", f"/r/{code}")
    site.request("GET", f"/score/code?scene={code}")
    site.raw(f"GET /score?n={number} HTTP/1.1\r\nHost: {DOMAIN}\r\nBad Header {number}\r\n\r\n".encode())
    logs = "/var/log/nginx /var/log/scoring"
    for secret in (number, remark, code, "phonenum", site.machine.network.outer):
        found = site.machine.attempt(f"grep -rlF -e {secret} {logs}; journalctl --no-pager | grep -F -e {secret}")[1]
        expect(f"logs with {secret}", "", found)
    last = site.machine.run('grep \'"path":"/score"\' /var/log/nginx/scoring.log | tail -n 1')
    expect("the fields of the log", True, {"id", "status", "cause", "seconds"} <= json.loads(last).keys())


def restart_in_turn(site):
    before = site.processes()
    # A proxy of the network must not be asked for this machine's own programs.
    output = site.machine.run("http_proxy=http://127.0.0.1:9 scoring restart")
    names = ["score-a", "score-b", "web-a", "web-b", "jobs"]
    expect("what it says", [f"restarted {name}" for name in names], output.splitlines())
    if before & site.processes():
        raise Failed("a program was not restarted")


def another_certificate(site):
    """What certbot's hook calls after a renewal."""
    machine = site.machine
    serial = site.serial()
    site.authority.leaf(DOMAIN, days=30)
    for ending in ("chain.pem", "key"):
        file = site.authority.folder / f"{DOMAIN}.{ending}"
        machine.path(f"/root/tls/{file.name}").write_bytes(file.read_bytes())
    command = f"certificate --certificate /root/tls/{DOMAIN}.chain.pem --key /root/tls/{DOMAIN}.key"
    machine.run("echo nonsense >/etc/nginx/conf.d/nonsense.conf")
    refused(site, f"scoring {command}", "nginx refuses its configuration")
    machine.run("rm /etc/nginx/conf.d/nonsense.conf")
    site.scoring(command)  # the files are there, and nginx must read them now
    end = time.monotonic() + 10  # nginx's old workers accept until the new ones have started
    while site.serial() == serial:
        if time.monotonic() > end:
            raise Failed("nginx serves the old certificate")
        time.sleep(0.1)
    serial = site.serial()
    status, output = machine.attempt(
        f"scoring certificate --certificate /root/tls/{DOMAIN}.chain.pem --key /root/tls/middle.key"
    )
    expect("a key of another certificate", (1, True, serial), (status, "does not fit" in output, site.serial()))


# A test authority that speaks ACME as the public ones do, on the machine itself.
PEBBLE = """
apt-get -q -y install --no-install-recommends pebble
mkdir -p /root/pebble /etc/letsencrypt
cat >/root/pebble/config.json <<'JSON'
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80,
 "tlsPort": 443, "certificate": "/root/tls/localhost.chain.pem", "privateKey": "/root/tls/localhost.key"}}
JSON
systemd-run --quiet --unit=pebble --setenv=PEBBLE_VA_NOSLEEP=1 pebble -config /root/pebble/config.json
echo 'server = https://localhost:14000/dir' >/etc/letsencrypt/cli.ini
until curl -sf https://localhost:15000/roots/0 >/usr/local/share/ca-certificates/pebble.crt; do sleep 0.2; done
update-ca-certificates
"""


def certificate_by_certbot(site):
    """The first certificate of an authority, and its renewal by certbot's own command."""
    site.authority.leaf("localhost")
    for file in site.authority.folder.glob("localhost*"):
        site.machine.path(f"/root/tls/{file.name}").write_bytes(file.read_bytes())
    site.machine.run(PEBBLE, seconds=200)
    site.machine.run(f"{site.tree}/deploy/install.sh --certbot --email it@example.test", seconds=300)
    first = site.served_by("Pebble")
    site.machine.run("certbot renew --quiet --force-renewal --no-random-sleep-on-renew", seconds=120)
    end = time.monotonic() + 10
    while site.served_by("Pebble") == first:
        if time.monotonic() > end:
            raise Failed("nginx serves the old certificate after the renewal")
        time.sleep(0.1)
    site.machine.run("systemctl is-enabled certbot.timer")
    # Back to the authority that the other steps trust.
    site.machine.run(site.install_command(), seconds=300)


def uninstall(site):
    kept = site.kept()
    output = site.machine.run(f"{site.tree}/deploy/install.sh --uninstall")
    expect("what it says", True, "These stay" in output)
    expect("the data, the settings and the logs", kept, site.kept())
    gone = "/opt/scoring /etc/nginx/conf.d/scoring.conf /usr/local/sbin/scoring /etc/supervisor/conf.d/scoring.conf"
    expect("what is left", "", site.machine.attempt(f"ls -d {gone} 2>/dev/null")[1])
    expect("its processes", set(), site.processes())


def install_with_old_data(site):
    kept = site.kept()
    site.machine.run(site.install_command(), seconds=300)
    expect("the data and the settings", kept, site.kept())
    expect("the reply", 200, site.rate()[0])


STEPS = [
    Step("refusals before anything is changed", refusals, ONE),
    Step("without a network", without_a_network, ONE),
    Step("a power cut while packages are installed", power_cut, ONE),
    Step("install.sh", install),
    Step("install.sh again changes nothing", install_again),
    Step("install.sh after a run that was killed", stopped_before_the_act),
    Step("a rating by the mini program", rating_by_the_mini_program),
    Step("pages and static files", pages_and_static_files),
    Step("nginx's own replies", replies_of_nginx),
    Step("the database and rights", database_and_rights),
    Step("idle memory", idle_memory),
    Step("logs without personal data", logs_without_personal_data),
    Step("scoring restart", restart_in_turn),
    Step("restart in turn under load", restart_under_load),
    Step("kill -9 of each program under load", kill_under_load),
    Step("another certificate under load", certificate_under_load),
    Step("upgrade and rollback under load", upgrade_and_rollback),
    Step("an upgrade that is interrupted", interrupted_upgrade),
    Step("releases that are unfit", unfit_releases, ONE),
    Step("backup, dump and physical", backups.backup),
    Step("the timers of backup and drill", backups.timers),
    Step("drill", backups.drill),
    Step("recovery to the position before a DELETE", backups.point_in_time),
    Step("doctor is content", doctor_is_content),
    Step("the commands of the operator's page", commands_of_the_page),
    Step("a drill with a damaged backup fails", backups.damaged_backup),
    Step("a lost machine comes back from its backups", backups.lost_machine, ONE),
    Step("another certificate", another_certificate),
    Step("a certificate by certbot, and its renewal", certificate_by_certbot, ONE),
    Step("after a reboot", after_a_reboot),
    Step("a wrong password in the settings", wrong_password, ONE),
    Step("uninstall", uninstall),
    Step("an old MariaDB, and settings that are lost", other_server_settings, ONE),
    Step("install.sh takes the data up again", install_with_old_data),
]
