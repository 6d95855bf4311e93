"""The database server: what it promises for a rating that is answered, and what the application's user may do."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import Error, connections
from django.utils.translation import gettext as _

from ..health import pending_migrations
from .findings import CannotRun, Finding, check, critical, ok, skipped, warning
from .http import judge_clock

if TYPE_CHECKING:
    from .installation import Installation

CONF = "/etc/mysql/mariadb.conf.d/"
OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
TO_THE_LETTER = "utf8mb4_bin"
COMPARED_TO_THE_LETTER = ("grade", "account", "credit")
NEEDED = {"SELECT", "INSERT", "UPDATE", "DELETE"}
# Rights that change the schema, or reach beyond the application's data.
TOO_MANY = {
    "ALL PRIVILEGES", "CREATE", "ALTER", "DROP", "INDEX", "TRIGGER", "EVENT", "CREATE VIEW", "CREATE ROUTINE",
    "ALTER ROUTINE", "CREATE USER", "SUPER", "FILE", "GRANT OPTION",
}  # fmt: skip
HANGS = 10  # seconds
# The worker of the jobs, a backup, and people.
SPARE_CONNECTIONS = 10


@dataclass(frozen=True)
class Facts:
    variables: dict[str, str]
    version: str
    product: str
    clock_ahead: float  # seconds
    wrong_columns: list[str]
    grants: list[str]
    most_connections: int
    pending: list[str]
    nodes: int  # that this one sees, with itself; 0 without Galera

    def is_on(self, name: str) -> bool:
        return self.variables.get(name, "OFF").upper() in ("ON", "1")


def read_facts() -> Facts | None:
    """None for SQLite, which has none of them."""
    connection = connections["default"]
    if connection.vendor != "mysql":
        return None
    with connection.cursor() as cursor:

        def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

        now = rows("SELECT UNIX_TIMESTAMP(NOW(6))")[0][0]
        clock_ahead = float(now) - time.time()
        variables = dict(rows("SHOW GLOBAL VARIABLES"))
        wrong = rows(
            "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns "
            "WHERE table_schema = DATABASE() "
            "AND (character_set_name NOT IN ('utf8mb4', 'ascii') OR (table_name IN %s AND collation_name <> %s)) "
            "ORDER BY 1",
            COMPARED_TO_THE_LETTER,
            TO_THE_LETTER,
        )
        return Facts(
            variables=variables,
            version=variables["version"],
            product="MariaDB" if "MariaDB" in variables["version"] else "MySQL",
            clock_ahead=clock_ahead,
            wrong_columns=[name for (name,) in wrong],
            grants=[text for (text,) in rows("SHOW GRANTS FOR CURRENT_USER")],
            most_connections=int(rows("SHOW GLOBAL STATUS LIKE 'Max_used_connections'")[0][1]),
            pending=pending_migrations("default"),
            nodes=sum(int(number) for _name, number in rows("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'")),
        )


def facts_of(installation: "Installation") -> Facts | None:
    try:
        facts: Facts | None = installation.database.result()
    except Error as error:
        raise CannotRun(_("The database cannot be used.")) from error
    return facts


def database_check(id: str) -> Callable[[Callable[[Facts], Finding]], Callable[[Facts], Finding]]:
    """Decorate a check that reads the facts; on SQLite it does not apply."""

    def register(function: Callable[[Facts], Finding]) -> Callable[[Facts], Finding]:
        @check(id)
        def with_facts(installation: "Installation") -> Finding:
            facts = facts_of(installation)
            return function(facts) if facts else skipped(_("SQLite has no server."))

        return function

    return register


def in_section(line: str) -> str:
    return _("In a file of %(folder)s, section [mysqld]: %(line)s; then restart the server.") % {
        "folder": CONF,
        "line": line,
    }


@check("database")
def database_can_be_used(installation: "Installation") -> Finding:
    try:
        facts = installation.database.result(HANGS)
    except TimeoutError:
        return critical(
            _("The database has not answered within %(seconds)d seconds.") % {"seconds": HANGS},
            _("See its load, its disk and its log: journalctl -u mariadb -n 50"),
        )
    except Error as error:
        # The driver's message may name the server and the user, and never the password.
        reason = " ".join(str(part) for part in reversed(error.args))
        return critical(
            _("The database cannot be used: %(error)s.") % {"error": reason},
            _("Check DATABASE_URL, and that the server runs: systemctl status mariadb"),
        )
    if facts is None:
        return warning(
            _("The database is SQLite, which one process at a time can write to."),
            _("Use MariaDB or MySQL: DATABASE_URL=mysql://user:password@127.0.0.1:3306/scoring"),
        )
    if facts.is_on("read_only"):
        return critical(_("The database server is read-only."), _("Name the server that takes writes in DATABASE_URL."))
    return ok(_("%(product)s %(version)s answers.") % {"product": facts.product, "version": facts.version})


@database_check("database-version")
def server_is_supported(facts: Facts) -> Finding:
    oldest = OLDEST[facts.product]
    numbers = tuple(int(number) for number in re.findall(r"\d+", facts.version)[:2])
    if numbers < oldest:
        return warning(
            _("%(product)s %(version)s gets no corrections any more.")
            % {"product": facts.product, "version": facts.version},
            _("Upgrade the server to %(product)s %(oldest)s or newer.")
            % {"product": facts.product, "oldest": ".".join(map(str, oldest))},
        )
    return ok(_("The version of the server is supported."))


@database_check("cluster")
def every_node_takes_part(facts: Facts) -> Finding:
    if not facts.is_on("wsrep_on"):
        return skipped(_("The database is one server."))
    # gcomm://10.0.0.11,10.0.0.12,10.0.0.13
    expected = len(facts.variables["wsrep_cluster_address"].split(","))
    numbers = {"nodes": facts.nodes, "expected": expected}
    if facts.nodes < expected:
        return warning(
            _("Only %(nodes)d of %(expected)d database nodes take part: one more loss may stop the site.") % numbers,
            _("Find the missing one and bring it back, on each node: scoring node status, then scoring node join."),
        )
    return ok(_("%(nodes)d of %(expected)d database nodes take part.") % numbers)


@check("migrations")
def no_migration_is_pending(installation: "Installation") -> Finding:
    facts = facts_of(installation)
    pending = facts.pending if facts else pending_migrations("default")
    if pending:
        return critical(
            _("%(count)d migrations are pending, the first is %(name)s.") % {"count": len(pending), "name": pending[0]},
            _(
                "Make the tables those of the release: /opt/scoring/current/deploy/install.sh; without install.sh,"
                " manage.py migrate as the database user that may change the schema."
            ),
        )
    return ok(_("No migration is pending."))


@database_check("collation")
def texts_keep_every_character(facts: Facts) -> Finding:
    if facts.wrong_columns:
        return critical(
            _("These columns have another character set or collation: %(names)s.")
            % {"names": ", ".join(facts.wrong_columns)},
            _("ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE %(collation)s;") % {"collation": TO_THE_LETTER},
        )
    return ok(_("All texts are utf8mb4, and account numbers compare to the letter."))


# --- What an answered rating relies on --------------------------------------------------------------


@database_check("flush")
def commits_are_flushed(facts: Facts) -> Finding:
    if facts.variables["innodb_flush_log_at_trx_commit"] not in ("1", "3"):
        return critical(
            _("The server does not flush each commit: a power failure loses ratings that were answered."),
            in_section("innodb_flush_log_at_trx_commit = 1"),
        )
    return ok(_("Each commit is flushed to disk."))


@database_check("binary-log")
def changes_are_logged(facts: Facts) -> Finding:
    if not facts.is_on("log_bin"):
        return warning(
            _("The server writes no binary log: nothing after the last backup can be restored."),
            in_section("log_bin = binlog"),
        )
    if facts.variables.get("binlog_format", "ROW") != "ROW":  # newer versions of MySQL know no other
        return warning(
            _("The binary log has statements: a deletion cannot be left out of a restore."),
            in_section("binlog_format = ROW"),
        )
    return ok(_("The server writes a binary log of rows."))


@database_check("sync-binlog")
def binary_log_is_flushed(facts: Facts) -> Finding:
    if not facts.is_on("log_bin"):
        return skipped(_("Without a binary log there is nothing to flush."))
    if facts.variables["sync_binlog"] != "1":
        return warning(
            _("The binary log is not flushed at each commit: after a power failure it may lack ratings."),
            in_section("sync_binlog = 1"),
        )
    return ok(_("The binary log is flushed at each commit."))


# --- Connections and rights -------------------------------------------------------------------------


@database_check("connections")
def connections_suffice(facts: Facts) -> Finding:
    most = int(facts.variables["max_connections"])
    # A thread of the site may hold a connection of the pages and one of the mini program's endpoints.
    needed = (
        2 * settings.WEB_WORKERS * settings.WEB_THREADS
        + settings.SCORE_WORKERS * settings.SCORE_THREADS
        + SPARE_CONNECTIONS
    )
    numbers = {"most": most, "needed": needed, "used": facts.most_connections}
    if most < needed:
        return critical(
            _("The server admits %(most)d connections; processes × threads need %(needed)d.") % numbers,
            in_section(f"max_connections = {needed}"),
        )
    if facts.most_connections > 0.9 * most:
        return warning(
            _("Of %(most)d connections %(used)d have been in use at a time.") % numbers,
            in_section(f"max_connections = {2 * most}"),
        )
    return ok(_("The server admits %(most)d connections; processes × threads need %(needed)d.") % numbers)


@database_check("grants")
def user_cannot_change_the_schema(facts: Facts) -> Finding:
    rights = {
        right.strip()
        for grant in facts.grants
        if (match := re.match(r"GRANT (.+?) ON ", grant))
        for right in re.sub(r"\(.*?\)", "", match[1]).split(",")
    }
    if any("WITH GRANT OPTION" in grant for grant in facts.grants):
        rights.add("GRANT OPTION")
    remedy = _("REVOKE ALL, GRANT OPTION FROM the user, then GRANT SELECT, INSERT, UPDATE, DELETE ON its database.")
    if found := sorted(rights & TOO_MANY):
        return warning(
            _("The application's database user has rights that it does not need: %(rights)s.")
            % {"rights": ", ".join(found)},
            remedy,
        )
    if missing := sorted(NEEDED - rights):
        return critical(
            _("The application's database user lacks the rights %(rights)s.") % {"rights": ", ".join(missing)}, remedy
        )
    return ok(_("The application's database user may read and write rows and nothing else."))


@database_check("database-clock")
def database_has_the_time(facts: Facts) -> Finding:
    return judge_clock(
        facts.clock_ahead, _("The clock of the database server differs from this machine's by %(seconds)d s.")
    )
