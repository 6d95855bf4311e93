"""The steps of the proof, in their order. A step is a function of the site that raises `Failed`, or returns a remark.

A part of the product with many steps has a module of its own; its steps are named in STEPS here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import backups
from .machine import Failed
from .site import SUCCESS, Site, expect

BOTH = ("supervisor", "systemd")


@dataclass(frozen=True)
class Step:
    """`managers`: with which process managers the step runs."""

    title: str
    function: Callable[[Site], str | None]
    managers: tuple[str, ...] = BOTH


def install(site):
    output = site.machine.run(site.install_command(), seconds=600)
    return output.splitlines()[-1][:60]


def rating(site):
    status, headers, body = site.rate(txt1="第一条评价👍")
    expect("the reply", (200, f'"{SUCCESS}"'), (status, body.decode()))
    rows = site.query("SELECT acc_nbr, grade1, grade2, grade3, txt1 FROM grade WHERE txt1 LIKE '第一条评价%'")
    expect("the row", ["13800138000\t5\t4\t3\t第一条评价👍"], rows)
    if not headers["X-Grade-Receipt"]:
        raise Failed("the reply has no receipt")


STEPS = [
    Step("install.sh", install),
    Step("a rating over TLS", rating),
    Step("backup, dump and physical", backups.backup),
    Step("the timers of backup and drill", backups.timers),
    Step("drill", backups.drill),
    Step("recovery to the position before a DELETE", backups.point_in_time),
    Step("a drill with a damaged backup fails", backups.damaged_backup),
]
