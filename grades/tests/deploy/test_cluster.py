"""deploy/cluster/: what can be checked without a cluster; `make cluster` runs one."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ["my_print_defaults", "mariadb", "envsubst", "ss"])),
    reason="needs the programs of MySQL or MariaDB, gettext-base and iproute2",
)

CLUSTER = settings.BASE_DIR / "deploy/cluster"
ADDRESSES = "10.0.0.11,10.0.0.12,10.0.0.13"


def node_sh(*arguments, **environment):
    done = subprocess.run(
        ["bash", CLUSTER / "node.sh", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", **environment},
    )
    return done.returncode, done.stdout, done.stderr


def test_haproxy_sends_the_packets_that_the_script_explains():
    printed = subprocess.run(
        [sys.executable, CLUSTER / "check_packets.py"], capture_output=True, text=True, check=True
    ).stdout
    login, query = re.findall("=([0-9a-f]+)$", printed, re.MULTILINE)
    sent = re.findall("^    tcp-check send-binary ([0-9a-f]+)$", (CLUSTER / "haproxy.cfg.in").read_text(), re.MULTILINE)
    assert sent == [login, query, "0100000001"]
    for packet in map(bytes.fromhex, sent):
        assert int.from_bytes(packet[:3], "little") == len(packet) - 4


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    ("hours", "is_ok", "status"),
    [(0, "true", 0), (29, "true", 0), (31, "true", 1), (-2, "true", 1), (0, "false", 1), (None, "", 1)],
)
def test_the_status_of_the_last_node_fails_without_a_recent_backup(tmp_path, hours, is_ok, status):
    (tmp_path / "state").mkdir()
    (tmp_path / "install.conf").write_text(f"ROLE=db\nNODES={ADDRESSES}\n")
    for name, age, outcome in (("backup", hours, is_ok), ("logs", 0, "true"), ("drill", 800, "true")):
        if age is not None:
            at = (datetime.now(UTC) - timedelta(hours=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
            (tmp_path / "state" / f"last_{name}.json").write_text(f'{{"at": "{at}", "ok": {outcome}, "last_ok": ""}}\n')
    for name, script in (("systemctl", "exit 0"), ("mariadb", "echo Primary Synced ON 3")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    places = {"CONF_DIR": str(tmp_path), "DATA_DIR": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [settings.BASE_DIR / "deploy/scoring", "status"]
    done = subprocess.run(command, capture_output=True, text=True, env=places)
    assert (done.returncode, done.stderr) == (status, "")
    lines = done.stdout.splitlines()
    assert lines[1] == "Primary Synced ON 3 nodes"
    assert lines[2].endswith("; see journalctl -u scoring-backup -n 20" if status else f"backup: {hours} hours ago")
    assert lines[3:] == ["  logs: 0 hours ago", "  drill: 800 hours ago"]


def test_the_settings_of_a_node_name_itself_and_all_nodes():
    status, out, err = node_sh("config", "n2", "10.0.0.12", ADDRESSES)
    assert (status, err) == (0, "")
    assert "${" not in out
    assert {
        "bind-address = 10.0.0.12",
        "wsrep_node_name = n2",
        "wsrep_node_address = 10.0.0.12",
        f"wsrep_cluster_address = gcomm://{ADDRESSES}",
        "innodb_flush_log_at_trx_commit = 1",
    } <= set(out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("n4", "10.0.0.11", ADDRESSES), "the name must be n1, n2 or n3"),
        (("n1", "10.0.0.1", ADDRESSES), "name three addresses; one must be 10.0.0.1"),
        (("n1", "10.0.0.11", "10.0.0.11,10.0.0.12"), "name three addresses; one must be 10.0.0.11"),
    ],
)
def test_wrong_addresses_of_a_node_are_refused(arguments, message):
    status, out, err = node_sh("config", *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"node.sh: {message}")


@pytest.fixture
def node(tmp_path):
    """The environment of a node whose MariaDB does not run and would leave a mark if it were started."""
    (tmp_path / "data").mkdir()
    (tmp_path / "my.cnf").write_text(
        "[mysqld]\nwsrep_on = ON\nwsrep_node_address = 127.0.0.1\n"
        f"wsrep_cluster_address = gcomm://127.0.0.1,127.0.0.2,127.0.0.3\ndatadir = {tmp_path}/data\n"
        f"[client]\nsocket = {tmp_path}/socket\n"
    )
    return {
        "DATA": str(tmp_path / "data"),
        "DEFAULTS": f"--defaults-file={tmp_path}/my.cnf",
        "START_NODE": f"touch {tmp_path}/started",
        "START_CLUSTER": f"touch {tmp_path}/started",
        "WAIT_SECONDS": "1",
    }


SAVED = "# GALERA saved state\nuuid: 0d7a3c1e-0000-11ef-8000-000000000001\nseqno: -1\nsafe_to_bootstrap: 0\n"


@pytest.mark.parametrize(
    ("command", "saved", "message"),
    [
        (["join"], "", "no other node runs, so there is nothing to join"),
        (["bootstrap"], SAVED, "this node was in a cluster and was not the last one that stopped"),
        (["recover"], SAVED, "give the position of each other node, or lost: 127.0.0.2 127.0.0.3"),
        (["recover", "lost"], SAVED, "give the position of each other node, or lost: 127.0.0.2 127.0.0.3"),
        (["status"], SAVED, "MariaDB does not answer: systemctl status mariadb"),
    ],
)
def test_a_node_is_not_started_at_a_wrong_moment(node, tmp_path, command, saved, message):
    if saved:
        (tmp_path / "data/grastate.dat").write_text(saved)
    status, _out, err = node_sh(*command, **node)
    assert status == 1
    assert err.startswith(f"node.sh: {message}")
    assert not (tmp_path / "started").exists()
    assert not saved or (tmp_path / "data/grastate.dat").read_text() == saved


def test_a_server_without_the_settings_of_a_cluster_is_told_so(node, tmp_path):
    (tmp_path / "my.cnf").write_text("[mysqld]\n")
    status, _out, err = node_sh("bootstrap", **node)
    assert status == 1
    assert err.startswith("node.sh: the settings of the cluster are missing: node.sh config")
