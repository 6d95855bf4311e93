"""The article's program on Python 3, unimproved: a connection for each request, values pasted into the SQL.

It checks only that the grades are numbers. A remark with an apostrophe breaks the statement, and account numbers
must be digits, because there are no quotes around them.
"""

import json

import MySQLdb
from flask import Flask, request
from peers.database import ADDRESS, NAME, TABLE

app = Flask(__name__)


class Database:
    def __init__(self, address, name, charset):
        self.options = {**address, "database": name, "charset": charset}

    def connect(self):
        return MySQLdb.connect(**self.options)


def value(name):
    return json.loads(request.values.get(name))


@app.route("/score", methods=["POST"])
def score():
    acc_nbr = str(value("acc_nbr"))
    grade1, grade2, grade3 = int(value("grade1")), int(value("grade2")), int(value("grade3"))
    txt1, txt2, txt3 = str(value("txt1")), str(value("txt2")), str(value("txt3"))
    connection = Database(ADDRESS, NAME, "utf8mb4").connect()
    cursor = connection.cursor()
    cursor.execute(
        f"""
        INSERT INTO {TABLE} (acc_nbr, grade1, grade2, grade3, txt1, txt2, txt3, insert_time)
        VALUES ({acc_nbr}, {grade1}, {grade2}, {grade3}, '{txt1}', '{txt2}', '{txt3}', NOW())
        """
    )
    stored = cursor.rowcount
    connection.commit()
    cursor.close()
    connection.close()
    return json.dumps("数据提交成功" if stored == 1 else "数据提交失败")
