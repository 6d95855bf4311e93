# Shared by the scripts of deploy/, which source it: places, messages, releases and programs of an installation.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts use these variables

# Tests name other places.
HOME_DIR=${HOME_DIR:-/opt/scoring}
RELEASES=$HOME_DIR/releases
CURRENT=$HOME_DIR/current
STATIC_DIR=$HOME_DIR/static
CONF_DIR=${CONF_DIR:-/etc/scoring}
SETTINGS=$CONF_DIR/env
MIGRATE_SETTINGS=$CONF_DIR/migrate.env
INSTALL_CONF=$CONF_DIR/install.conf
TLS_DIR=$CONF_DIR/tls
BACKUP_KEY=$CONF_DIR/backup.pub
DATA_DIR=${DATA_DIR:-/var/lib/scoring}
STATE_DIR=$DATA_DIR/state
BACKUP_DIR=${BACKUP_DIR:-/var/backups/scoring}
LOG_DIR=${LOG_DIR:-/var/log/scoring}
RUN_DIR=${RUN_DIR:-/run/scoring}
SYSTEM_USER=scoring
DATABASE=scoring
COMMAND=/usr/local/sbin/scoring
LOCK=${LOCK:-/run/scoring.lock}

# The release that this file is part of; a physical path, because `current` may point elsewhere in the next moment.
TREE=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TEMPLATES=$TREE/deploy/templates

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || fail "run it as root: sudo $0"; }

# one_at_a_time: waits for another script that changes the installation, and keeps others out until this one ends.
one_at_a_time() {
    [ -z "${SCORING_LOCKED:-}" ] || return 0 # by the script that called this one
    (umask 077 && : >>"$LOCK") # whoever can open it can lock it
    exec 9>"$LOCK"
    flock --timeout 600 9 || fail "another command has been changing the installation for ten minutes; see: ps -ef | grep scoring"
    export SCORING_LOCKED=1
}

