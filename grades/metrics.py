"""Prometheus metrics: what the processes of one machine count, all in the folder METRICS_DIR.

`start` begins the counting in a process. Until then the functions below return at once, and prometheus_client is not
imported. `scrape.py` reads the folder. No label has a number, a path, or anything else that a client chooses.

A stored rating only appends to two lists, because counting it at once took 3 % of its CPU time (`make profile`). A
thread counts what the lists hold, every second and when the process ends. A process that is killed loses the counts
of its last second.
"""

import fcntl
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ImproperlyConfigured

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# The parts of X-Score-Error by which `/score` refuses a submission.
REFUSED_PARTS = {
    "acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3", "submission_id",
    "body", "content-type", "login", "method", "request",
}  # fmt: skip
STORED = "stored", ""
OUTCOMES = {429: "rate_limited", 500: "failed", 503: "unavailable"}
METHODS = {"GET", "HEAD", "POST"}

RATING_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUEST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
EXPORT_BUCKETS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)


class Numbers:
    """Numbers of one of prometheus_client's files, changed in place: the library makes ten calls for each change."""

    lock = threading.Lock()

    def __init__(self, values: list[Any]) -> None:
        file = values[0]._file
        self.file = memoryview(file._m).cast("d")
        self.places = [file._positions[value._key] // self.file.itemsize for value in values]

    def increment(self, number: int, by: int = 1) -> None:
        place = self.places[number]
        with self.lock:
            self.file[place] += by


class Observations(Numbers):
    """The numbers of a histogram: the sum, and a count for each bucket."""

    def __init__(self, histogram: Any, buckets: tuple[float, ...]) -> None:
        super().__init__([histogram._sum, *histogram._buckets])
        self.buckets = buckets

    def observe(self, amounts: Sequence[float]) -> None:
        total, *buckets = self.places
        with self.lock:
            self.file[total] += sum(amounts)
            for amount in amounts:
                self.file[buckets[bisect_left(self.buckets, amount)]] += 1


class Instruments:
    """The metrics of this process."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        def counter(name: str, text: str, *labels: str) -> Any:
            return Counter(f"scoring_{name}", text, labels, registry=None)

        def gauge(name: str, text: str) -> Any:
            return Gauge(f"scoring_{name}", text, registry=None, multiprocess_mode="livemax")

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Any:
            return Histogram(f"scoring_{name}", text, labels, registry=None, buckets=buckets)

        ratings = counter("ratings", "Submissions to /score by outcome.", "outcome", "reason")
        # All of them from zero on: Prometheus sees no increase in a series that begins with its first event.
        self.outcomes = {labels: number for number, labels in enumerate(all_outcomes())}
        self.ratings = Numbers([ratings.labels(*labels)._value for labels in self.outcomes])
        seconds = histogram("rating_seconds", "Time that a submission took in its view.", RATING_BUCKETS)
        self.rating_seconds = Observations(seconds, RATING_BUCKETS)
        self.requests = counter("requests", "Requests beside /score.", "view", "method", "status")
        self.request_seconds = histogram(
            "request_seconds", "Time until the reply of a request beside /score began.", REQUEST_BUCKETS, "view"
        )
        rows = histogram("group_commit_rows", "Ratings that one statement committed.", BATCH_BUCKETS)
        self.batch_rows = Observations(rows, BATCH_BUCKETS)
        # What `flush` has not counted yet: the seconds of each stored rating, and the rows of each batch.
        self.stored: list[float] = []
        self.batches: list[int] = []
        self.flushing = threading.Lock()
        self.retries = counter("database_retries", "Attempts after a transient error of the database.")
        self.openings = counter("circuit_breaker_openings", "Times that the circuit breaker opened.")
        self.open_until = gauge(
            "circuit_breaker_open_until_timestamp_seconds", "The circuit breaker is open until this time."
        )
        self.worker_seen = gauge("jobs_worker_seen_timestamp_seconds", "When a worker of background jobs last lived.")
        self.exports = histogram("export_seconds", "Time that an export took.", EXPORT_BUCKETS, "format")
        self.export_rows = counter("export_rows", "Rows of exports.", "format")

    def flush(self) -> None:
        """Count the stored ratings and the batches since the last call."""
        with self.flushing:
            seconds, rows = self.stored[:], self.batches[:]
            # Other threads append meanwhile: only what was copied is removed.
            del self.stored[: len(seconds)], self.batches[: len(rows)]
            self.ratings.increment(self.outcomes[STORED], len(seconds))
            self.rating_seconds.observe(seconds)
            self.batch_rows.observe(rows)


instruments: Instruments | None = None
flusher: threading.Thread | None = None


def start(folder: str) -> None:
    """Count in this process from now on, in the folder METRICS_DIR; with an empty name do nothing."""
    global instruments, flusher
    if not folder:
        return
    prepare(folder)
    # The library reads the folder from there only.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue()
    instruments = Instruments()
    if not flusher:
        flusher = threading.Thread(target=flush_every_second, name="metrics", daemon=True)
        flusher.start()
        # Not atexit, which granian's workers skip: they are processes of multiprocessing.
        Finalize(None, flush, exitpriority=0)


def flush() -> None:
    """Count what waits in the lists of this process."""
    if instruments:
        instruments.flush()


def flush_every_second() -> None:
    while True:
        time.sleep(1)
        flush()


@contextmanager
def locked(folder: Path) -> Iterator[TextIO]:
    """Hold off the other processes that start or scrape; yields the file that names the boot."""
    with (folder / "boot_id").open("a+") as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        yield marker


def prepare(folder: str) -> None:
    """Make the folder, and empty it after a boot: its files go by process ids, which mean other processes now.

    Raises `ImproperlyConfigured` if that cannot be done.
    """
    try:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(Path(folder)) as marker:
            marker.seek(0)
            if marker.read() != BOOT_ID.read_text():
                for file in Path(folder).glob("*.db"):
                    file.unlink()
                marker.truncate(0)
                marker.write(BOOT_ID.read_text())
    except OSError as error:
        raise ImproperlyConfigured(
            f"METRICS_DIR: {folder} cannot be used: {error.strerror}. Let this user write there, or set METRICS_DIR="
        ) from error


def counted(view: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The view of `/score`, with its replies counted."""

    def call(request: Any) -> Any:
        begun = time.perf_counter()
        response = view(request)
        count_rating(response, time.perf_counter() - begun)
        return response

    return call


def count_rating(response: Any, seconds: float) -> None:
    if not instruments:
        return
    if response.status_code == 200 and not response.is_duplicate:
        instruments.stored.append(seconds)
    else:
        instruments.ratings.increment(instruments.outcomes[outcome_of(response)])
        instruments.rating_seconds.observe([seconds])


def all_outcomes() -> list[tuple[str, str]]:
    """What `outcome_of` may return."""
    ends = "duplicate", "conflict", "already_rated", *OUTCOMES.values()
    return [STORED, *((end, "") for end in ends), *(("refused", part) for part in [*sorted(REFUSED_PARTS), "other"])]


def outcome_of(response: Any) -> tuple[str, str]:
    """The labels of a reply of `/score`: its outcome, and the part at fault if it is refused."""
    status = response.status_code
    if status == 200:
        return ("duplicate", "") if response.is_duplicate else STORED
    part = response.get("X-Score-Error", "").partition(":")[0]
    if status == 409:
        return ("conflict" if part == "submission_id" else "already_rated"), ""
    if status in OUTCOMES:
        return OUTCOMES[status], ""
    return "refused", part if part in REFUSED_PARTS else "other"


def count_request(view: str, method: str, status: int, seconds: float) -> None:
    if instruments:
        method = method if method in METHODS else "other"
        instruments.requests.labels(view, method, f"{status // 100}xx").inc()
        instruments.request_seconds.labels(view).observe(seconds)


def count_batch(rows: int) -> None:
    if instruments:
        instruments.batches.append(rows)


def count_retry() -> None:
    if instruments:
        instruments.retries.inc()


def count_opening(seconds: float) -> None:
    """The circuit breaker opens for so long."""
    if instruments:
        instruments.openings.inc()
        instruments.open_until.set(time.time() + seconds)


def count_export(file_format: str, rows: int, seconds: float) -> None:
    if instruments:
        instruments.exports.labels(file_format).observe(seconds)
        instruments.export_rows.labels(file_format).inc(rows)


def note_worker() -> None:
    """A worker of background jobs lives."""
    if instruments:
        instruments.worker_seen.set_to_current_time()
