"""A real Prometheus that scrapes a server of a test, with the project's configuration and rules."""

import json
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from django.conf import settings

MONITORING = settings.BASE_DIR / "deploy" / "monitoring"

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")), reason="needs Prometheus: bin/setup --prometheus"
)


def promtool(*arguments):
    """The output of promtool in the folder of the rules; fails unless it finds everything right."""
    done = subprocess.run(["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus:
    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"

    def get(self, path):
        with urlopen(f"{self.address}/api/v1/{path}", timeout=10) as reply:
            return json.load(reply)["data"]

    def query(self, expression):
        """The samples of an expression; an HTTPError if it cannot be parsed."""
        return self.get(f"query?query={quote(expression)}")["result"]

    def wait_for(self, condition):
        for _try in range(300):
            try:
                if condition():
                    return
            except OSError:  # it starts
                pass
            time.sleep(0.1)
        pytest.fail("Prometheus did not get there in time")


@contextmanager
def running_prometheus(folder, target):
    """Prometheus with the files of `deploy/monitoring`; it scrapes `target` and evaluates the rules each second."""
    text = (MONITORING / "prometheus.yml").read_text()
    text, changed = re.subn(r"127\.0\.0\.1:18201", target, text)
    assert changed == 1
    text = text.replace(": 15s", ": 1s").replace("- alerts.yml", f"- {MONITORING / 'alerts.yml'}")
    (folder / "prometheus.yml").write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(timeout=20)