# end_with FUNCTION: runs it at the end, with the status in $?; after a signal too, where bash's own $? would be 0.
end_with() {
    # shellcheck disable=SC2064 # the name, now
    trap "$1" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# due NAME: a restart or reload must follow a change. The mark is made before the change, so a run that is killed between
# the two leaves it to the next one, which asks is_due; settled NAME removes it afterwards.
due() {
    mkdir -p "$CONF_DIR"
    touch "$CONF_DIR/.due-$1"
}
is_due() { [ -e "$CONF_DIR/.due-$1" ]; }
settled() { rm -f "$CONF_DIR/.due-$1"; }

# --- Facts of the installation ----------------------------------------------------------------------

# read_install_conf: sets DOMAIN, PROCESS_MANAGER, ROLE and the other facts that install.sh has written.
read_install_conf() {
    [ -f "$INSTALL_CONF" ] || fail "$INSTALL_CONF is missing: run deploy/install.sh first"
    # shellcheck source=/dev/null
    . "$INSTALL_CONF"
}

# setting NAME [FILE]: the value of a setting in the application's file, without quotes and comment; empty if it has none.
setting() {
    sed -n -E "s/^\s*(export\s+)?$1\s*=\s*//p" "${2:-$SETTINGS}" 2>/dev/null | tail -n 1 |
        sed -E -e "s/^'([^']*)'.*/\1/; t" -e 's/^"([^"]*)".*/\1/; t' -e 's/(^|\s+)#.*//; s/\s+$//'
}

# programs: "NAME PORT" of each program of this machine, a line each; PORT is - for a program without one. A node of a
# cluster has none, and where another host is the office only those for ratings run.
programs() {
    awk -v role="${ROLE:-single}" -v office="${OFFICE:-}" \
        '!/^#/ && NF && role != "db" && (office == "" || $1 ~ /^score-/) { print $1, $2 }' "$TREE/deploy/programs"
}
program_names() { programs | cut -d ' ' -f 1; }
port_of() { programs | awk -v name="$1" '$1 == name { print $2 }'; }

# --- Commands in a release --------------------------------------------------------------------------

# in_release RELEASE COMMAND …: runs COMMAND in the folder RELEASE as the user and with the settings of the programs.
# Environment variables of the caller go before the settings.
in_release() {
    local release=$1
    shift
    (
        cd -P "$release" || exit
        HOME=$DATA_DIR ENV_FILE=$SETTINGS exec runuser -u "$SYSTEM_USER" -- "$@"
    )
}

# manage ARGUMENT …: manage.py of the current release (RELEASE=… for another one).
manage() { in_release "${RELEASE:-$CURRENT}" .venv/bin/python manage.py "$@"; }

# migrate ARGUMENT …: the same as the database user that may change the schema.
migrate() {
    local DATABASE_URL
    DATABASE_URL=$(setting DATABASE_URL "$MIGRATE_SETTINGS")
    [ -n "$DATABASE_URL" ] || fail "$MIGRATE_SETTINGS has no DATABASE_URL: run install.sh again"
    export DATABASE_URL
    manage migrate --no-input "$@"
}

# --- Releases ---------------------------------------------------------------------------------------

# release_version TREE: the name of the release in TREE: date and hash of a clone, else the name of the folder.
release_version() {
    if [ -e "$1/.git" ] && command -v git >/dev/null; then
        git -c safe.directory='*' -C "$1" log -1 --format=%cd-%h --date=format:%Y%m%d
    else
        basename "$(cd -P "$1" && pwd)" | tr -cd '0-9A-Za-z._-'
    fi
}

is_built() { [ -e "$RELEASES/$1/.venv/.built" ]; }

# copy_release TREE VERSION: copies what belongs to a release, without the things of a developer's checkout.
copy_release() {
    local target=$RELEASES/$2
    [ "$1" != "$target" ] || return 0
    rm -rf "$target"
    mkdir -p "$target"
    if [ -e "$1/.git" ] && command -v git >/dev/null; then
        git -c safe.directory='*' -C "$1" archive HEAD | tar -x -C "$target" --no-same-owner
    else
        tar -c -C "$1" --exclude=./.git --exclude=./.venv --exclude=./.env --exclude=./var --exclude=node_modules \
            --exclude=__pycache__ . | tar -x -C "$target" --no-same-owner
    fi
    chmod -R u=rwX,go=rX "$target"
}

# build_release VERSION: the virtual environment of a copied release; says so if one half is missing.
build_release() {
    local log=$LOG_DIR/build.log
    # bin/setup refuses to go on without the driver if the URL names MySQL. A venv cannot be moved, so it is built in place.
    (cd -P "$RELEASES/$1" && umask 022 && ENV_FILE='' DATABASE_URL=mysql://a:b@127.0.0.1/c bin/setup) >"$log" 2>&1 || {
        grep -v '^$' "$log" | tail -n 4 >&2
        fail "the packages of release $1 cannot be installed; $log has the whole output. Without a network, see whether" \
            "this machine reaches Python's package index; then run the same command again"
    }
    "$RELEASES/$1/.venv/bin/python" -m compileall -q "$RELEASES/$1/grades" "$RELEASES/$1/scoring_site" >/dev/null
    touch "$RELEASES/$1/.venv/.built"
}

# check_release VERSION: fails with the reason if the release cannot run with the settings of the installation.
check_release() {
    RELEASE=$RELEASES/$1 manage check --deploy --fail-level ERROR >"$LOG_DIR/check.log" 2>&1 || {
        grep -v '^$' "$LOG_DIR/check.log" | tail -n 4 >&2
        fail "release $1 does not start with the settings in $SETTINGS: mend the line that is named above"
    }
}

# collect_static VERSION: adds its files to those of the other releases. Names have a hash, so pages of both work. Django
# deletes a file before it writes it again, so it gathers them beside, and each becomes a link in one step: a run that is
# killed leaves no half of a file.
collect_static() {
    local gathered=$STATIC_DIR/.gathered
    rm -rf "$gathered"
    STATIC_ROOT=$gathered RELEASE=$RELEASES/$1 manage collectstatic --no-input --verbosity 0
    in_release "$RELEASES/$1" cp --recursive --link --force "$gathered/." "$STATIC_DIR"
    rm -rf "$gathered"
}

# current_version: the version of the release that is live; empty before the first.
current_version() { [ ! -L "$CURRENT" ] || basename "$(readlink -f "$CURRENT")"; }

# switch_release VERSION: makes it the current one, in one step.
switch_release() {
    ln -sfn "releases/$1" "$CURRENT.new"
    mv -T "$CURRENT.new" "$CURRENT"
}

# --- Programs ---------------------------------------------------------------------------------------

# control start|stop|restart|status PROGRAM …: by the process manager; waits for the end of the action.
control() {
    local action=$1
    shift
    case $PROCESS_MANAGER in
    supervisor) supervisorctl "$action" "${@/#/scoring:}" ;;
    systemd)
        [ "$action" != status ] || action=is-active
        systemctl "$action" "${@/#/scoring@}"
        ;;
    *) fail "$INSTALL_CONF: PROCESS_MANAGER must be supervisor or systemd" ;;
    esac
}

# What a program must answer with 200 before it counts as started.
PROBE_PATH=${PROBE_PATH:-/score/form}

# probe PORT [SECONDS]: waits until the program on PORT answers as behind the proxy; fails after SECONDS.
probe() {
    local end=$((SECONDS + ${2:-30}))
    until [ "$(curl --noproxy '*' -s -o /dev/null -m 5 -w '%{http_code}' -H "Host: $DOMAIN" -H 'X-Forwarded-Proto: https' \
        "http://127.0.0.1:$1$PROBE_PATH")" = 200 ]; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# runs PROGRAM PORT: waits until it answers; a program without a port must be there after a second.
runs() {
    if [ "$2" != - ]; then
        probe "$2"
    else
        sleep 1
        control status "$1" >/dev/null 2>&1
    fi
}

# restart_in_turn [PROGRAM …]: one after the other, each probed before the next: no submission fails. Stops at the first
# that does not answer; the others then run on.
restart_in_turn() {
    local name port wanted=("$@")
    [ $# -gt 0 ] || mapfile -t wanted < <(program_names)
    for name in "${wanted[@]}"; do
        port=$(port_of "$name")
        [ -n "$port" ] || fail "unknown program $name; the programs are: $(program_names | tr '\n' ' ')"
        # Supervisor reports an error for a program that has crashed. Only the new process matters.
        control restart "$name" >/dev/null 2>&1 || true
        runs "$name" "$port" ||
            fail "$name does not run after its restart; see $LOG_DIR/$name.log. The others run on"
        say "restarted $name"
    done
}
