"""A network of our own: this process is the application host, and each node has a network namespace.

The host's network is not touched. Everything ends with this process: the namespaces have no other member.
"""

# ruff: noqa: S603, S606, S607 - fixed commands

import os
import subprocess
import sys
from pathlib import Path

INSIDE = "CLUSTER_INSIDE"
HERE = "10.77.0.1"
NETNS = Path("/run/netns")  # where `ip netns` keeps its names
NOBODY = "02:00:00:00:00:99"  # a hardware address that no one has


def address(number):
    return f"10.77.0.{10 + number}"


def name(number):
    return f"n{number}"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)


def enter(module):
    """Run this program again within namespaces for its network, its mounts and its processes."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0:
        sys.exit("make cluster makes network namespaces: run it as root")
    options = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    environment = os.environ | {INSIDE: "1", "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    os.execvpe("unshare", ["unshare", *options, sys.executable, "-m", module, *sys.argv[1:]], environment)


def make(numbers):
    """A bridge on this host, and a namespace with a link to it for each node."""
    NETNS.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", str(NETNS)], check=True)  # seen by this process only
    ip("link", "set", "lo", "up")
    ip("link", "add", "bridge", "type", "bridge")
    ip("addr", "add", f"{HERE}/24", "dev", "bridge")
    ip("link", "set", "bridge", "up")
    for number in numbers:
        ip("netns", "add", name(number))
        ip("link", "add", link(number), "type", "veth", "peer", "name", "eth0", "netns", name(number))
        ip("link", "set", link(number), "master", "bridge", "up")
        ip("-n", name(number), "addr", "add", f"{address(number)}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            ip("-n", name(number), "link", "set", device, "up")


def link(number):
    return f"to-{name(number)}"


def within(number, *command):
    """The command in the namespace of a node."""
    return ["nsenter", f"--net={NETNS / name(number)}", *command]


def cut(number):
    """Pull the cable: nobody reaches the node."""
    ip("link", "set", link(number), "down")


def mend(number):
    ip("link", "set", link(number), "up")


def cut_from(number, others):
    """The node reaches the application, and none of the others: its frames for them go to nobody."""
    for other in others:
        ip("-n", name(number), "neigh", "replace", address(other), "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")


def mend_to(number, others):
    for other in others:
        ip("-n", name(number), "neigh", "del", address(other), "dev", "eth0")
