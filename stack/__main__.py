"""`python -m stack [supervisor|systemd] [STEP …]`: runs the steps on a fresh machine for each process manager.

STEP: only the steps whose titles contain one of these words, and install.sh. `--negative [NAME …]` breaks an
installation in several ways and checks that a step notices each. `--roles` installs a cluster: three database nodes and
two application hosts, each a machine of its own. As root on Debian, after `bin/setup --stack`.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .machine import Failed, Machine
from .negative import run_negatives
from .roles import ROLE_STEPS, cluster
from .site import Authority, Site
from .steps import BOTH, STEPS, install

FAULTS = (Failed, OSError, ValueError, LookupError, subprocess.SubprocessError)


@contextlib.contextmanager
def fresh_site(manager):
    with tempfile.TemporaryDirectory() as folder, Machine(manager) as machine:
        site = Site(machine, manager, Authority(Path(folder) / "ca"))
        site.prepare()
        yield site


def show_logs(site):
    """The ends of the logs, after a failure."""
    logs = "/var/log/scoring/*.log /var/log/nginx/scoring*.log"
    _status, output = site.machine.attempt(f"tail -n 15 {logs} 2>&1; systemctl --failed --no-legend")
    print(output)


def run_step(site, step, name):
    """(seconds, remark); the remark is None if the step failed, and the reason is printed."""
    began = time.monotonic()
    try:
        remark, text = step.function(site) or "", ""
    except FAULTS as error:
        remark, text = None, f" FAILED: {error}"
    seconds = time.monotonic() - began
    print(f"{name}: {step.title}: {seconds:.1f} s {remark or ''}{text}", flush=True)
    return seconds, remark


def run_manager(manager, steps, results):
    """Run the steps on a machine of its own until one fails; True if all passed."""
    began = time.monotonic()
    with fresh_site(manager) as site:
        results["boot a fresh Debian 12", manager] = time.monotonic() - began, ""
        for step in steps:
            if manager not in step.managers:
                continue
            results[step.title, manager] = result = run_step(site, step, manager)
            if result[1] is None:
                show_logs(site)
                return False
    return True


def run_roles(began):
    """Install a cluster and run its steps until one fails; True if all passed."""
    results = {}
    with cluster() as machines:
        results["boot five machines", "cluster"] = time.monotonic() - began, ""
        for step in ROLE_STEPS:
            results[step.title, "cluster"] = result = run_step(machines, step, "cluster")
            if result[1] is None:
                for site in machines.sites:
                    show_logs(site)
                break
    passed = result[1] is not None
    print_table(["cluster"], results)
    outcome = "passed" if passed else "FAILED"
    print(f"stack: {len(results)} steps with a cluster in {time.monotonic() - began:.0f} s: {outcome}")
    return passed


def print_table(managers, results):
    titles = list(dict.fromkeys(title for title, _manager in results))
    width = max(map(len, titles)) + 2
    print("step".ljust(width), *(manager.rjust(12) for manager in managers), sep="")
    for title in titles:
        cells = [results.get((title, manager)) for manager in managers]
        texts = ["–" if cell is None else "FAILED" if cell[1] is None else f"{cell[0]:.1f} s" for cell in cells]
        remarks = " | ".join(cell[1] for cell in cells if cell and cell[1])
        print(title.ljust(width), *(text.rjust(12) for text in texts), f"   {remarks}", sep="")


def main(arguments):
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    words = [word for word in arguments if word not in (*BOTH, "--negative", "--roles")]
    began = time.monotonic()
    if "--negative" in arguments:
        with fresh_site("supervisor") as site:
            return run_negatives(site, words)
    if "--roles" in arguments:
        return not run_roles(began)
    managers = [name for name in BOTH if name in arguments] or list(BOTH)
    steps = [
        step for step in STEPS if not words or step.function is install or any(word in step.title for word in words)
    ]
    results = {}
    passed = [run_manager(manager, steps, results) for manager in managers]
    print_table(managers, results)
    outcome = "passed" if all(passed) else "FAILED"
    print(f"stack: {len(results)} steps with {', '.join(managers)} in {time.monotonic() - began:.0f} s: {outcome}")
    return not all(passed)


if __name__ == "__main__":
    try:
        sys.exit(bool(main(sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit("stack: interrupted")
