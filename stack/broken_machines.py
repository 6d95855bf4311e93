"""Machines on which install.sh must stop: it says what to do, changes nothing, and goes on afterwards."""

import time

from .machine import Failed
from .site import DOMAIN, expect


def refused(site, command, text):
    """Run install.sh where it must stop; its message must have `text`."""
    status, output = site.machine.attempt(command, seconds=300)
    if status != 1 or text not in output:
        raise Failed(f"{command}: status {status}, expected 1 and {text!r}:\n{output[-1500:]}")


# What is wrong, how it is caused, how it is mended, other options of install.sh, and what the message must have.
REFUSALS = [
    ("no domain", "", "", "--domain ''", "--domain needs a value"),
    ("not a domain", "", "", "--domain 'score example'", "is not the name of a host"),
    ("a domain that does not resolve", "", "", "--domain nowhere.example.test", "does not resolve: add an A record"),
    ("an unknown option", "", "", "--manager systemd", "unknown option --manager"),
    ("an unknown role", "", "", "--role everything", "--role everything is not known"),
    ("a key of another certificate", "", "", "--key /root/tls/middle.key", "does not fit the certificate"),
    (
        "a certificate without its intermediate", "", "", f"--certificate /root/tls/{DOMAIN}.pem",
        "then every intermediate",
    ),
    (
        "a certificate of another domain", "", "",
        "--certificate /root/tls/other.example.test.chain.pem --key /root/tls/other.example.test.key",
        f"is not for {DOMAIN}",
    ),
    ("a certificate that is missing", "", "", "--certificate /root/none.pem", "cannot read the certificate"),
    (
        "512 MB of memory",
        "sed 's/^MemTotal:.*/MemTotal: 500000 kB/' /proc/meminfo >/run/meminfo;"
        " mount --bind /run/meminfo /proc/meminfo",
        "umount /proc/meminfo", "", "has 488 MB of memory",
    ),
    ("a full disk", "mount -t tmpfs -o size=50m tmpfs /opt", "umount /opt", "", "/opt has 50 MB free and needs"),
    (
        "a port that is taken",
        "systemd-run --quiet --unit=taker python3 -c 'import socket, time;"
        " s = socket.create_server((\"\", 443)); time.sleep(999)'; sleep 1",
        "systemctl stop taker", "", "port 443 is taken by python3",
    ),
]  # fmt: skip


def refusals(site):
    site.authority.leaf("other.example.test")
    for file in site.authority.folder.glob("other*"):
        site.machine.path(f"/root/tls/{file.name}").write_bytes(file.read_bytes())
    script = "dpkg-query -l | wc -l; ls /etc /opt /var/lib /var/log"
    before = site.machine.run(script)
    for name, cause, mend, options, text in REFUSALS:
        site.machine.run(cause or "true")
        try:
            refused(site, site.install_command(options), text)
        finally:
            site.machine.run(mend or "true")
        expect(f"the machine after: {name}", before, site.machine.run(script))
    site.machine.run(f"cp -a {site.tree} /root/评分系统")
    refused(site, site.install_command(tree="/root/评分系统"), "gives no version: rename the folder")
    expect("the machine after a folder without a version", before, site.machine.run(script))
    return f"{len(REFUSALS) + 1} refusals"


def without_a_network(site):
    site.machine.network.cut()
    try:
        refused(site, site.install_command(), "Check the network")
    finally:
        site.machine.network.mend()


def power_cut(site):
    """In the middle of dpkg's work. The next step is install.sh, which must go on."""
    process = site.machine.start(site.install_command())
    try:
        end = time.monotonic() + 300
        while (
            "install ok half"
            not in site.machine.attempt("grep -s half-installed /var/log/dpkg.log && echo install ok half")[1]
        ):
            if time.monotonic() > end or process.poll() is not None:
                raise Failed("install.sh did not come to the packages")
            time.sleep(0.2)
        time.sleep(3)
        site.machine.cut_power()
    finally:
        process.kill()
        process.wait()
    site.machine.boot()


def wrong_password(site):
    for file, user in (("env", "scoring"), ("migrate.env", "scoring_schema")):
        path = f"/etc/scoring/{file}"
        site.machine.run(f"cp -a {path} /root/{file}.kept; sed -i 's#{user}:[^@]*@#{user}:wrong@#' {path}")
        refused(site, site.install_command(), f"refuses the password in DATABASE_URL of {path}")
        # As the message says: without the line, the next run makes a new password.
        site.machine.run(f"sed -i '/^DATABASE_URL=/d' {path}")
        site.machine.run(site.install_command(), seconds=300)
    site.scoring("restart")
    expect("the reply", 200, site.rate()[0])


def other_server_settings(site):
    machine = site.machine
    old = "/etc/mysql/mariadb.conf.d/99-old.cnf"
    machine.run(f"printf '[mariadbd]\\nversion=10.5.9-MariaDB\\n' >{old}; systemctl restart mariadb")
    try:
        refused(site, site.install_command(), "10.11 is the oldest that works")
    finally:
        machine.run(f"rm {old}; systemctl restart mariadb")
    machine.run("mv /etc/scoring/env /root/env.kept")
    try:
        refused(site, site.install_command(), "tables and /etc/scoring/env does not exist")
    finally:
        machine.run("mv /root/env.kept /etc/scoring/env")
