"""The database server of all stacks: bin/mariadb starts it and names it in DATABASE_URL."""

import os
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import MySQLdb
from processes import Failure, cpu_seconds

URL = urlsplit(os.environ["DATABASE_URL"])

FIRST_ACCOUNT = 13800000000
SLAP_SECONDS = 300  # the time limit; a run of mariadb-slap takes seconds

# The columns of the article's program, and a primary key. Each peer has a table of its own.
PEER_TABLE = """
CREATE TABLE {} (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    acc_nbr VARCHAR(32) NOT NULL,
    grade1 SMALLINT NOT NULL,
    grade2 SMALLINT NOT NULL,
    grade3 SMALLINT NOT NULL,
    txt1 VARCHAR(500) NOT NULL,
    txt2 VARCHAR(500) NOT NULL,
    txt3 VARCHAR(500) NOT NULL,
    insert_time DATETIME(6) NOT NULL
) CHARACTER SET utf8mb4
"""

# For the database alone: a rating like those of score.lua. On one line: mariadb-slap reads a statement per line.
RATING = (
    "INSERT INTO {} (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time) VALUES"
    " (CONCAT('1', LPAD(FLOOR(RAND() * 1e10), 10, '0')), 5, 4, 3,"
    " '服务态度很好，师傅准时上门，装完还收拾干净了👍', '', '', NOW(6))"
)


class Store:
    def __init__(self):
        self.connection = MySQLdb.connect(
            host=URL.hostname,
            port=URL.port,
            user=URL.username,
            password=URL.password,
            database=URL.path[1:],
            charset="utf8mb4",
            autocommit=True,
        )
        [(pid_file, self.folder, self.version)] = self.query("SELECT @@pid_file, @@datadir, @@version")
        self.pid = int(Path(pid_file).read_text())
        # Every stack keeps its connections for the whole run. Buffer pool and log are sized as on a dedicated server.
        self.query(
            "SET GLOBAL max_connections = 1000, innodb_buffer_pool_size = 1 << 30, innodb_log_file_size = 512 << 20"
        )

    def query(self, sql, values=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def url(self, database=None):
        """The address of a database on this server; creates the database if it does not exist."""
        if database is None:
            return URL.geturl()
        self.query(f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        return URL._replace(path=f"/{database}").geturl()

    def rows(self, table):
        return self.query(f"SELECT COUNT(*) FROM {table}")[0][0]

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def fill(self, database, rows):
        """Insert `rows` ratings for a quarter as many accounts, and four dispatches for each account.

        Most accounts have one to five ratings, a few have hundreds. Returns the number of accounts.
        """
        accounts = max(rows // 4, 1)
        self.query(
            f"""
            INSERT INTO {database}.grade (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)
            SELECT {FIRST_ACCOUNT} + FLOOR(POW(RAND(1), 1.5) * {accounts}),
                1 + seq % 5, 1 + seq DIV 5 % 5, 1 + seq DIV 25 % 5, IF(seq % 3, '', '师傅准时上门，装得很仔细👍'), '',
                IF(seq % 7, '', '希望提前打电话约时间'), NOW(6) - INTERVAL RAND(2) * 365 * 86400 SECOND
            FROM seq_1_to_{rows}
            """
        )
        self.query(
            f"""
            INSERT INTO {database}.account (acc_nbr, customer_name, area, product, pay_type, state, dispatched_on,
                monthly_fee, acct_id)
            SELECT {FIRST_ACCOUNT} + seq % {accounts}, '王芳', '城东', '畅享 99 套餐',
                IF(seq % 2, 'postpaid', 'prepaid'), '在用',
                CURDATE() - INTERVAL seq DIV {accounts} * 30 DAY, 99, 700000000 + seq % {accounts}
            FROM seq_1_to_{rows}
            """
        )
        self.query(f"ANALYZE TABLE {database}.grade, {database}.account")
        return accounts

    def slap(self, table, clients, inserts):
        """Insert ratings by mariadb-slap, one commit for each; returns the seconds."""
        command = ["mariadb-slap", "--no-defaults", f"--host={URL.hostname}", f"--port={URL.port}"]
        command += [f"--user={URL.username}", f"--create-schema={URL.path[1:]}", "--no-drop", "--csv"]
        command += [f"--concurrency={clients}", f"--number-of-queries={inserts}", f"--query={RATING.format(table)}"]
        try:
            result = subprocess.run(
                command,
                env=os.environ | {"MYSQL_PWD": URL.password},
                capture_output=True,
                text=True,
                check=True,
                timeout=SLAP_SECONDS,
            )
        except subprocess.SubprocessError as error:
            raise Failure(f"mariadb-slap failed: {error} {error.stderr or ''}") from error
        return float(result.stdout.split(",")[2])


def flush_milliseconds(folder, times=200):
    """Milliseconds that the disk under `folder` takes to flush 512 bytes: the median."""
    path = Path(folder, "flush")
    seconds = []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 512)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    path.unlink()
    return sorted(seconds)[times // 2] * 1000


def file_system(folder):
    """The type of the file system that holds `folder`, e.g. ext4."""
    command = ["findmnt", "--noheadings", "--output=FSTYPE", f"--target={folder}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
