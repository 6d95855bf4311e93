"""Where the tables of a benchmark go."""

import os
from pathlib import Path


def publish(text, command):
    """Print the tables, and write them between the marks of the file BENCH_OUT; a file without marks is replaced."""
    print(text)
    if not (name := os.environ.get("BENCH_OUT")):
        return
    path = Path(name)
    content = path.read_text() if path.exists() else ""
    begin, end = (f"<!-- made by {command}: {mark} -->" for mark in ("begin", "end"))
    if begin in content and end in content:
        before, _begin, rest = content.partition(begin)
        text = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    else:
        text += "\n"
    path.write_text(text)
