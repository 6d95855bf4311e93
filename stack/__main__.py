"""`python -m stack [supervisor|systemd] [STEP …]`: runs the steps on a fresh machine for each process manager.

`--negative` breaks the product in several ways and checks that a step fails each time. As root on Debian; needs
`bin/setup --stack`. STEP: only the steps whose titles contain one of these words (and install.sh).
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .machine import Failed, Machine
from .site import Authority, Site
from .steps import BOTH, STEPS, Step


def show_logs(site):
    """The ends of the logs, after a failure."""
    logs = "/var/log/scoring/*.log /var/log/nginx/scoring*.log"
    _status, output = site.machine.attempt(f"tail -n 15 {logs} 2>&1; systemctl --failed --no-legend")
    print(output)


def run_step(site, step):
    """(seconds, remark), or (seconds, None) if it failed; the reason is printed."""
    began = time.monotonic()
    try:
        remark = step.function(site) or ""
    except (Failed, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        seconds = time.monotonic() - began
        print(f"{site.manager}: {step.title}: FAILED after {seconds:.1f} s: {error}", flush=True)
        return seconds, None
    seconds = time.monotonic() - began
    print(f"{site.manager}: {step.title}: {seconds:.1f} s {remark}", flush=True)
    return seconds, remark


def run_manager(manager, steps, results):
    """Run the steps on a machine of its own until one fails; True if all passed."""
    with tempfile.TemporaryDirectory() as folder, Machine(manager) as machine:
        site = Site(machine, manager, Authority(Path(folder) / "ca"))
        site.prepare()
        for step in steps:
            if manager not in step.managers:
                continue
            results[step.title, manager] = result = run_step(site, step)
            if result[1] is None:
                show_logs(site)
                return False
    return True


def print_table(steps, managers, results):
    width = max(len(step.title) for step in steps) + 2
    print("".join(["step".ljust(width), *(manager.rjust(12) for manager in managers)]))
    for step in steps:
        cells = [results.get((step.title, manager)) for manager in managers]
        texts = ["–" if cell is None else f"{cell[0]:.1f} s" if cell[1] is not None else "FAILED" for cell in cells]
        remark = next((cell[1] for cell in cells if cell and cell[1]), "")
        print("".join([step.title.ljust(width), *(text.rjust(12) for text in texts)]), remark)


def main(arguments):
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    managers = [name for name in BOTH if name in arguments] or list(BOTH)
    words = [word for word in arguments if word not in BOTH]
    steps: list[Step] = [
        step for step in STEPS if not words or step is STEPS[0] or any(word in step.title for word in words)
    ]
    results, began = {}, time.monotonic()
    passed = [run_manager(manager, steps, results) for manager in managers]
    print_table(steps, managers, results)
    outcome = "passed" if all(passed) else "FAILED"
    print(f"stack: {len(results)} steps with {', '.join(managers)} in {time.monotonic() - began:.0f} s: {outcome}")
    return not all(passed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("stack: interrupted")
