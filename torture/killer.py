"""Kills the server and the database in turn, and plays the process manager that starts them again."""

# ruff: noqa: S311 - chance here guards no secret

import os
import signal
import time
from collections import Counter
from random import Random

from .machines import wait_until

KILLS = ("kill_worker", "kill_master", "kill_database")
# A pack of cards and not a die: in a short run, too, each kind comes up.
DECK = ("kill_worker", "kill_database", *KILLS, "freeze_database", "restart_server")
PAUSE = (1, 3.5)  # seconds between two


class Killer:
    def __init__(self, servers, database, seed, deck, pause, freeze):
        self.servers = servers
        self.database = database
        self.random = Random(f"{seed} killer")
        self.deck = deck
        self.pause = pause
        self.freeze = freeze  # seconds
        self.done = Counter()
        self.last = "none yet"
        self.ended_alone = 0

    @property
    def kills(self):
        return sum(self.done[kind] for kind in KILLS)

    def run(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            for kind in self.random.sample(self.deck, len(self.deck)):
                pause = self.random.uniform(*self.pause)
                if time.monotonic() + pause > deadline:
                    self.wait(max(0, deadline - time.monotonic()))
                    return
                self.wait(pause)
                self.last = kind
                getattr(self, kind)(self.random.choice(self.servers), self.random.random())
                self.done[kind] += 1

    def wait(self, seconds):
        """Wait, and start again what ends by itself."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.ended_alone += sum(program.tend() for program in (*self.servers, self.database))
            time.sleep(0.05)

    def kill_worker(self, server, chance):
        """kill -9 of one worker: its master replaces it."""
        while not (workers := sorted(server.workers())):  # as long as a master starts
            self.wait(0.1)
        os.kill(workers[int(chance * len(workers))], signal.SIGKILL)

    def kill_master(self, server, chance):
        """kill -9 of a master; its workers live on for a moment, as orphans, until the process manager ends them."""
        server.kill_master()
        time.sleep(chance)
        server.kill()
        server.start()

    def kill_database(self, _server, chance):
        """kill -9 of the database, which is back after 0 to 3 seconds and a recovery."""
        self.database.kill()
        time.sleep(3 * chance)
        self.database.start()

    def freeze_database(self, _server, _chance):
        """A database that hangs, and neither answers nor hangs up."""
        self.database.freeze()
        self.wait(self.freeze)
        self.database.thaw()

    def restart_server(self, server, _chance):
        """A stop by the book, as for an update. The frozen database sees to it that there are requests to finish."""
        self.database.freeze()
        time.sleep(1)
        server.terminate()
        time.sleep(0.5)
        self.database.thaw()
        wait_until(server.has_ended, 45, "the server stops on SIGTERM")
        server.kill()
        server.start()
