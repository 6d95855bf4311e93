"""A cluster by install.sh: three database nodes and two application hosts, each a machine of its own.

The first node is a single machine before, so its ratings, receipts and printed codes must outlive the change.
"""

import contextlib
import re
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import backups
from .machine import Failed, Machine
from .site import DOMAIN, Authority, Site, expect
from .steps import Step, install, rating_by_the_mini_program

SILENCE_SECONDS = 8
LIMIT, AT_ONCE = 10, 200  # submissions


@dataclass
class Cluster:
    """`nodes` are the sites of the database nodes, n1 first; `office` and `other` those of the application hosts."""

    nodes: list[Site]
    office: Site
    other: Site
    receipt: str = ""  # of the single machine

    @property
    def sites(self):
        return [*self.nodes, self.office, self.other]

    @property
    def addresses(self):
        return ",".join(site.machine.address for site in self.nodes)

    def install_node(self, node, *more):
        command = f"{node.tree}/deploy/install.sh --role db --nodes {self.addresses}"
        return node.machine.run(" ".join([command, *more]), seconds=600)

    def install_application(self, site):
        options = [f"--role app --nodes {self.addresses} --office {self.office.machine.address}"]
        if site is self.office:
            address = site.machine.address
            options.append(f"--proxies {self.other.machine.address} --redis {address}")
        return site.machine.run(site.install_command(*options), seconds=600)


@contextlib.contextmanager
def cluster():
    names = ("n1", "n2", "n3", "office", "other")
    managers = ("supervisor", "supervisor", "supervisor", "supervisor", "systemd")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        authority = Authority(Path(folder) / "ca")
        machines = [stack.enter_context(Machine(name)) for name in names]
        sites = [Site(machine, manager, authority) for machine, manager in zip(machines, managers, strict=True)]
        for site in sites:
            site.prepare()
        yield Cluster(sites[:3], *sites[3:])


def single_machine(cluster):
    """n1 begins as the whole site, with a rating whose customer keeps the receipt."""
    first = cluster.nodes[0]
    install(first)
    status, headers, _body = first.rate("13800000001")
    expect("the reply of the single machine", 200, status)
    cluster.receipt = headers["X-Grade-Receipt"]


def refusals(cluster):
    first, host = cluster.nodes[0], cluster.office
    for site, command, reason in (
        (first, f"--role db --nodes {cluster.addresses}", "is installed with the role single"),
        (host, f"--role db --nodes {cluster.addresses}", "is one of this machine"),
        (host, "--role app --nodes 10.0.0.1", "name the three nodes"),
        (host, "--role worker", "single, app or db"),
        (first, f"--role single --domain {DOMAIN} --redis {first.machine.address}", "is for an application host"),
        (host, f"--role app --nodes {cluster.addresses} --redis 10.9.9.9", "is not an address of this machine"),
        (host, f"--role app --nodes {cluster.addresses} --domain {DOMAIN} --certbot", "SECRET_KEY made the receipts"),
        (cluster.nodes[1], f"--role db --nodes {cluster.addresses} --new-cluster", "is for the first address"),
        (host, f"--domain {DOMAIN} --nodes {cluster.addresses}", "need --role app or --role db"),
    ):
        status, output = site.machine.attempt(f"{site.tree}/deploy/install.sh {command}")
        expect(f"install.sh {command}", (1, True), (status, reason in output))
        expect("it changed nothing", "", site.machine.attempt("ls -d /opt/scoring/releases/* 2>/dev/null")[1]
               if site is not first else "")  # fmt: skip


def first_node(cluster):
    first = cluster.nodes[0]
    first.machine.run(f"{first.tree}/deploy/install.sh --uninstall")
    # The machines of this test are in networks of their own.
    output = cluster.install_node(first, "--new-cluster --hosts 10.213.%")
    expect("what it says", True, "started a new cluster from this node" in output)
    expect("the rating of the single machine", ["13800000001"], first.query("SELECT acc_nbr FROM grade"))


def other_nodes(cluster):
    for node in cluster.nodes[1:]:
        cluster.install_node(node)
    expect("the last node", "Primary Synced ON 3 nodes\n", cluster.nodes[2].scoring("node status"))
    enabled = [
        node.machine.attempt("systemctl is-enabled scoring-backup.timer 2>&1")[1].strip() == "enabled"
        for node in cluster.nodes
    ]
    expect("the timer of backups, on each node", [False, False, True], enabled)


def copy_settings(source, target, *names):
    target.machine.run("mkdir -p /etc/scoring")
    for name in names:
        content = source.machine.path(f"/etc/scoring/{name}").read_bytes()
        target.machine.path(f"/etc/scoring/{name}").write_bytes(content)


