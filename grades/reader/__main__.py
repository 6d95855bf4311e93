"""`python -m grades.reader csv|xlsx KNOWN-HEADINGS SECONDS MEMORY MAX-ROWS <FILE`

Writes the lines of lines.py to standard output. KNOWN-HEADINGS is a JSON list of casefolded headings, which decide the
separator of a CSV file. SECONDS limits the computing time, MEMORY the address space in bytes. MAX-ROWS is the highest
row number that is read, 0 for no limit.
"""

import io
import json
import os
import resource
import sys
from collections.abc import Sequence
from typing import IO, Any

from .lines import MAX_LINE, encode
from .tables import Refused, Table


def main(kind: str, known: str, seconds: str, memory: str, max_rows: str) -> None:
    limit_process(int(seconds), int(memory))
    output = sys.stdout.buffer
    try:
        try:
            file = io.BufferedReader(SharedInput())
            send_table(output, open_file(file, kind, json.loads(known)), int(max_rows))
        except MemoryError:
            raise Refused("memory") from None
    except Refused as refusal:
        send(output, ["refused", refusal.code, list(refusal.values.items())])
        output.flush()


class SharedInput(io.RawIOBase):
    """The file on standard input, read without its offset, which belongs to the process that opened it."""

    def __init__(self) -> None:
        self.at, self.size = 0, os.fstat(0).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        data = os.pread(0, len(buffer), self.at)
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def limit_process(seconds: int, memory: int) -> None:
    """Set the limits of this process; it never needs more than the site can spare."""
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,  # a core dump would hold customers' data
    }
    for kind, limit in limits.items():
        _soft, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(kind, (limit, hard))
    os.nice(10)  # ratings go first
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")  # if memory is short, this process ends and not the site
    except OSError:
        pass  # not Linux


def open_file(file: IO[bytes], kind: str, known: Sequence[str]) -> Table:
    # Imported here: a CSV file needs no reader of workbooks, and starts in half the time.
    if kind == "csv":
        from .csv import open_csv

        return open_csv(file, known)
    from .workbook import open_workbook

    return open_workbook(file)


def send_table(output: IO[bytes], table: Table, max_rows: int) -> None:
    send(output, ["table", table.headings, table.size])
    while True:
        for number, cells in table.rows():
            if 0 < max_rows < number:
                raise Refused("rows", limit=max_rows)
            send(output, [number, cells], number)
        send(output, ["end"])
        output.flush()


def send(output: IO[bytes], message: Any, number: int = 1) -> None:
    line = encode(message).encode()
    if len(line) > MAX_LINE:
        raise Refused("long row", row=number)
    output.write(line + b"\n")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BrokenPipeError:
        os._exit(0)  # the receiver needs no more; the buffer must not be flushed at exit
