"""Exports of a million ratings beside the floor: the driver's unbuffered cursor straight into the writer.

Run by `make bench-exports` on a throw-away MariaDB. BENCH_EXPORT_ROWS sets the number of ratings (1,000,000),
BENCH_ROUNDS the rounds (3). Every export runs in a process of its own, so that its memory is its own.
"""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
ROWS = int(os.environ.get("BENCH_EXPORT_ROWS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
HEADINGS = [
    "acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3", "insert_time", "review_state", "review_note",
    "reviewer_id", "reviewed_at",
]  # fmt: skip
# Half as many dispatches as ratings; four of five ratings have one.
FILL = f"""
INSERT INTO account (acc_nbr, customer_name, area, product, pay_type, state, dispatched_on, monthly_fee, acct_id)
SELECT CONCAT('1', 3000000000 + seq * 7919 % {ROWS * 2 // 5}), CONCAT('客户', seq % 9973), CONCAT('区域', seq % 23),
    CONCAT('畅享 ', seq % 199, ' 套餐'), 'postpaid', '在用', '2026-06-01' + INTERVAL seq % 150 DAY, 99, CONCAT('A', seq)
FROM seq_1_to_{ROWS // 2};
INSERT INTO grade (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)
SELECT CONCAT('1', 3000000000 + seq * 104729 % {ROWS // 2}), 1 + seq % 5, 1 + seq * 3 % 5, 1 + seq * 7 % 5,
    IF(seq % 3 = 0, CONCAT('师傅很准时，态度也好。', seq), ''), IF(seq % 5 = 0, '解释得很清楚', ''),
    IF(seq % 7 = 0, '希望装机能再快一点，谢谢', ''),
    '2026-07-01' + INTERVAL seq * 13 SECOND + INTERVAL seq * 7919 % 1000000 MICROSECOND
FROM seq_1_to_{ROWS};
ANALYZE TABLE grade, account
"""


def prepare():
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "scoring_site.settings",
        "ENV_FILE": "",
        "SECRET_KEY": "for-development-tools-only",
    }
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()


def fill():
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for statement in FILL.split(";"):
            cursor.execute(statement)


def floor_rows(statement):
    from django.db import connection
    from MySQLdb.cursors import SSCursor

    connection.ensure_connection()
    cursor = connection.connection.cursor(SSCursor)
    cursor.execute(statement)
    while rows := cursor.fetchmany(1000):
        yield from rows


def floor(file_format, statement, headings, path):
    """The rows of a statement as the driver has them, into the writer."""
    from rustpy_xlsxwriter import write_worksheet

    if file_format == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(floor_rows(statement))
    else:
        write_worksheet((dict(zip(headings, row, strict=True)) for row in floor_rows(statement)), str(path))


def database_cpu():
    """CPU seconds of the throw-away server (bin/mariadb) so far."""
    fields = Path(f"/proc/{os.environ['THROW_AWAY_DATABASE_PID']}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(what, file_format):
    """Run one export in this process; prints its seconds, CPU seconds, memory at most (MiB) and file (MB)."""
    prepare()
    from grades.database.streaming import streaming_alias
    from grades.exports import About, ratings_table, write_export
    from grades.models import Grade

    path = Path(tempfile.mkdtemp(dir=os.environ.get("BENCH_DIR"))) / f"export.{file_format}"
    table = ratings_table(Grade.objects.all())
    began, cpu, database = time.perf_counter(), time.process_time(), database_cpu()
    if what == "table":
        floor(file_format, f"SELECT {', '.join(HEADINGS)} FROM grade", HEADINGS, path)
    elif what == "statement":
        sql, parameters = table.queryset.values_list(*table.values).query.sql_with_params()
        from django.db import connection

        connection.ensure_connection()
        statement = sql % tuple(connection.connection.literal(value).decode() for value in parameters)
        floor(file_format, statement, [str(number) for number in range(len(table.values))], path)
    else:
        with streaming_alias() as alias:
            about = About("", "", "bench")
            assert write_export(table, about, file_format, path, expected=ROWS, using=alias) == ROWS
    result = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "database": database_cpu() - database,
        "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "file": path.stat().st_size / 1e6,
    }
    path.unlink()
    path.parent.rmdir()
    print(json.dumps(result))


NAMES = {"table": "floor: the table", "statement": "floor: our statement", "ours": "ours"}


def main():
    prepare()
    fill()
    results = {}
    print(f"{ROWS:,} ratings, {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    for _round in range(ROUNDS):  # interleaved: the load of the machine changes
        for file_format in ("csv", "xlsx"):
            for what in NAMES:
                run = subprocess.run([sys.executable, __file__, what, file_format], capture_output=True, check=True)
                results.setdefault((file_format, what), []).append(json.loads(run.stdout))
    columns = ["seconds", "× the table's floor", "× our statement's", "CPU of Python, s", "of the database, s"]
    print("| file | |", " | ".join([*columns, "MiB", "file, MB"]), "|")
    print("| --- | --- |" + " ---: |" * (len(columns) + 2))
    for (file_format, what), runs in results.items():

        def ratio(other, runs=runs, file_format=file_format):
            pairs = zip(runs, results[file_format, other], strict=True)
            return median(run["seconds"] / floor["seconds"] for run, floor in pairs)

        middle = {name: median(run[name] for run in runs) for name in runs[0]}
        cells = [f"{middle['seconds']:.1f}", f"{ratio('table'):.2f}", f"{ratio('statement'):.2f}"]
        cells += [f"{middle['cpu']:.1f}", f"{middle['database']:.1f}", f"{middle['MiB']:.0f}", f"{middle['file']:.0f}"]
        print(f"| {file_format.upper()} | {NAMES[what]} |", " | ".join(cells), "|", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    measure(*sys.argv[1:]) if len(sys.argv) > 1 else main()
