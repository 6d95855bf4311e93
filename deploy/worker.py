"""gunicorn's threaded worker for the pool of ratings: a thread stays with a connection that keeps asking."""

import select

from gunicorn.workers.gthread import ThreadWorker

PATIENCE = 20  # milliseconds that a thread waits for the next request of the connection it has just answered


class StayingWorker(ThreadWorker):
    """Spares busy connections the way through the main thread and back, which each request takes otherwise.

    A thread stays only while there is one for every connection, so that none waits for a thread that waits.
    """

    def handle(self, conn):
        is_kept = super().handle(conn)
        while is_kept is True and self.alive and self.nr_conns <= self.cfg.threads and asks_again(conn):
            is_kept = super().handle(conn)
        return is_kept


def asks_again(conn):
    if conn.parser.unreader.buf.getvalue():  # read together with the request before it
        return True
    readable = select.poll()
    readable.register(conn.sock, select.POLLIN)
    return bool(readable.poll(PATIENCE))
