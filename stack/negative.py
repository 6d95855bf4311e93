"""Broken installations: each must be noticed by the step that is named beside it."""

from collections.abc import Callable
from dataclasses import dataclass

from .machine import Failed
from .site import Site
from .steps import (
    database_and_rights,
    install,
    install_again,
    logs_without_personal_data,
    pages_and_static_files,
    rating_by_the_mini_program,
    replies_of_nginx,
)
from .upgrades import kill_under_load, restart_under_load

RELEASE = "/opt/scoring/current/deploy"
NGINX = f"{RELEASE}/templates/nginx.conf"


@dataclass(frozen=True)
class Broken:
    """`edit`: a sed script for a file of the release, before its configuration is written again; or `script`."""

    name: str
    step: Callable[[Site], str | None]
    file: str = NGINX
    edit: str = ""
    script: str = ""
    mend: str = ""


BROKEN = [
    Broken("no repetition of a rating at the other copy", kill_under_load,
           edit="s/error timeout non_idempotent/error timeout/"),
    Broken("both copies restarted at once", restart_under_load, f"{RELEASE}/lib.sh",
           edit='s/control restart "$name"/control restart score-a score-b/'),
    Broken("nginx's pages in HTML", replies_of_nginx, edit="/error_page 400 403 405 411/d"),
    Broken("one status without the toast", replies_of_nginx, edit="/error_page 400 403 405 411/s/ 504//"),
    Broken("a limit that refuses nobody", replies_of_nginx, edit="s/rate=50r/rate=100000r/"),
    Broken("TLS before the chain", rating_by_the_mini_program, script=(
        "cp -a /etc/scoring/tls /root/tls.kept; openssl x509 -in /root/tls.kept/fullchain.pem"
        " -out /etc/scoring/tls/fullchain.pem; nginx -s reload; sleep 1"
    ), mend="cp -a /root/tls.kept/. /etc/scoring/tls; nginx -s reload; sleep 1"),
    Broken("a log with the whole target", logs_without_personal_data,
           edit='s/"path":"$scoring_path"/"path":"$request_uri"/'),
    Broken("static files without nginx", pages_and_static_files, edit="s#${STATIC_FILES}#alias /nowhere/;#"),
    Broken("the figures open to the world", pages_and_static_files,
           edit="/location = .metrics/,/}/s/return 404/return 200/"),
    Broken("commits that are not flushed", database_and_rights, f"{RELEASE}/templates/mariadb.cnf",
           edit="s/^innodb_flush_log_at_trx_commit = 1/innodb_flush_log_at_trx_commit = 2/"),
    Broken("programs that may change the schema", database_and_rights,
           script="mariadb -e \"GRANT ALL ON scoring.* TO scoring@'127.0.0.1'\"",
           mend="mariadb -e \"DROP TABLE IF EXISTS scoring.x; REVOKE ALL ON scoring.* FROM scoring@'127.0.0.1';"
                " GRANT SELECT, INSERT, UPDATE, DELETE ON scoring.* TO scoring@'127.0.0.1'\""),
    Broken("settings that anyone may read", database_and_rights, script="chmod 644 /etc/scoring/env",
           mend="chmod 600 /etc/scoring/env"),
    Broken("a run that writes a file each time", install_again, f"{RELEASE}/install.sh",
           edit='s/^write_facts() {/&\\n    touch "$INSTALL_CONF"/'),
]  # fmt: skip


def is_noticed(site, broken):
    """Break the installation, run the step, mend it; the reason that the step gave, or None."""
    machine = site.machine
    if broken.edit:
        kept = "/root/kept"
        machine.run(f"cp -a {broken.file} {kept}")
        machine.run(f"sed -i -e {quote(broken.edit)} {broken.file}; ! cmp {broken.file} {kept} >/dev/null")
        # nginx's former workers take requests for a moment after a reload.
        machine.run(f"{RELEASE}/install.sh --configure && sleep 1", seconds=120)
    else:
        machine.run(broken.script)
    try:
        broken.step(site)
    except (Failed, OSError, ValueError, LookupError) as error:
        return str(error) or repr(error)
    finally:
        if broken.edit:
            machine.run(f"mv {kept} {broken.file}; {RELEASE}/install.sh --configure", seconds=120)
        else:
            machine.run(broken.mend)
    return None


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def run_negatives(site, words):
    """Print a line for each broken installation; the number of those that nothing noticed."""
    install(site)
    chosen = [broken for broken in BROKEN if not words or any(word in broken.name for word in words)]
    site.tree = "/opt/scoring/current"
    missed = 0
    for broken in chosen:
        reason = is_noticed(site, broken)
        missed += reason is None
        print(
            f"{'MISSED' if reason is None else 'caught'}  {broken.name}: {(reason or 'it passed')[:150]!r}", flush=True
        )
    for step in (rating_by_the_mini_program, database_and_rights):
        step(site)  # nothing of it stays
    print(f"stack: {len(chosen) - missed} of {len(chosen)} broken installations caught, {missed} missed")
    return missed
