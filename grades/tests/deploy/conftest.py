import os

import pytest

from ..helpers.backups import Machine


@pytest.fixture(scope="session")
def server():
    if os.getuid():
        pytest.skip("needs root")
    machine = Machine()
    try:
        machine.start()
        # Eight chunks of 100,000 ids.
        machine.fill("138", 8000, step=100)
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def machine(server):
    """The server of all tests, with no backup, a new key, and the first ratings only."""
    server.new_installation()
    server.drop_databases()
    server.execute("DELETE FROM grade WHERE acc_nbr NOT LIKE '138%'")
    return server
