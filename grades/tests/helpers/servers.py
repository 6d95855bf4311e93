"""Real servers with the settings of production, on the test database."""

import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection

SITE_COMMAND = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"]
SCORE_COMMAND = ["deploy/serve_score.py"]
SCORE_SERVERS = ["gunicorn", "granian"]
STOP_SECONDS = 60  # granian may take 30 seconds if many connections were closed just before


def database_url():
    """The test database, as the server is told of it."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{quote(name)}"))


@functools.cache
def collect_static_files():
    """The hashed static files of production, which the pages of a server name."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"],
        check=True,
        cwd=settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "scoring_site.settings", "SECRET_KEY": settings.SECRET_KEY},
    )


@contextmanager
def running(log_path, command=SITE_COMMAND, **more_settings):
    """Run a server; yields its process, with its `address`. Its log goes to a file.

    It must end with status 0 and must not have logged an account number or a traceback. When the test fails
    or skips, the server is killed at once.
    """
    collect_static_files()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "PORT": port,
        "SCORE_PORT": port,
        **more_settings,
    }
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=log,
            stderr=log,
            cwd=settings.BASE_DIR,
            env=environment,
            start_new_session=True,  # so that its workers can be killed with it
        )
    process.address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(process, log_path)
        yield process
        process.terminate()
        status = process.wait(timeout=STOP_SECONDS)
    except BaseException:  # also pytest's Skipped
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    text = log_path.read_text()
    assert status == 0, text
    assert '\n  File "' not in text, text  # a frame: PrivateFormatter writes no "Traceback"
    assert "13800138000" not in text, "the server's log has an account number"


def wait_until_ready(process, log_path):
    for _ in range(200):
        try:
            urlopen(f"{process.address}/score", timeout=2)
        except OSError as error:
            if hasattr(error, "code"):  # any answer will do
                return
            time.sleep(0.05)
        if process.poll() is not None:
            break
    pytest.fail(f"the server did not start:\n{log_path.read_text()}")


def request(server, method, path, body=None, headers=None):
    """(status, headers, body as text) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


@contextmanager
def kept_connection(server):
    """A socket to send on, and the file to read from: http.client cannot send a request before the last answer."""
    with socket.create_connection(("127.0.0.1", urlsplit(server).port), timeout=20) as client:
        with client.makefile("rb") as answers:
            yield client, answers


def read_answer(answers):
    """(status, body as text) of the next answer on a kept connection."""
    line, length = answers.readline(), 0
    if not line:
        raise ConnectionError("closed without an answer")
    status = int(line.split()[1])
    while (line := answers.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, answers.read(length).decode()
