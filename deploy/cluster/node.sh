#!/bin/bash
# One node of the Galera cluster: run this as root on the node (docs/scale.md).
#
#   node.sh config NAME ADDRESS ADDRESS,ADDRESS,ADDRESS   print the settings of a node: /etc/mysql/mariadb.conf.d/70-galera.cnf
#   node.sh bootstrap                the first node of a new cluster
#   node.sh join [--replace-data]    start this node; it gets what it misses from the others
#   node.sh status                   one line; exit status 0 if the node takes part
#   node.sh position                 after all nodes were lost: how far the data of this node goes
#   node.sh recover POSITION|lost …  after all nodes were lost: start the cluster from this node, if none of the others
#                                    is ahead; an argument for each other node, `lost` for one without its data
set -euo pipefail

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
DATA=${DATA:-/var/lib/mysql}
DEFAULTS=${DEFAULTS:-}                             # --defaults-file=…, for tests
START_NODE=${START_NODE:-systemctl start mariadb}  # on Debian both begin with galera_recovery
START_CLUSTER=${START_CLUSTER:-galera_new_cluster}
WAIT_SECONDS=${WAIT_SECONDS:-3600} # for a copy of all data

say() { printf '%s\n' "$*"; }
fail() { printf 'node.sh: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

# --- What is known of the node ----------------------------------------------------------------------

# setting NAME: its value in the files that MariaDB reads.
setting() {
    # shellcheck disable=SC2086 # no word or one
    my_print_defaults $DEFAULTS --mariadbd | sed -n "s|^--${1//_/[-_]}=||p" | tail -n 1
}

others() {
    local own
    own=$(setting wsrep_node_address)
    setting wsrep_cluster_address | sed 's|^gcomm://||; s|,|\n|g' | grep -vxF "$own" || true
}

need_settings() {
    [ "$(setting wsrep_on)" = ON ] && [ -n "$(setting wsrep_node_address)" ] && [ -n "$(others)" ] ||
        fail "the settings of the cluster are missing: node.sh config … >/etc/mysql/mariadb.conf.d/70-galera.cnf"
}

# running_others: the addresses of the others that answer on the port of the group.
running_others() {
    local address
    for address in $(others); do
        if timeout 2 bash -c "exec 3<>/dev/tcp/$address/4567" 2>/dev/null; then say "$address"; fi
    done
}

# shellcheck disable=SC2086
sql() { timeout 10 mariadb $DEFAULTS --batch --skip-column-names --execute "$1" 2>/dev/null; }
is_running() { sql "SELECT 1" >/dev/null; }

# state: cluster status, state of the node, whether it takes statements, number of nodes.
state() {
    sql "SELECT GROUP_CONCAT(VARIABLE_VALUE ORDER BY FIELD(VARIABLE_NAME, 'WSREP_CLUSTER_STATUS',
        'WSREP_LOCAL_STATE_COMMENT', 'WSREP_READY', 'WSREP_CLUSTER_SIZE') SEPARATOR ' ')
        FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('WSREP_CLUSTER_STATUS',
        'WSREP_LOCAL_STATE_COMMENT', 'WSREP_READY', 'WSREP_CLUSTER_SIZE')"
}

# saved NAME: uuid, seqno or safe_to_bootstrap of the state that the node saved.
saved() { sed -n "s/^$1: *//p" "$DATA/grastate.dat" 2>/dev/null || true; }

