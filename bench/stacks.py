"""The stacks: this project's score workers under each of their servers, and its peers, each with a table of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from processes import Server
from store import PEER_TABLE

BENCH = Path(__file__).resolve().parent
PROJECT = BENCH.parent
PROJECT_PYTHON = PROJECT / ".venv/bin/python"
PEERS_BIN = Path(sys.executable).parent

PROJECT_SETTINGS = {"ENV_FILE": "", "SECRET_KEY": "for-benchmarks-only-but-long-enough"}

# Two processes each, for two cores; the article's program had four. For every peer on gunicorn, `sync` and `gthread`
# were both tried: gthread costs less, because it keeps connections.
GUNICORN = [PEERS_BIN / "gunicorn", "--bind=127.0.0.1:{port}", "--log-level=warning", f"--chdir={BENCH}"]
SYNC = [*GUNICORN, "--workers=4"]
GTHREAD = [*GUNICORN, "--workers=2", "--threads=8"]
UVICORN = [PEERS_BIN / "uvicorn", "--host=127.0.0.1", "--port={port}", "--log-level=warning", "--no-access-log"]
UVICORN += ["--workers=2", "--loop=uvloop", "--http=httptools", f"--app-dir={BENCH}"]


@dataclass
class Stack:
    label: str
    command: list
    path: str = "/score"
    strict: bool = True  # refuses invalid ratings


PEERS = {
    "article": Stack("the article's Flask, on Python 3", [*SYNC, "peers.article:app"], strict=False),
    "flask": Stack("Flask, kept connection and parameters", [*GTHREAD, "peers.flask_kept:app"]),
    "fastapi": Stack("FastAPI + asyncmy", [*UVICORN, "peers.fastapi_asyncmy:app"]),
    "fastapi-tuned": Stack("FastAPI + asyncmy, tuned by hand", [*UVICORN, "peers.fastapi_asyncmy:tuned"]),
    "drf": Stack("Django + DRF, the usual way", [*GTHREAD, "peers.usual.wsgi"], "/drf/score"),
    "ninja": Stack("django-ninja", [*GTHREAD, "peers.usual.wsgi"], "/ninja/score"),
    "fastify": Stack("Fastify + mysql2, Node", ["node", BENCH / "peers/fastify/server.js"]),
}
PROJECT_SERVERS = {"granian": "this project, granian", "gunicorn": "this project, gunicorn"}


def manage(url, *arguments, **environment):
    subprocess.run(
        [PROJECT_PYTHON, PROJECT / "manage.py", *arguments],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "DATABASE_URL": url, **PROJECT_SETTINGS, **environment},
        check=True,
    )


def make_site(store, database):
    """Create a database with the project's tables, empty; returns its address."""
    url = store.url(database)
    manage(url, "migrate", "--no-input", "--verbosity=0")
    return url


def project_server(store, name, database, folder, **settings):
    """The score workers in production configuration, on a database from `make_site`."""
    server = Server(
        name,
        [PROJECT / "bin/serve-score"],
        folder,
        **PROJECT_SETTINGS,
        DATABASE_URL=store.url(database),
        SCORE_SERVER=name,
        SCORE_PORT="{port}",
        **settings,
    )
    server.label, server.path, server.table, server.strict = PROJECT_SERVERS[name], "/score", f"{database}.grade", True
    return server


def peer_server(store, name, folder):
    stack, table = PEERS[name], f"rating_{name.replace('-', '_')}"
    store.query(PEER_TABLE.format(table))
    settings = {"DATABASE_URL": store.url(), "TABLE": table, "PORT": "{port}", "NODE_ENV": "production"}
    server = Server(name, stack.command, folder, **settings)
    server.label, server.path, server.table, server.strict = stack.label, stack.path, table, stack.strict
    return server


def office_server(store, database, folder):
    """The server of the staff pages, in production configuration."""
    command = [PROJECT / ".venv/bin/gunicorn", "--config", PROJECT / "deploy/gunicorn.conf.py"]
    server = Server("office", command, folder, **PROJECT_SETTINGS, DATABASE_URL=store.url(database), PORT="{port}")
    server.label = "this project, gunicorn"
    return server
