"""The rows of the lists by plain SQL, written without the product's queries. One time zone: UTC+8."""

from datetime import date, timedelta

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from .office import ACCOUNTS, CONFLICTS, CREDITS, GRADES

DUPLICATES = "/admin/grades/repeat/"


def newest_migration():
    """The name of the last migration of grades."""
    return MigrationLoader(connection).graph.leaf_nodes("grades")[0][1]


def local_day(column):
    if connection.vendor == "sqlite":
        return f"DATE({column}, '+8 hours')"
    return f"DATE(DATE_ADD({column}, INTERVAL 8 HOUR))"


def dispatch_of_rating(columns):
    """The newest dispatch of a rating's number up to its day."""
    return f"""(
        SELECT {columns} FROM account WHERE account.number = grade.number
        AND account.dispatched_on <= {local_day("grade.insert_time")} ORDER BY dispatched_on DESC, id DESC LIMIT 1
    )"""


RATINGS_SINCE = f"""
    FROM grade WHERE grade.number = account.number AND account.dispatched_on <= {local_day("grade.insert_time")}
"""
VALID_CREDITS = """
    (SELECT COUNT(*) FROM credit WHERE credit.account_id = account.id
     AND credit.id NOT IN (SELECT credit_id FROM credit_withdrawal))
"""
# list: (table with joins, key, time, first column of the export)
LISTS = {
    GRADES: ("grade", "grade.id", "grade.insert_time", "grade.acc_nbr"),
    ACCOUNTS: ("account", "account.id", "account.dispatched_on", "account.acc_nbr"),
    CREDITS: (
        "credit JOIN account ON account.id = account_id",
        "credit.id",
        "credit.confirmed_at",
        "account.acc_nbr",
    ),
    DUPLICATES: ("grade_repeat", "grade_repeat.id", "grade_repeat.repeated_at", "grade_repeat.repeated_at"),
    CONFLICTS: ("grade_conflict", "grade_conflict.id", "grade_conflict.received_at", "grade_conflict.acc_nbr"),
}
LOWEST = "(CASE WHEN grade1 < grade2 THEN CASE WHEN grade1 < grade3 THEN grade1 ELSE grade3 END ELSE "
LOWEST += "CASE WHEN grade2 < grade3 THEN grade2 ELSE grade3 END END)"
CHOICES = {
    GRADES: {
        ("review", "reviewed"): "review_state <> 'new'",
        ("review", None): "review_state = %s",
        ("lowest", None): f"{LOWEST} <= %s",
        ("remarks", "yes"): "(txt1 <> '' OR txt2 <> '' OR txt3 <> '')",
        ("remarks", "no"): "txt1 = '' AND txt2 = '' AND txt3 = ''",
        ("grade1", None): "grade1 = %s",
        ("grade2", None): "grade2 = %s",
        ("grade3", None): "grade3 = %s",
        ("area", None): f"{dispatch_of_rating('area')} = %s",
        ("product", None): f"{dispatch_of_rating('product')} = %s",
        ("listed", "no"): f"{dispatch_of_rating('id')} IS NULL",
        ("assignee", "me"): "grade.id IN (SELECT grade_id FROM review_assignment)",
        ("words", None): "(INSTR(txt1, %s) OR INSTR(txt2, %s) OR INSTR(txt3, %s))",
    },
    ACCOUNTS: {
        ("area", None): "area = %s",
        ("product", None): "product = %s",
        ("rated", "no"): f"(SELECT COUNT(*) {RATINGS_SINCE}) = 0",
        ("rated", "yes"): f"(SELECT COUNT(*) {RATINGS_SINCE}) > 0",
        ("rated", "more"): f"(SELECT COUNT(*) {RATINGS_SINCE}) > 1",
        ("rated", "low"): f"(SELECT MIN({LOWEST}) {RATINGS_SINCE}) <= 2",
        ("credited", "yes"): f"{VALID_CREDITS} > 0",
    },
    CREDITS: {
        ("clerk", None): "confirmed_by_id = %s",
        ("withdrawn", "yes"): "credit.id IN (SELECT credit_id FROM credit_withdrawal)",
        ("withdrawn", "no"): "credit.id NOT IN (SELECT credit_id FROM credit_withdrawal)",
    },
    DUPLICATES: {},
    CONFLICTS: {("state", "open"): "kept_as_id IS NULL", ("state", "kept"): "kept_as_id IS NOT NULL"},
}


def days_of(period, today):
    """The first and the last day of a shortcut."""
    monday = today - timedelta(days=today.weekday())
    return {
        "today": (today, today),
        "7days": (today - timedelta(days=6), today),
        "last-week": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "month": (today.replace(day=1), today),
    }[period]


def searched(table, text):
    """(condition, parameter) of a search: "whole number", beginning or *last digits."""
    number = f"{table}.number"
    if text.startswith("*"):
        return f"{number} IN (SELECT number FROM account WHERE REPLACE(acc_nbr, '-', '') LIKE %s)", f"%{text[1:]}"
    if text.startswith('"'):
        return f"{number} = %s", text.strip('"')
    return f"{number} LIKE %s", f"{text}%"


def select(path, query, today):
    """[(key, first column of an export)] of the rows of a list, newest first."""
    source, key, time, first_column = LISTS[path]
    day = time if path == ACCOUNTS else local_day(time)
    conditions, parameters = ["1 = 1"], []
    for name, value in query.items():
        if name == "q":
            condition, value = searched(first_column.partition(".")[0], value)
        elif name == "period":
            first, last = days_of(value, today)
            conditions.append(f"{day} >= %s")
            parameters.append(first)
            condition, value = f"{day} <= %s", last
        elif name in ("from", "to"):
            condition, value = f"{day} {'>=' if name == 'from' else '<='} %s", date.fromisoformat(value)
        else:
            condition = CHOICES[path].get((name, value)) or CHOICES[path][name, None]
        conditions.append(condition)
        parameters += [value] * condition.count("%s")
    sql = (
        f"SELECT {key}, {first_column} FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {time} DESC, {key} DESC"
    )
    with connection.cursor() as cursor:
        # SQLite compares dates as texts, and a number with a text never as numbers.
        parameters = [str(value) if isinstance(value, date) else value for value in parameters]
        cursor.execute(sql, [int(value) if value.isdigit() else value for value in parameters])
        return list(cursor.fetchall())