def application_hosts(cluster):
    copy_settings(cluster.nodes[0], cluster.office, "env", "migrate.env")
    cluster.install_application(cluster.office)
    copy_settings(cluster.office, cluster.other, "env")
    cluster.install_application(cluster.other)
    names = cluster.other.machine.run("scoring status").split()
    expect("programs of the host without the office", [True, True, False, False, False],
           [name in names for name in ("score-a", "score-b", "web-a", "web-b", "jobs")])  # fmt: skip
    mode = cluster.other.machine.run("stat -c '%a %U' /etc/scoring/env").strip()
    expect("the mode of the settings", "600 scoring", mode)


def install_again(cluster):
    before = [site.fingerprint() for site in cluster.sites]
    for node in cluster.nodes:
        cluster.install_node(node)
    for host in (cluster.office, cluster.other):
        cluster.install_application(host)
    for site, old in zip(cluster.sites, before, strict=True):
        changed = sorted(old.items() ^ site.fingerprint().items())
        expect(f"what changed on {site.machine.name}", [], changed[:10])


def ratings(cluster):
    """Each host stores ratings, and a receipt of the single machine is still good on each."""
    for number, host in (("13800000002", cluster.office), ("13800000003", cluster.other)):
        expect(f"the reply of {host.machine.name}", 200, host.rate(number)[0])
        for node in cluster.nodes:
            expect("the row on each node", ["1"], node.query(f"SELECT COUNT(*) FROM grade WHERE acc_nbr = '{number}'"))
        status, _headers, body = host.request(
            "GET", "/graderesult?phonenum=13800000001", headers={"X-Grade-Receipt": cluster.receipt}
        )
        expect("the result of an old receipt", (200, True), (status, b"13800000001" in body or "很好".encode() in body))
    rating_by_the_mini_program(cluster.other, cluster.nodes[2])


def office_through_the_other(cluster):
    """Staff who come to the host without the office see its pages and their files."""
    status, _headers, page = cluster.other.request("GET", "/admin/login/")
    expect("the login page", (200, True), (status, b'name="csrfmiddlewaretoken"' in page))
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.decode()):
        status, headers, body = cluster.other.request("GET", path)
        seen = (status, headers.get_all("Cache-Control"), bool(body))
        expect(path, (200, ["public, max-age=31536000, immutable"], True), seen)
    cluster.office.control("stop", "web-a", "web-b")
    status, _headers, page = cluster.other.request("GET", "/admin/login/")
    expect("without the office", (502, True), (status, "网站暂时打不开".encode() in page))
    expect("a rating meanwhile", 200, cluster.other.rate()[0])
    cluster.office.control("start", "web-a", "web-b")
    cluster.office.wait_until_ready()


def rate_limits(cluster):
    """Submissions at once, half of them to each host, first with the counters in the database, then in Redis."""
    hosts = (cluster.office, cluster.other)

    def send(index):
        return hosts[index % 2].rate(number, txt1=f"第{index}次")[0]

    for number, comment in (("13800000011", "s/^REDIS_URL=/#&/"), ("13800000012", "s/^#REDIS_URL=/REDIS_URL=/")):
        for host in hosts:
            host.machine.run(f"sed -i -e '/^RATE_LIMIT_ACCOUNT=/d' -e '{comment}' /etc/scoring/env")
            host.machine.run(f"echo RATE_LIMIT_ACCOUNT={LIMIT}/3600 >>/etc/scoring/env; scoring restart", seconds=120)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = Counter(pool.map(send, range(AT_ONCE)))
        expect("the replies", {200: LIMIT, 429: AT_ONCE - LIMIT}, dict(statuses))
        rows = cluster.nodes[1].query(f"SELECT COUNT(*) FROM grade WHERE acc_nbr = '{number}'")
        expect("the ratings", [str(LIMIT)], rows)
    redis = cluster.office.machine
    keys = "REDISCLI_AUTH=$(sed -n 's|^REDIS_URL=redis://:\\([^@]*\\)@.*|\\1|p' /etc/scoring/env) redis-cli --scan"
    expect("the counters in Redis", (1, 1), (redis.run(keys).count("scoring:rate:"),
           int(cluster.nodes[0].query("SELECT COUNT(*) FROM rate_counter")[0])))  # fmt: skip
    expect("Redis without the password", True, "NOAUTH" in redis.run("redis-cli ping"))
    return f"{LIMIT} of {AT_ONCE} accepted, twice"


def doctor(cluster):
    for host in (cluster.office, cluster.other):
        status, output = host.machine.attempt("scoring doctor --language en", seconds=60)
        remarks = [line for line in output.splitlines() if not line.startswith(("ok ", "skipped "))]
        expect(f"doctor on {host.machine.name}", (0, []), (status, remarks[:10]))
        expect("its line of the cluster", True, "ok cluster: " in output)


