"""Time and size of a backup, a restore, a drill and a recovery, by deploy/'s own scripts on a throw-away MariaDB.

Run by `make bench-backups`, as root on Debian. BENCH_BACKUP_ROWS sets the number of ratings (1,000,000). TMPDIR
names the disk (/tmp). The live server has a buffer pool of 512 MiB, the scratch server its usual one.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grades.tests.helpers.backups import Machine, candidates

ROWS = int(os.environ.get("BENCH_BACKUP_ROWS", "1000000"))
KINDS = {"dump": [], "physical": ["--physical"]}


def measured(what, function, *arguments):
    began = time.monotonic()
    result = function(*arguments)
    seconds = time.monotonic() - began
    size = f"{result.stat().st_size / 2**20:.0f} MiB" if isinstance(result, Path) else ""
    print(f"{what:<60} {seconds:7.1f} s {size:>10}", flush=True)
    return result


def size_of_logs(machine):
    return sum(path.stat().st_size for path in machine.backups.glob("binlog-*")) / 2**20


def restore(machine, backup, *options):
    machine.succeed("restore.sh", backup, "--identity", machine.identity, *options, "--into", "scoring_recovered")
    machine.database.query("DROP DATABASE scoring_recovered")


def main():
    os.environ.setdefault("TMPDIR", "/tmp")
    machine = Machine()
    machine.database.command.append("--innodb-buffer-pool-size=512M")
    try:
        machine.start()
        machine.new_installation()
        del machine.environment["SCRATCH_MEMORY"]
        machine.seconds = 3600
        machine.fill("13", ROWS)
        print(f"{ROWS} ratings")
        measure(machine)
    finally:
        machine.stop()


def measure(machine):
    measured("the binary logs so far", machine.succeed, "backup.sh", "--logs")
    print(f"{'their copies':<60} {size_of_logs(machine):18.0f} MiB")
    for kind, options in KINDS.items():
        backup = measured(f"backup, {kind}", machine.back_up, *options)
        measured(f"restore beside the database, {kind}", restore, machine, backup)
        measured(f"drill, {kind}", machine.succeed, "drill.sh")
    datadir = machine.folder / "new"
    options = [backup, "--identity", machine.identity, "--datadir", datadir]
    away = {"DB_SOCKET": str(machine.folder / "nowhere")}
    measured("restore as the files of a server, physical", lambda: machine.succeed("restore.sh", *options, **away))
    machine.fill("14", ROWS // 10)
    machine.execute("DELETE FROM grade WHERE id % 100 = 0")
    listing = ["--deletes", "grade", "--rows", ROWS // 200, "--identity", machine.identity]
    output = measured("list the deletes", machine.succeed, "restore.sh", *listing)
    position = candidates(output)[-1][0]
    until = f"recover before a DELETE, {ROWS // 10} ratings after the backup"
    measured(until, restore, machine, backup, "--until", position)


if __name__ == "__main__":
    main()
