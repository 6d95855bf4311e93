"""The database of the Python peers: the server of DATABASE_URL, the table of TABLE."""

import os
from urllib.parse import urlsplit

URL = urlsplit(os.environ["DATABASE_URL"])
ADDRESS = {"host": URL.hostname, "port": URL.port, "user": URL.username, "password": URL.password}
NAME = URL.path[1:]
TABLE = os.environ["TABLE"]
INSERT = (
    f"INSERT INTO {TABLE} (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, NOW())"
)