def wait_for_the_cluster(node, seconds=60):
    end = time.monotonic() + seconds
    while node.machine.attempt("scoring node status")[1] != "Primary Synced ON 3 nodes\n":
        if time.monotonic() > end:
            raise Failed(f"{node.machine.name} does not come back by itself")
        time.sleep(0.5)


def node_is_lost(cluster):
    """The written node loses its power. Ratings go on, doctor says so, and the node comes back by itself."""
    first, host = cluster.nodes[0], cluster.other
    first.machine.cut_power()
    began = time.monotonic()
    replies = []
    while not replies or replies[-1] != 200:
        if time.monotonic() - began > SILENCE_SECONDS:
            raise Failed(f"no rating within {SILENCE_SECONDS} s: {replies}")
        replies.append(host.rate("13800000004")[0])
    silence = time.monotonic() - began
    status, output = host.machine.attempt("scoring doctor --language en", seconds=60)
    expect("doctor's line", (1, True), (status, "warning cluster: " in output))
    first.machine.boot()
    wait_for_the_cluster(first)
    count = "SELECT COUNT(*) FROM grade WHERE acc_nbr = '13800000004'"
    expect("the ratings on each node", [["1"]] * 3, [node.query(count) for node in cluster.nodes])
    return f"first rating after {silence:.1f} s"


def all_nodes_are_lost(cluster):
    """The power of all nodes fails at once. When it is back, the cluster forms by itself, with every rating."""
    expect("a rating before", 200, cluster.other.rate("13800000005")[0])
    for node in cluster.nodes:
        node.machine.cut_power()
    began = time.monotonic()
    reply = cluster.other.rate("13800000006")
    expect("the reply without a node", (503, True), (reply[0], bool(reply[1]["Retry-After"])))
    for node in cluster.nodes:  # a node that starts alone waits for the others
        node.machine.power_on()
    for node in cluster.nodes:
        node.machine.wait_until_booted()
        wait_for_the_cluster(node)
    silence = time.monotonic() - began
    expect("a rating afterwards", 200, cluster.other.rate("13800000007")[0])
    count = "SELECT COUNT(*) FROM grade WHERE acc_nbr IN ('13800000005', '13800000007')"
    expect("the ratings on each node", [["2"]] * 3, [node.query(count) for node in cluster.nodes])
    return f"all nodes take part after {silence:.1f} s"


def upgrade(cluster):
    """The office's host first, which changes the tables; then the other one, and the scripts of a node."""
    for site in (cluster.office, cluster.other, cluster.nodes[2]):
        site.copy_tree("/root/scoring-2")
        site.scoring("upgrade /root/scoring-2", seconds=300)
        expect("the release", "scoring-2", site.machine.run("readlink -f /opt/scoring/current").strip().split("/")[-1])
    expect("a rating with the new release", 200, cluster.other.rate()[0])
    cluster.other.scoring("rollback", seconds=120)
    expect("a rating after the rollback", 200, cluster.other.rate()[0])


def backup_of_a_node(cluster):
    last = cluster.nodes[2]
    backups.make_key(last)
    last.scoring("backup")
    last.scoring("drill", seconds=300)
    expect("last_drill.json", True, backups.result(last, "drill")["ok"])


def uninstall(cluster):
    host, node = cluster.other, cluster.nodes[1]
    host.machine.run("/root/scoring-1/deploy/install.sh --uninstall")
    expect("HAProxy", "inactive", host.machine.attempt("systemctl is-active haproxy")[1].strip())
    office = cluster.office.machine
    office.run("/root/scoring-1/deploy/install.sh --uninstall")
    left = office.attempt("systemctl is-active redis-server; ls /etc/redis/scoring.conf 2>/dev/null")[1].split()
    expect("Redis", ["inactive"], left)
    node.machine.run("/root/scoring-1/deploy/install.sh --uninstall")
    expect("the node takes part", "Primary Synced ON 3 nodes\n",
           node.machine.run(f"{node.tree}/deploy/cluster/node.sh status"))  # fmt: skip


ROLE_STEPS = [
    Step("a single machine, with a rating", single_machine),
    Step("refusals", refusals),
    Step("it becomes the first node", first_node),
    Step("the other nodes", other_nodes),
    Step("two application hosts", application_hosts),
    Step("install.sh again changes nothing", install_again),
    Step("ratings and an old receipt", ratings),
    Step("the office through the other host", office_through_the_other),
    Step("rate limits of two hosts", rate_limits),
    Step("doctor is content", doctor),
    Step("the written node loses its power", node_is_lost),
    Step("all nodes lose their power", all_nodes_are_lost),
    Step("upgrade and rollback", upgrade),
    Step("backup and drill of the last node", backup_of_a_node),
    Step("uninstall", uninstall),
]