# position: UUID:NUMBER of the last transaction in the data of this node, which does not run.
position() {
    local option
    # shellcheck disable=SC2086
    option=$(galera_recovery $DEFAULTS 2>"$LOG") || { cat "$LOG" >&2; fail "the position cannot be read, see above"; }
    option=${option#--wsrep_start_position=}
    option=${option%%,*} # a domain and a server id may follow
    is_position "$option" || fail "this node has no position: was it a node of the cluster?"
    say "$option"
}
is_position() { [[ $1 =~ ^[0-9a-f-]{36}:[0-9]+$ && $1 != 00000000-* ]]; }

# --- Conditions -------------------------------------------------------------------------------------

need_stopped() {
    if is_running; then fail "MariaDB runs: $(state). To stop it: systemctl stop mariadb"; fi
    local port
    for port in 4444 4567 4568; do
        [ -z "$(ss -Hltn "sport = :$port")" ] ||
            fail "port $port is taken, perhaps by a transfer that broke off. Find the process: ss -ltnp 'sport = :$port', and end it"
    done
}

need_others_stopped() {
    local running
    running=$(running_others | paste -sd ' ')
    [ -z "$running" ] || fail "MariaDB runs on $running. Ask node.sh status there. If it says Primary: node.sh join here;" \
        "if not: systemctl stop mariadb there, then this again"
}

wait_until_synced() {
    local began=$SECONDS said='' now
    until now=$(state) && [[ $now == "Primary Synced ON "* ]]; do
        [ $((SECONDS - began)) -lt "$WAIT_SECONDS" ] ||
            fail "the node does not take part after $WAIT_SECONDS s (${now:-no answer}): journalctl -u mariadb -n 50"
        if [ -n "$now" ] && [ "$now" != "$said" ]; then say "… $now"; said=$now; fi
        sleep 0.5
    done
    say "This node takes part: $now nodes."
}

# --- Commands ---------------------------------------------------------------------------------------

config() {
    [ $# = 3 ] || usage
    [[ $1 =~ ^n[123]$ ]] || fail "the name must be n1, n2 or n3: HAProxy writes to n1 first"
    [[ $3 =~ ^[^,\ ]+,[^,\ ]+,[^,\ ]+$ && ,$3, == *",$2,"* ]] || fail "name three addresses; one must be $2"
    # shellcheck disable=SC2016 # names for envsubst
    NODE=$1 ADDRESS=$2 NODES=$3 GCACHE=${GCACHE:-1G} envsubst '$NODE $ADDRESS $NODES $GCACHE' <"$HERE/galera.cnf.in"
}

start_cluster() {
    say "Starting the cluster from this node …"
    $START_CLUSTER || fail "MariaDB did not start: journalctl -u mariadb -n 50"
    wait_until_synced
    say "Next: node.sh join, on one other node after the other."
}

bootstrap() {
    need_stopped
    need_others_stopped
    [ "$(saved safe_to_bootstrap)" != 0 ] ||
        fail "this node was in a cluster and was not the last one that stopped. Another may be ahead: node.sh position on each"
    start_cluster
}

join() {
    need_stopped
    [ -n "$(running_others)" ] || fail "no other node runs, so there is nothing to join. The first node of a new cluster:" \
        "node.sh bootstrap. After all nodes were lost: node.sh position on each"
    if [ -z "$(saved uuid)" ] && [ "${1:-}" != --replace-data ] && [ -n "$(find "$DATA" -mindepth 1 -maxdepth 1 -type d \
        ! -name mysql ! -name performance_schema ! -name sys ! -name '#*' -print -quit 2>/dev/null)" ]; then
        fail "this server has a database of its own, which a copy from the others replaces. If it is not needed:" \
            "node.sh join --replace-data"
    fi
    say "Joining $(running_others | paste -sd ' ') …"
    $START_NODE || fail "MariaDB did not start: journalctl -u mariadb -n 50"
    wait_until_synced
}

status() {
    local now
    now=$(state) || fail "MariaDB does not answer: systemctl status mariadb"
    say "$now nodes"
    [[ $now == "Primary Synced ON "* ]]
}

recover() {
    [ $# = "$(others | wc -l)" ] || fail "give the position of each other node, or lost: $(others | paste -sd ' ')"
    need_stopped
    need_others_stopped
    local own other
    own=$(position)
    for other; do
        [ "$other" = lost ] && continue
        is_position "$other" || fail "$other is not a position: node.sh position prints one"
        [ "${other%:*}" = "${own%:*}" ] || fail "$other is of another cluster than $own: stop and find out why"
        [ "${other#*:}" -le "${own#*:}" ] || fail "$other is ahead of $own: run node.sh recover on that node"
    done
    say "This node is at $own, and none of the others is ahead."
    sed -i 's/^safe_to_bootstrap: 0/safe_to_bootstrap: 1/' "$DATA/grastate.dat"
    start_cluster
}

command=${1:-}
[ $# = 0 ] || shift
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
case $command in
config) config "$@" ;;
status) status ;;
bootstrap | join | recover)
    need_settings
    "$command" "$@"
    ;;
position)
    need_settings
    need_stopped
    position
    ;;
*) usage ;;
esac
