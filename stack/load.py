"""Ratings that never stop and are never sent again, while something happens to the programs."""

import threading
import time
from collections import Counter

from .machine import Failed
from .site import SUCCESS, expect


class Load:
    """`with Load(site) as load:` sends ratings by threads until the end; then `load.check()`."""

    def __init__(self, site, threads=6):
        self.site = site
        self.number = f"138{time.time_ns() // 1000 % 10**8:08d}"
        self.outcomes = Counter()
        self.slowest = 0
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.send) for _ in range(threads)]

    def send(self):
        while not self.is_over.wait(0.15):  # all come from one address, and nginx allows it 50 requests a second
            began = time.monotonic()
            try:
                status, headers, body = self.site.rate(self.number)
                outcome = "stored" if (status, body.decode()) == (200, f'"{SUCCESS}"') else headers["X-Score-Error"]
            except Exception as error:  # whatever it is, the customer's rating failed
                outcome = f"{type(error).__name__}: {error}"
            self.outcomes[outcome] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def check(self):
        """Fail unless each rating was acknowledged and is stored once; a remark for the table."""
        sent, stored = self.outcomes.total(), self.outcomes["stored"]
        if stored != sent or sent < 100:
            raise Failed(f"{sent - stored} of {sent} ratings failed: {self.outcomes.most_common(5)}")
        rows = self.site.query(
            f"SELECT COUNT(*), COUNT(DISTINCT submission_id) FROM grade WHERE acc_nbr = '{self.number}'"
        )
        expect("rows, and different ids", [f"{sent}\t{sent}"], rows)
        return f"0 of {sent} failed, slowest {self.slowest:.1f} s"


def kill_under_load(site):
    """Stop the processes of a copy first, so that requests are in its hands when they are killed."""
    with Load(site) as load:
        time.sleep(1)
        for port in (18101, 18102):
            site.machine.run(
                f"pids=$(ss -Hltnp sport = :{port} | grep -o 'pid=[0-9]*' | cut -d = -f 2)\n"
                "kill -STOP $pids; sleep 0.4; kill -KILL $pids"
            )
            site.wait_until_ready(port)
            time.sleep(1)
    return load.check()
