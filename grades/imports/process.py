"""A file is read by `grades.reader`, a process of its own, so that a crash costs one import.

The process reads the file from its standard input and sends JSON lines. Its messages are checked: a file may have
taken it over.
"""

import fcntl
import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from .. import reader
from ..reader.lines import MAX_LINE, decode, is_row
from ..reader.tables import Row, Table
from .refusals import refusal

PROJECT = Path(reader.__file__).parent.parent.parent
CHUNK_BYTES = 1 << 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Limits for the reader of one file.

    `seconds` of computing time, and twice as many of waiting for the reader. `rows`: the highest row number, 0 for no
    limit. `alone`: one such reader at a time on this machine, because each may take `memory`, in bytes.
    """

    seconds: int
    rows: int = 0
    alone: bool = False
    memory: int = 2 << 30  # a workbook within the limits of the reader takes less


# A web page: as many rows as Excel's sheets have.
PAGE = Limits(seconds=120, rows=1 << 20, alone=True)
# A command: its operator can stop it.
COMMAND = Limits(seconds=3600)


@contextmanager
def read_table(file: IO[bytes], kind: str, known: Collection[str], limits: Limits) -> Iterator[Table]:
    """The table in `file`, read by a process of its own.

    Each pass over `rows()` must be finished before the next begins. Raises ImportFailed, here or while the rows are
    read.
    """
    with ExitStack() as stack:
        kept_open = [stack.enter_context(machine_lock())] if limits.alone else []
        source = stack.enter_context(real_file(file))
        command = [sys.executable, "-s", "-m", reader.__name__]
        arguments = [kind, json.dumps(sorted(known)), *map(str, (limits.seconds, limits.memory, limits.rows))]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [*command, *arguments],
                cwd=PROJECT,
                # No secrets of the site.
                env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a crash may quote the file
                pass_fds=kept_open,  # held as long as the process lives
                start_new_session=True,  # Ctrl-C is for the command
            )
        except OSError as error:
            raise refusal("busy") from error
        stack.callback(end, process)
        messages = read_messages(process, 2 * limits.seconds)
        match next(messages):
            case ["table", list(headings), int(size)] if all(isinstance(heading, str) for heading in headings):
                yield Table(headings, lambda: read_pass(messages, limits.rows), size)
            case _:
                raise refusal("crashed")


def end(process: subprocess.Popen[bytes]) -> int:
    """End the process if it still runs; returns its exit status."""
    process.kill()
    if process.stdout:
        process.stdout.close()
    return process.wait()


@contextmanager
def machine_lock() -> Iterator[int]:
    """Hold a lock that one process on this machine can hold; yields its file descriptor.

    Raises ImportFailed if another holds it. The lock is on the folder VAR_DIR: all releases of an installation share
    it.
    """
    folder = Path(settings.VAR_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise refusal("busy") from error
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def real_file(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """`file`, or a temporary copy without a name if it exists in memory only."""
    file.seek(0)
    try:
        file.fileno()
    except OSError:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy
    else:
        yield file


def read_pass(messages: Iterator[Any], max_rows: int) -> Iterator[Row]:
    """The rows up to the end of one pass: at most `max_rows`, or any number if it is 0."""
    for count, message in enumerate(messages, 1):
        if message == ["end"]:
            return
        if not is_row(message) or 0 < max_rows < count:
            raise refusal("crashed")
        yield message


def read_messages(process: subprocess.Popen[bytes], seconds: float) -> Iterator[Any]:
    """The decoded lines of the reader. Raises ImportFailed for a refusal, a crash, and `seconds` of waiting."""
    for line in read_lines(process, seconds):
        failure = None
        try:
            message = decode(line.decode())
            match message:
                case ["refused", code, values]:
                    failure = refusal(code, dict(values))
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise refusal("crashed") from error
        if failure:
            raise failure
        yield message


def read_lines(process: subprocess.Popen[bytes], seconds: float) -> Iterator[bytes]:
    assert process.stdout  # noqa: S101 - a programming error
    output = process.stdout.fileno()
    poll = select.poll()
    poll.register(output, select.POLLIN)
    rest = b""
    while True:
        began = time.monotonic()
        if not poll.poll(max(seconds, 0) * 1000):
            raise refusal("time")
        seconds -= time.monotonic() - began
        chunk = os.read(output, CHUNK_BYTES)
        if not chunk:
            status = end(process)
            logger.warning("The reader of an import ended with status %d.", status)
            raise refusal("time" if status == -signal.SIGXCPU else "crashed")
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            raise refusal("crashed")
        yield from lines
