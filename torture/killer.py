"""Kill servers and the database, and restart them as a process manager does."""

# ruff: noqa: S311 - random numbers guard no secret

import os
import signal
import time
from collections import Counter
from random import Random

from .machines import wait_until

KILLS = ("kill_worker", "kill_master", "kill_database")
# Shuffled and dealt to the end, so that each kind also occurs in a short run.
DECK = ("kill_worker", "kill_database", *KILLS, "freeze_database", "restart_server")
PAUSE = (1, 3.5)  # seconds between two faults: the least and the most


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
        self.ended_unasked = 0

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
        """Wait, and restart a program that ends unasked."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.ended_unasked += sum(program.restart_if_ended() for program in (*self.servers, self.database))
            time.sleep(0.05)

    def kill_worker(self, server, chance):
        """kill -9 of one worker; its master replaces it."""
        while not (workers := sorted(server.workers())):  # none yet while a master starts
            self.wait(0.1)
        os.kill(workers[int(chance * len(workers))], signal.SIGKILL)

    def kill_master(self, server, chance):
        """kill -9 of a master; its workers run on as orphans for up to a second, then the process manager ends them."""
        server.kill_master()
        time.sleep(chance)
        server.kill()
        server.start()

    def kill_database(self, _server, chance):
        """kill -9 of the database, and a restart after 0 to 3 seconds; InnoDB then recovers."""
        self.database.kill()
        time.sleep(3 * chance)
        self.database.start()

    def freeze_database(self, _server, _chance):
        """SIGSTOP the database: it neither answers nor closes connections."""
        self.database.freeze()
        self.wait(self.freeze)
        self.database.thaw()

    def restart_server(self, server, _chance):
        """Stop a server by SIGTERM, as for an update, and start it. The frozen database keeps requests in progress."""
        self.database.freeze()
        time.sleep(1)
        server.terminate()
        time.sleep(0.5)
        self.database.thaw()
        wait_until(server.has_ended, 45, "the server stops on SIGTERM")
        server.kill()
        server.start()
