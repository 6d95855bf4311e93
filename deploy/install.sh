#!/bin/bash
# Installs the site on a fresh Debian 12, as root. It says what it changes; a second run changes nothing. When it stops,
# it says what to do; the same command then goes on.
#
#   deploy/install.sh --domain score.example.com [OPTION …]
#
#   --certificate FILE --key FILE   the certificate with its intermediates, and its key; without them: certbot
#   --certbot               a certificate by certbot in place of given files
#   --email ADDRESS         where the authority of certbot's certificates sends its warnings
#   --systemd, --supervisor   who starts the programs; supervisor, unless the installation has the other
#   --role single|app|db    what this machine does: everything (single), an application host before a cluster of
#                           databases (app), or a node of that cluster (db): docs/scale.md
#   --nodes A,B,C           app, db: the addresses of the three nodes; A is the one that is written
#   --new-cluster           db, on A and only once: start the cluster, with the data that this machine has
#   --hosts PATTERN         db, on A: the addresses that may log in; 10.0.0.% if A is 10.0.0.11
#   --office ADDRESS        app: the host that serves the office, if it is not this one
#   --redis ADDRESS         app: this host has the Redis of the rate limits, by this address for the others
#   --proxies A,B           app, single: a load balancer or other application hosts, which name the customer's address
#   --http-port PORT, --https-port PORT   other ports than 80 and 443, for a site behind another proxy
#   --no-domain-check       the domain does not resolve yet, or not from here
#   --use-existing-data     take over a database `scoring` whose settings are lost
#   --configure             write the configuration of this release again, with the facts of the installation
#   --uninstall             remove programs, releases and configuration; data, settings and backups stay
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"

DISK_MB=2500
MEMORY_MB=900
MARIADB_OLDEST=10.11
ACME_DIR=/var/www/scoring-acme
PACKAGES="nginx python3 python3-venv python3-dev gcc libc6-dev pkg-config libmariadb-dev ca-certificates curl openssl
    gettext-base logrotate"
DATABASE_PACKAGES="mariadb-server mariadb-backup zstd age"
NODE_PACKAGES="galera-4 rsync gettext-base iproute2 openssl logrotate"
MARIADB_CONF=/etc/mysql/mariadb.conf.d/60-scoring.cnf
GALERA_CONF=/etc/mysql/mariadb.conf.d/70-galera.cnf
HAPROXY_CONF=/etc/haproxy/haproxy.cfg
REDIS_CONF=/etc/redis/scoring.conf
REDIS_UNIT_CONF=/etc/systemd/system/redis-server.service.d/scoring.conf
NGINX_CONF=/etc/nginx/conf.d/scoring.conf
SUPERVISOR_CONF=/etc/supervisor/conf.d/scoring.conf
UNIT_DIR=/etc/systemd/system
CERTBOT_HOOK=/etc/letsencrypt/renewal-hooks/deploy/scoring
LOGROTATE_CONF=/etc/logrotate.d/scoring
TMPFILES_CONF=/etc/tmpfiles.d/scoring.conf

# --- Options ----------------------------------------------------------------------------------------

DOMAIN='' PROCESS_MANAGER=supervisor ROLE=single HTTP_PORT=80 HTTPS_PORT=443 CERTIFICATE=certbot EMAIL=''
NODES='' OFFICE='' HOSTS='' PROXIES='' REDIS=''
installed_role=''
# A later run needs no option; an option goes before the fact of the installation.
if [ -f "$INSTALL_CONF" ]; then
    read_install_conf
    installed_role=$ROLE
fi
certificate='' key='' action=install check_domain=1 use_data='' new_cluster=''

usage() { sed -n "2,/^set/s/^# \{0,2\}//p" "$0" | head -n -1; }

while [ $# -gt 0 ]; do
    case $1 in
    --systemd) PROCESS_MANAGER=systemd ;;
    --supervisor) PROCESS_MANAGER=supervisor ;;
    --certbot) CERTIFICATE=certbot ;;
    --no-domain-check) check_domain='' ;;
    --use-existing-data) use_data=1 ;;
    --new-cluster) new_cluster=1 ;;
    --configure | --uninstall) action=${1#--} ;;
    -h | --help) usage; exit ;;
    --domain | --certificate | --key | --email | --role | --http-port | --https-port | --nodes | --office | --hosts | --proxies | --redis)
        [ -n "${2:-}" ] || fail "$1 needs a value"
        case $1 in
        --domain) DOMAIN=${2,,} ;;
        --certificate) certificate=$2 CERTIFICATE=file ;;
        --key) key=$2 ;;
        --email) EMAIL=$2 ;;
        --role) ROLE=$2 ;;
        --http-port) HTTP_PORT=$2 ;;
        --https-port) HTTPS_PORT=$2 ;;
        --nodes) NODES=$2 ;;
        --office) OFFICE=$2 ;;
        --hosts) HOSTS=$2 ;;
        --proxies) PROXIES=$2 ;;
        --redis) REDIS=$2 ;;
        esac
        shift
        ;;
    *) usage >&2; fail "unknown option $1" ;;
    esac
    shift
done

# --- Saying and writing -----------------------------------------------------------------------------

step=starting
# doing TEXT: names the step that a message about a failure then names.
doing() { step=$1; }
stopped() {
    local status=$?
    [ $status -eq 0 ] || say "install.sh stopped while $step. Finished steps are kept: mend the cause and run the same command again." >&2
    exit $status
}

# quietly SECONDS COMMAND …: with a limit, and its output in the log only.
quietly() {
    mkdir -p "$LOG_DIR"
    timeout "$@" >>"$LOG_DIR/install.log" 2>&1 </dev/null
}

# write TARGET MODE [OWNER [NAME]]: the standard input becomes the file. If it changes, it says so, and NAME is due.
write() {
    local target=$1 mode=$2 owner=${3:-root} name=${4:-} new
    new=$(mktemp)
    cat >"$new" || fail "cannot write $new: is the disk full?"
    [ -s "$new" ] || fail "$target would be empty"
    if [ -f "$target" ] && cmp -s "$new" "$target"; then
        rm "$new"
        return
    fi
    mkdir -p "$(dirname "$target")"
    install -m "$mode" -o "$owner" -g "$owner" "$new" "$target.new" || {
        rm -f "$new" "$target.new"
        fail "cannot write $target: is the disk full?"
    }
    [ -z "$name" ] || due "$name"
    mv "$target.new" "$target"
    rm "$new"
    say "wrote $target"
}

# append FILE LINE: also after a last line that does not end.
append() {
    [ -z "$(tail -c 1 "$1")" ] || echo >>"$1"
    printf '%s\n' "$2" >>"$1"
}

# render TEMPLATE NAME=VALUE …: the template with these variables and the places of the installation.
render() {
    # shellcheck disable=SC2016 # names for envsubst
    local template=$1 variables='$CURRENT $SETTINGS $DATA_DIR $LOG_DIR $RUN_DIR $SYSTEM_USER $STATIC_DIR $TLS_DIR $COMMAND'
    shift
    local pair
    for pair; do variables+=" \$${pair%%=*}"; done
    env CURRENT="$CURRENT" SETTINGS="$SETTINGS" DATA_DIR="$DATA_DIR" LOG_DIR="$LOG_DIR" RUN_DIR="$RUN_DIR" \
        SYSTEM_USER="$SYSTEM_USER" STATIC_DIR="$STATIC_DIR" TLS_DIR="$TLS_DIR" COMMAND="$COMMAND" "$@" \
        envsubst "$variables" <"$TEMPLATES/$template"
}

# folder PATH MODE OWNER
folder() {
    [ "$(stat -c '%a %U' "$1" 2>/dev/null)" = "$2 $3" ] && return
    install -d -m "$2" -o "$3" -g "$3" "$1"
    say "made $1"
}

# secret FILE OWNER: readable by the owner only.
secret() {
    [ "$(stat -c '%a %U' "$1")" = "600 $2" ] && return
    chown "$2:$2" "$1"
    chmod 600 "$1"
    say "made $1 readable by $2 only"
}

sql() { mariadb --batch --skip-column-names "$@"; }
random() { openssl rand -hex "$1"; }
is_installed() { [ -n "$(current_version)" ]; }

# --- Checks, before anything is changed -------------------------------------------------------------

is_address() { [[ $1 =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}$ || $1 == *:*:* ]]; }
has_address() { ip -o address show | awk '{ sub("/.*", "", $4); print $4 }' | grep -qxF "$1"; }
first_node() { say "${NODES%%,*}"; }
last_node() { say "${NODES##*,}"; }
# own_node: the address of this machine among the nodes.
own_node() {
    local node
    for node in ${NODES//,/ }; do
        if has_address "$node"; then say "$node"; return; fi
    done
}

check_role() {
    local address
    case $ROLE in
    single | app | db) ;;
    *) fail "--role $ROLE is not known: single, app or db" ;;
    esac
    [ -z "$installed_role" ] || [ "$installed_role" = "$ROLE" ] ||
        fail "this machine is installed with the role $installed_role. To change it: $TREE/deploy/install.sh --uninstall," \
            "which leaves data and settings; then this command again"
    if [ "$ROLE" = single ]; then
        [ -z "$NODES$OFFICE$HOSTS$new_cluster" ] || fail "--nodes, --office, --hosts and --new-cluster need --role app or --role db"
    else
        [[ $NODES =~ ^[^,\ ]+,[^,\ ]+,[^,\ ]+$ ]] ||
            fail "name the three nodes of the cluster: --nodes 10.0.0.11,10.0.0.12,10.0.0.13"
    fi
    for address in ${NODES//,/ } ${OFFICE//,/ } ${PROXIES//,/ }; do
        is_address "${address%/*}" || fail "$address is not an address such as 10.0.0.11"
    done
    [ "$ROLE" != db ] || [ -n "$(own_node)" ] || fail "none of the addresses in --nodes $NODES is one of this machine"
    [ -z "$new_cluster" ] || { [ "$ROLE" = db ] && [ "$(own_node)" = "$(first_node)" ]; } ||
        fail "--new-cluster is for the first address in --nodes, $(first_node)"
    [ -z "$REDIS" ] || [ "$ROLE" = app ] || fail "--redis is for an application host: --role app"
    [ -z "$REDIS" ] || has_address "$REDIS" ||
        fail "--redis $REDIS is not an address of this machine: the other hosts have REDIS_URL with the settings of the host with Redis"
    [ -z "$HOSTS" ] || [[ $HOSTS =~ ^[0-9a-fA-F.:%_]+$ ]] || fail "--hosts $HOSTS is not a pattern such as 10.0.0.%"
    [ -z "$OFFICE" ] || ! has_address "$OFFICE" || OFFICE='' # this host
}

check_options() {
    check_role
    [ "$ROLE" != db ] || return 0
    [ -n "$DOMAIN" ] || fail "name the host of the site: --domain score.example.com"
    [[ $DOMAIN =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$ ]] ||
        fail "--domain $DOMAIN is not the name of a host, such as score.example.com"
    local port
    for port in "$HTTP_PORT" "$HTTPS_PORT"; do
        [[ $port =~ ^[0-9]{1,5}$ ]] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] || fail "$port is not a port"
    done
    [ -z "$certificate" ] || [ -n "$key" ] || fail "--certificate needs --key, the key of the certificate"
    [ -z "$key" ] || [ -n "$certificate" ] || fail "--key needs --certificate, the certificate of the key"
}

check_system() {
    local system
    # In a process of its own: the file sets VERSION and other names.
    # shellcheck source=/dev/null
    system=$(. /etc/os-release && echo "$ID:${VERSION_ID:-}")
    case $system in
    debian:1[2-9] | ubuntu:2[4-9].*) ;;
    *) fail "$system is not supported: Debian 12, or Ubuntu 24.04 and later" ;;
    esac
    [ -d /run/systemd/system ] || fail "systemd does not run this machine; install.sh needs it for MariaDB, nginx and timers"
    local memory
    memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    [ "$memory" -ge $MEMORY_MB ] ||
        fail "this machine has $memory MB of memory; the site, MariaDB and an export need 1 GB: choose a larger machine"
}

check_disk() {
    local path needed=$DISK_MB free
    ! is_installed || needed=300
    for path in /usr /var /opt; do
        free=$(df -Pm "$path" | awk 'NR == 2 { print $4 }')
        [ "$free" -ge $needed ] ||
            fail "$path has $free MB free and needs $needed MB: delete something (apt-get clean; journalctl --vacuum-size=100M)" \
                "or enlarge the disk"
    done
}

# check_port PORT ALLOWED: PORT is free, or the program ALLOWED or one of our own user has it.
check_port() {
    local owner pid
    owner=$(ss -Hltnp "sport = :$1" | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 \2/p' | head -n 1)
    [ -n "$owner" ] || return 0
    pid=${owner#* }
    [ "${owner% *}" != "$2" ] || return 0
    [ "$(ps -o user= -p "$pid")" != "$SYSTEM_USER" ] || return 0
    fail "port $1 is taken by ${owner% *} (process $pid): stop it and keep it from starting again" \
        "(systemctl status $pid shows its service; systemctl disable --now SERVICE)"
}

check_ports() {
    local port
    if [ "$ROLE" = db ]; then
        for port in 3306 4444 4567 4568; do check_port "$port" mariadbd; done
        return
    fi
    check_port "$HTTP_PORT" nginx
    check_port "$HTTPS_PORT" nginx
    if [ "$ROLE" = app ]; then
        check_port 3307 haproxy
        check_port 3308 haproxy
        [ -z "$REDIS" ] || check_port 6379 redis-server
    else
        check_port 3306 mariadbd
    fi
    for port in $(programs | awk '$2 != "-" { print $2 }'); do check_port "$port" -; done
}

check_name() {
    [ -n "$check_domain" ] || return 0
    getent ahosts "$DOMAIN" >/dev/null ||
        fail "$DOMAIN does not resolve: add an A record with this machine's address at your DNS provider, wait until" \
            "\`getent hosts $DOMAIN\` prints it, and run the same command again (--no-domain-check skips this)"
}

check_certificate() {
    [ -z "$certificate" ] || "$TREE/deploy/certificate.sh" --check "$DOMAIN" --certificate "$certificate" --key "$key"
    [ "$CERTIFICATE" != file ] || [ -n "$certificate" ] || [ -e "$TLS_DIR/fullchain.pem" ] ||
        fail "the certificate is missing: --certificate FILE --key FILE"
}

check_version() {
    local live
    live=$(current_version)
    [ -z "$live" ] || [ "$live" = "$VERSION" ] ||
        fail "release $live is installed and this is $VERSION: run \`scoring upgrade $TREE\` to change the release"
}

# --- Packages, user, folders ------------------------------------------------------------------------

missing_packages() {
    local package packages
    case $ROLE in
    single) packages="$PACKAGES $DATABASE_PACKAGES" ;;
    app) packages="$PACKAGES haproxy${REDIS:+ redis-server}" ;;
    db) packages="$DATABASE_PACKAGES $NODE_PACKAGES" ;;
    esac
    if [ "$ROLE" != db ]; then
        [ "$PROCESS_MANAGER" != supervisor ] || packages+=" supervisor"
        [ "$CERTIFICATE" != certbot ] || packages+=" certbot"
    fi
    for package in $packages; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

install_packages() {
    local missing
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    export DEBIAN_FRONTEND=noninteractive
    say "installing packages: $missing…"
    # After an interruption; without one it does nothing.
    quietly 600 dpkg --force-confdef --force-confold --configure -a || true
    quietly 180 apt-get -q -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=120 \
        -o APT::Update::Error-Mode=any update ||
        fail "apt-get update fails: $(grep -a '^[EW]:' "$LOG_DIR/install.log" | tail -n 1). Check the network" \
            "and the mirrors in /etc/apt/sources.list"
    # shellcheck disable=SC2086 # a list
    quietly 900 apt-get -q -y -o Acquire::Retries=2 -o DPkg::Lock::Timeout=120 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install --no-install-recommends $missing ||
        fail "apt-get install fails: $(grep -a '^E:' "$LOG_DIR/install.log" | tail -n 1); $LOG_DIR/install.log has its output"
}

create_user() {
    getent passwd "$SYSTEM_USER" >/dev/null && return
    useradd --system --home-dir "$DATA_DIR" --shell /usr/sbin/nologin --user-group "$SYSTEM_USER"
    say "made the system user $SYSTEM_USER"
}

create_folders() {
    folder "$HOME_DIR" 755 root
    folder "$RELEASES" 755 root
    folder "$STATIC_DIR" 755 "$SYSTEM_USER"
    folder "$CONF_DIR" 755 root
    folder "$DATA_DIR" 750 "$SYSTEM_USER"
    folder "$STATE_DIR" 755 "$SYSTEM_USER"
    folder "$BACKUP_DIR" 700 root
    folder "$LOG_DIR" 750 root
    folder "$ACME_DIR" 755 root
    render tmpfiles.conf | write "$TMPFILES_CONF" 644
    systemd-tmpfiles --create "$TMPFILES_CONF"
}

write_facts() {
    printf '%s\n' "# The facts of this installation. install.sh writes them; run it again to change one." \
        "DOMAIN=$DOMAIN" "ROLE=$ROLE" "PROCESS_MANAGER=$PROCESS_MANAGER" "HTTP_PORT=$HTTP_PORT" "HTTPS_PORT=$HTTPS_PORT" \
        "CERTIFICATE=$CERTIFICATE" "EMAIL=$(printf %q "$EMAIL")" \
        "NODES=$NODES" "OFFICE=$OFFICE" "HOSTS=$HOSTS" "PROXIES=$PROXIES" "REDIS=$REDIS" | write "$INSTALL_CONF" 644
}

# --- The database -----------------------------------------------------------------------------------

check_mariadb() {
    systemctl --quiet is-active mariadb || quietly 120 systemctl start mariadb ||
        fail "MariaDB does not start: journalctl -u mariadb shows why"
    local version
    version=$(sql --execute 'SELECT VERSION()') ||
        fail "root cannot log in to MariaDB by its socket: restore this with ALTER USER root@localhost IDENTIFIED VIA unix_socket"
    case $version in *MariaDB*) ;; *) fail "the database server is $version; install.sh needs MariaDB" ;; esac
    version=${version#5.5.5-}
    [ "$(printf '%s\n' "$MARIADB_OLDEST" "$version" | sort -V | head -n 1)" = "$MARIADB_OLDEST" ] ||
        fail "MariaDB is $version; $MARIADB_OLDEST is the oldest that works: upgrade it (Debian 12 has 10.11) and run the same command again"
}

# rounded MB: to 64. Another kernel changes the memory by some MB, which must not restart MariaDB.
rounded() { say $((($1 + 32) / 64 * 64)); }

configure_mariadb() {
    local memory
    memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    # A quarter of the memory, as the programs and the page cache need the rest; millions of ratings fit into 2 GB.
    local pool=$((memory < 1024 ? 128 : $(rounded $((memory / 4)))))
    render mariadb.cnf BUFFER_POOL=$((pool > 2048 ? 2048 : pool)) | write "$MARIADB_CONF" 644 root mariadb
    is_due mariadb || return 0
    quietly 120 systemctl restart mariadb ||
        fail "MariaDB does not start with $MARIADB_CONF: journalctl -u mariadb shows why"
    settled mariadb
    say "restarted MariaDB with its settings: durable commits and a binary log"
}

check_data() {
    local tables
    [ ! -e "$SETTINGS" ] || return 0 # ours
    tables=$(sql --execute "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$DATABASE'")
    [ "$tables" -eq 0 ] || [ -n "$use_data" ] ||
        fail "the database $DATABASE has $tables tables and $SETTINGS does not exist. If they are of an earlier installation," \
            "restore $SETTINGS from its backup: its SECRET_KEY made the receipts and the printed codes. If that is lost, run" \
            "the same command with --use-existing-data. If they are of something else, rename that database"
}

has_account() { [ -n "$(sql --execute "SELECT 1 FROM mysql.global_priv WHERE user = '$1' AND host = '$2'")" ]; }

# create_account USER PRIVILEGES FILE: a database user with a new password, unless FILE knows one; adds the URL to FILE.
# On a node of a cluster it logs in from the application hosts, and the URL names their HAProxy.
create_account() {
    local user=$1 privileges=$2 file=$3 host=127.0.0.1 port=3306 password
    password=$(sed -n 's|^DATABASE_URL=mysql://[^:]*:\([0-9A-Za-z]*\)@.*|\1|p' "$file")
    if [ "$ROLE" = db ]; then
        host=$(allowed_hosts) port=3307
        ! has_account "$user" "$host" || return 0
    else
        ! grep -q '^DATABASE_URL=.' "$file" || return 0
    fi
    password=${password:-$(random 16)}
    # No statement with a password in an argument: ps shows those.
    sql <<SQL
CREATE USER IF NOT EXISTS '$user'@'$host';
ALTER USER '$user'@'$host' IDENTIFIED BY '$password';
GRANT $privileges ON \`$DATABASE\`.* TO '$user'@'$host';
SQL
    sed -i '/^DATABASE_URL=/d' "$file"
    append "$file" "DATABASE_URL=mysql://$user:$password@127.0.0.1:$port/$DATABASE"
    say "made the database user $user@$host: $privileges"
}

# allowed_hosts: the addresses that may log in to a node, as a pattern of MariaDB.
allowed_hosts() { say "${HOSTS:-$(first_node | sed 's/[^.:]*$/%/')}"; }

create_database() {
    [ -n "$(sql --execute "SHOW DATABASES LIKE '$DATABASE'")" ] || {
        sql --execute "CREATE DATABASE \`$DATABASE\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        say "made the database $DATABASE"
    }
    create_account "$SYSTEM_USER" "SELECT, INSERT, UPDATE, DELETE" "$SETTINGS"
    create_account "${SYSTEM_USER}_schema" \
        "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES" "$MIGRATE_SETTINGS"
}

# --- A node of a cluster ----------------------------------------------------------------------------

node() { "$TREE/deploy/cluster/node.sh" "$@"; }

# configure_node: the settings of the server. A node that takes part is not restarted: one after the other may, by hand.
configure_node() {
    local name memory node
    memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    for name in n1 n2 n3; do
        node=$(cut -d , -f "${name#n}" <<<"$NODES")
        [ "$node" != "$(own_node)" ] || break
    done
    render mariadb.cnf BUFFER_POOL="$(rounded $((memory < 8192 ? memory / 4 : memory / 2)))" |
        write "$MARIADB_CONF" 644 root node
    node config "$name" "$node" "$NODES" | write "$GALERA_CONF" 644 root node
    ! is_due node || ! node status >/dev/null 2>&1 ||
        say "The node takes the new settings at its next start: systemctl stop mariadb && scoring node join"
    settled node
}

# start_node: the node takes part. Its own data stays, unless it joins other nodes.
start_node() {
    # Debian's socket unit holds port 3306 from the boot on, and galera_recovery, which starts the server for a moment, finds it taken.
    if systemctl --quiet is-enabled mariadb.socket 2>/dev/null; then
        quietly 60 systemctl disable --now mariadb.socket
        say "disabled mariadb.socket, which keeps a node from starting after a reboot"
    fi
    ! node status >/dev/null 2>&1 || return 0
    quietly 300 systemctl stop mariadb || fail "MariaDB does not stop: journalctl -u mariadb shows why"
    local output
    if [ -n "$new_cluster" ]; then
        output=$(node bootstrap 2>&1) || fail "$(tail -n 1 <<<"$output")"
        say "started a new cluster from this node"
    else
        say "joining the other nodes …"
        output=$(node join 2>&1) || fail "$(tail -n 1 <<<"$output")"
        say "joined them"
    fi
}

# create_check_user: HAProxy asks each node as this user, which has no password and no right (deploy/cluster/haproxy.cfg.in).
create_check_user() {
    local host
    host=$(allowed_hosts)
    ! has_account scoring_check "$host" || return 0
    sql --execute "CREATE USER scoring_check@'$host' IDENTIFIED VIA mysql_native_password USING ''"
    say "made the database user scoring_check@$host: no rights"
}

# What the application hosts need from the first node.
create_cluster_accounts() {
    [ -n "$new_cluster" ] || [ -e "$SETTINGS" ] || return 0
    [ -e "$SETTINGS" ] || echo "# The settings of the site: copy this file to each application host." | write "$SETTINGS" 600
    [ -e "$MIGRATE_SETTINGS" ] ||
        echo "# The database user that may change the schema: copy this file to one application host." |
        write "$MIGRATE_SETTINGS" 600
    add_setting SECRET_KEY "$(random 32)"
    create_database
    create_check_user
}

# --- HAProxy of an application host -----------------------------------------------------------------

configure_haproxy() {
    local n1 n2 n3
    IFS=, read -r n1 n2 n3 <<<"$NODES"
    # shellcheck disable=SC2016 # names for envsubst
    N1=$n1 N2=$n2 N3=$n3 RUN=/run/haproxy envsubst '$N1 $N2 $N3 $RUN' <"$TREE/deploy/cluster/haproxy.cfg.in" |
        write "$HAPROXY_CONF" 644 root haproxy
    if is_due haproxy || ! systemctl --quiet is-active haproxy; then
        quietly 20 haproxy -c -f "$HAPROXY_CONF" || fail "HAProxy refuses its configuration: haproxy -c -f $HAPROXY_CONF"
        quietly 60 systemctl enable haproxy
        quietly 60 systemctl reload-or-restart haproxy || fail "HAProxy does not start: journalctl -u haproxy shows why"
        settled haproxy
        say "HAProxy leads to the nodes $NODES"
    fi
}

# --- Redis of an application host -------------------------------------------------------------------

# redis_password: the one in REDIS_URL, if that is of this Redis.
redis_password() { setting REDIS_URL | sed -n "s|^redis://:\([0-9a-f]*\)@$REDIS:6379/0$|\1|p"; }

check_redis() {
    [ -z "$REDIS" ] || [ -z "$(setting REDIS_URL)" ] || [ -n "$(redis_password)" ] ||
        fail "REDIS_URL in $SETTINGS names another Redis than $REDIS: delete that line, and this command writes it"
}

configure_redis() {
    [ -n "$REDIS" ] || return 0
    # The password is not an argument of render: ps would show it.
    { render redis.conf ADDRESS="$REDIS" && echo "requirepass $(redis_password)"; } | write "$REDIS_CONF" 600 redis redis
    render redis-server.conf REDIS_CONF="$REDIS_CONF" | write "$REDIS_UNIT_CONF" 644 root redis
    is_due redis || ! systemctl --quiet is-active redis-server || return 0
    systemctl daemon-reload
    quietly 60 systemctl enable redis-server
    quietly 60 systemctl restart redis-server || fail "Redis does not start: journalctl -u redis-server shows why"
    settled redis
    say "Redis answers on $REDIS, with a password"
}

# --- Settings ---------------------------------------------------------------------------------------

has_setting() { grep -qE "^\s*(export\s+)?$1\s*=" "$SETTINGS" 2>/dev/null; }

# add_setting NAME VALUE: unless the file has one. An operator's values are never changed.
add_setting() {
    ! has_setting "$1" || return 0
    append "$SETTINGS" "$1=$2"
    say "set $1 in $SETTINGS"
}

# take_over_settings: an application host has the settings of the first node, or of another application host.
take_over_settings() {
    local file
    for file in "$SETTINGS" "$MIGRATE_SETTINGS"; do
        # A single machine that became the first node named its own server.
        grep -q '^DATABASE_URL=mysql://[^@]*@127\.0\.0\.1:3306/' "$file" 2>/dev/null || continue
        sed -i '/^DATABASE_URL=/s/@127\.0\.0\.1:3306/@127.0.0.1:3307/' "$file"
        say "changed the port of DATABASE_URL in $file to HAProxy's"
    done
    secret "$SETTINGS" "$SYSTEM_USER"
    [ ! -e "$MIGRATE_SETTINGS" ] || secret "$MIGRATE_SETTINGS" root
    add_setting DATABASE_READ_URL "$(setting DATABASE_URL | sed 's/@127\.0\.0\.1:3307/@127.0.0.1:3308/')"
    # Both are the business of a node.
    add_setting BACKUP_MAX_HOURS 0
    add_setting DRILL_MAX_DAYS 0
    [ -z "$REDIS" ] || [ -n "$(setting REDIS_URL)" ] || {
        sed -i '/^REDIS_URL=/d' "$SETTINGS"
        add_setting REDIS_URL "redis://:$(random 16)@$REDIS:6379/0"
    }
    if [ -n "$OFFICE" ]; then
        add_setting JOBS_ELSEWHERE 1
    elif grep -q '^JOBS_ELSEWHERE=' "$SETTINGS"; then # copied from a host without the office, or this one becomes the office
        sed -i '/^JOBS_ELSEWHERE=/d' "$SETTINGS"
        say "removed JOBS_ELSEWHERE from $SETTINGS: the office is on this host"
    fi
}

check_settings() {
    [ "$ROLE" != db ] || return 0
    case ",$(setting ALLOWED_HOSTS | tr -d ' ')," in
    *",$DOMAIN,"*) ;;
    *)
        ! has_setting ALLOWED_HOSTS ||
            fail "ALLOWED_HOSTS in $SETTINGS does not have $DOMAIN: add it there (names with commas between them), run" \
                "\`scoring restart\`, and then the same command again"
        ;;
    esac
    [ "$ROLE" = app ] || return 0
    [ -n "$(setting SECRET_KEY)" ] && [ -n "$(setting DATABASE_URL)" ] ||
        fail "$SETTINGS must be that of the other hosts, because its SECRET_KEY made the receipts, the printed codes and the logins:" \
            "scp root@$(first_node):$SETTINGS $SETTINGS, and on one application host $MIGRATE_SETTINGS too"
    case $(setting DATABASE_URL) in
    *@127.0.0.1:330[67]/*) ;;
    *) fail "DATABASE_URL in $SETTINGS does not name HAProxy on 127.0.0.1:3307: correct it there" ;;
    esac
}

write_settings() {
    local port=''
    [ "$HTTPS_PORT" = 443 ] || port=:$HTTPS_PORT
    [ -e "$SETTINGS" ] || echo "# The settings of the site; .env.example of a release lists all. Then: scoring restart" |
        write "$SETTINGS" 600 "$SYSTEM_USER"
    [ "$ROLE" = app ] || [ -e "$MIGRATE_SETTINGS" ] ||
        echo "# The database user that may change the schema." | write "$MIGRATE_SETTINGS" 600
    if [ "$ROLE" = app ]; then take_over_settings; else add_setting SECRET_KEY "$(random 32)"; fi
    add_setting ALLOWED_HOSTS "$DOMAIN"
    add_setting HTTPS 1
    add_setting PUBLIC_URL "https://$DOMAIN$port"
    add_setting VAR_DIR "$DATA_DIR"
    add_setting STATIC_ROOT "$STATIC_DIR"
    add_setting METRICS_DIR "$RUN_DIR/metrics"
    add_setting LOG_FORMAT json
}

# check_login: both database users can log in with what the settings have.
check_login() {
    local output file=$SETTINGS
    if output=$(manage check --database default 2>&1); then
        [ -e "$MIGRATE_SETTINGS" ] || return 0 # another application host changes the schema
        file=$MIGRATE_SETTINGS
        if output=$(migrate --plan 2>&1); then return; fi
    fi
    case $output in
    *2013* | *2002* | *1047*)
        [ "$ROLE" != app ] || fail "no node of the cluster answers HAProxy: ask \`scoring node status\` on each of $NODES, and see" \
            "whether this host may log in there (--hosts of the first node) and reaches port 3306"
        fail "the database does not answer: journalctl -u mariadb shows why"
        ;;
    *1045*)
        [ "$ROLE" != app ] || fail "the database refuses the password in DATABASE_URL of $file: copy that line from $file of" \
            "another application host or of $(first_node)"
        fail "the database refuses the password in DATABASE_URL of $file: correct it there, or delete that line:" \
            "the next run of install.sh makes a new password"
        ;;
    *) fail "the database cannot be used with DATABASE_URL of $file: $(tail -n 1 <<<"$output")" ;;
    esac
}

# --- The release ------------------------------------------------------------------------------------

install_release() {
    is_built "$VERSION" || {
        say "building release $VERSION …"
        copy_release "$TREE" "$VERSION"
        build_release "$VERSION"
    }
    export RELEASE=$RELEASES/$VERSION
    check_release "$VERSION"
    check_login
    if manage migrate --check >/dev/null 2>&1; then :; else
        [ -e "$MIGRATE_SETTINGS" ] || fail "the tables are not those of this release: install the application host first that has" \
            "$MIGRATE_SETTINGS, or upgrade it"
        say "making the tables …"
        migrate --verbosity 0
    fi
    [ "$(current_version)" = "$VERSION" ] || {
        collect_static "$VERSION"
        switch_release "$VERSION"
        say "release $VERSION is the current one"
    }
    unset RELEASE
    link_command
}

link_command() {
    [ "$(readlink "$COMMAND")" = "$CURRENT/deploy/scoring" ] || {
        ln -sfn "$CURRENT/deploy/scoring" "$COMMAND"
        say "made the command scoring"
    }
}

# --- Programs ---------------------------------------------------------------------------------------

remove_programs() {
    case $1 in
    supervisor)
        [ -e "$SUPERVISOR_CONF" ] || return 0
        rm "$SUPERVISOR_CONF"
        quietly 120 supervisorctl update || true
        ;;
    systemd)
        [ -e "$UNIT_DIR/scoring.target" ] || return 0
        quietly 120 systemctl stop scoring.target 'scoring@*' || true
        # shellcheck disable=SC2046 # a list
        quietly 60 systemctl disable scoring.target $(program_names | sed 's/.*/scoring@&/') || true
        rm -f "$UNIT_DIR/scoring.target" "$UNIT_DIR/scoring@.service"
        systemctl daemon-reload
        ;;
    esac
    say "removed the programs from $1"
}

supervisor_conf() {
    local name
    echo "; install.sh writes this file from deploy/programs; a change here is overwritten."
    echo "[group:scoring]"
    echo "programs=$(program_names | paste -sd ,)"
    for name in $(program_names); do render supervisor-program.conf NAME="$name"; done
}

configure_programs() {
    local end=$((SECONDS + 30))
    case $PROCESS_MANAGER in
    supervisor)
        remove_programs systemd
        systemctl --quiet is-active supervisor || quietly 60 systemctl enable --now supervisor
        supervisor_conf | write "$SUPERVISOR_CONF" 644
        # It answers a moment after its start.
        until supervisorctl pid >/dev/null 2>&1 || [ $SECONDS -ge $end ]; do sleep 0.2; done
        quietly 180 supervisorctl update scoring
        ;;
    systemd)
        remove_programs supervisor
        render scoring@.service | write "$UNIT_DIR/scoring@.service" 644
        render scoring.target | write "$UNIT_DIR/scoring.target" 644
        systemctl daemon-reload
        # shellcheck disable=SC2046 # a list
        quietly 60 systemctl enable scoring.target $(program_names | sed 's/.*/scoring@&/')
        ;;
    esac
}

start_programs() {
    local name port
    for name in $(program_names); do
        control status "$name" >/dev/null 2>&1 || {
            control start "$name" >>"$LOG_DIR/install.log" 2>&1 || true
            say "started $name"
        }
    done
    while read -r name port; do
        [ "$port" = - ] || probe "$port" 60 ||
            fail "$name does not answer on port $port: see $LOG_DIR/$name.log"
    done < <(programs)
}

# --- nginx and the certificate ----------------------------------------------------------------------

# servers POOL: a line for each copy of the pool.
servers() {
    # Files of jobs are on one host, so its office serves all.
    if [ "$1" = web ] && [ -n "$OFFICE" ]; then
        say "    server $OFFICE:$HTTPS_PORT max_fails=0;"
        return
    fi
    programs | awk -v pool="^$1-" '$1 ~ pool { print "    server 127.0.0.1:" $2 " max_fails=0;" }'
}

# believed_proxies: who may name the customer's address in place of its own.
believed_proxies() {
    local proxy
    [ -n "$PROXIES" ] || return 0
    for proxy in ${PROXIES//,/ }; do echo "    set_real_ip_from $proxy;"; done
    echo "    real_ip_header X-Forwarded-For;"
    echo "    real_ip_recursive on;"
}

# office_by_tls: how nginx reaches the office on another host.
office_by_tls() {
    [ -n "$OFFICE" ] || return 0
    echo "    proxy_ssl_server_name on;"
    echo "    proxy_ssl_name $DOMAIN;"
    echo "    proxy_ssl_verify on;"
    echo "    proxy_ssl_verify_depth 4;"
    echo "    proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;"
}

# static_files: those of this host, or of the office: its pages name the files of its release.
static_files() {
    if [ -z "$OFFICE" ]; then
        echo "        alias $STATIC_DIR/;"
        echo "        gzip_static on;"
    else
        echo "        proxy_pass https://scoring_web;"
        echo "        proxy_hide_header Cache-Control;"
        echo "        proxy_hide_header X-Content-Type-Options;"
    fi
}

# listen PORT OPTIONS: by IPv6 too, if the machine has it.
listen() {
    echo "    listen $1$2;"
    [ ! -e /proc/net/if_inet6 ] || echo "    listen [::]:$1$2;"
}

# Until certbot has the first one: nginx does not start without a certificate, and certbot needs nginx.
placeholder_certificate() {
    ! openssl x509 -in "$TLS_DIR/fullchain.pem" -noout 2>/dev/null || return 0
    install -d -m 750 "$TLS_DIR"
    quietly 60 openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TLS_DIR/key.pem" \
        -out "$TLS_DIR/fullchain.pem.new" -days 7 -subj "/CN=placeholder"
    mv "$TLS_DIR/fullchain.pem.new" "$TLS_DIR/fullchain.pem"
}

configure_nginx() {
    local import_mb name=$DOMAIN
    import_mb=$(setting IMPORT_MAX_MB)
    [ "$HTTPS_PORT" = 443 ] || name+=:$HTTPS_PORT
    if [ "$CERTIFICATE" = file ]; then
        [ -z "$certificate" ] || "$TREE/deploy/certificate.sh" --certificate "$certificate" --key "$key"
    else
        placeholder_certificate
    fi
    render nginx.conf DOMAIN="$DOMAIN" HTTPS_NAME="$name" ACME_DIR="$ACME_DIR" IMPORT_BODY="$((${import_mb:-20} + 1))m" \
        LISTEN_HTTP="$(listen "$HTTP_PORT" '')" LISTEN_HTTPS="$(listen "$HTTPS_PORT" ' ssl http2')" \
        SCORE_SERVERS="$(servers score)" WEB_SERVERS="$(servers web)" WEB_SCHEME="http${OFFICE:+s}" \
        BELIEVED_PROXIES="$(believed_proxies)" OFFICE_BY_TLS="$(office_by_tls)" STATIC_FILES="$(static_files)" |
        write "$NGINX_CONF" 644 root nginx
    # Debian's page would answer for a Host that is not ours.
    if [ -L /etc/nginx/sites-enabled/default ]; then
        due nginx
        rm /etc/nginx/sites-enabled/default
        say "switched nginx's default page off"
    fi
    # Each phone keeps a connection for a while; Debian's 768 are few.
    if grep -q 'worker_connections 768;' /etc/nginx/nginx.conf; then
        due nginx
        sed -i 's/worker_connections 768;/worker_connections 4096;/' /etc/nginx/nginx.conf
        say "allowed nginx 4096 connections for each worker"
    fi
    # A connection is a file; a worker may have 1024 by itself.
    if ! grep -qsR '^ *worker_rlimit_nofile' /etc/nginx/nginx.conf /etc/nginx/modules-enabled; then
        due nginx
        sed -i '1i worker_rlimit_nofile 8192;' /etc/nginx/nginx.conf
        say "allowed nginx 8192 open files for each worker"
    fi
    is_due nginx || ! systemctl --quiet is-active nginx || return 0
    quietly 20 nginx -t || fail "nginx refuses its configuration: $(nginx -t 2>&1 | head -n 1)"
    quietly 60 systemctl enable nginx
    quietly 60 systemctl reload-or-restart nginx || fail "nginx does not start: journalctl -u nginx shows why"
    settled nginx
    say "nginx serves $DOMAIN"
}

obtain_certificate() {
    [ "$CERTIFICATE" = certbot ] || {
        rm -f "$CERTBOT_HOOK" # a renewal would replace the given files
        return 0
    }
    printf '#!/bin/sh\n# certbot calls this after each renewal.\nexec %s certificate %s %s\n' "$COMMAND" \
        "--certificate \"\$RENEWED_LINEAGE/fullchain.pem\"" "--key \"\$RENEWED_LINEAGE/privkey.pem\"" |
        write "$CERTBOT_HOOK" 755
    if [ ! -e "/etc/letsencrypt/live/$DOMAIN/fullchain.pem" ]; then
        local contact=(--register-unsafely-without-email)
        [ -z "$EMAIL" ] || contact=(--email "$EMAIL")
        say "asking for a certificate by certbot …"
        quietly 180 certbot certonly --non-interactive --agree-tos "${contact[@]}" --webroot -w "$ACME_DIR" \
            --cert-name "$DOMAIN" -d "$DOMAIN" ||
            fail "certbot got no certificate: $(grep -a -E 'Detail:|rror' "$LOG_DIR/install.log" | tail -n 1). $DOMAIN must" \
                "resolve to this machine and port 80 must be reachable from the internet; or give --certificate and --key"
    fi
    "$TREE/deploy/certificate.sh" --certificate "/etc/letsencrypt/live/$DOMAIN/fullchain.pem" \
        --key "/etc/letsencrypt/live/$DOMAIN/privkey.pem"
    quietly 60 systemctl enable --now certbot.timer
}

# --- Logs and timers --------------------------------------------------------------------------------

# timers: those of backups are for the machine with the database; in a cluster the last node, which is read and not written.
timers() {
    case $ROLE in
    app) return ;;
    db) [ "$(own_node)" = "$(last_node)" ] || return 0 ;;
    esac
    grep -v '^#' "$TREE/deploy/timers" | sed 's/ *| */|/g' || true
}

configure_timers() {
    local name calendar arguments
    while IFS='|' read -r name calendar arguments; do
        [ -n "$name" ] || continue
        render timer.service NAME="$name" ARGUMENTS="$arguments" | write "$UNIT_DIR/scoring-$name.service" 644
        render timer.timer NAME="$name" CALENDAR="$calendar" | write "$UNIT_DIR/scoring-$name.timer" 644
        systemctl daemon-reload
        quietly 60 systemctl enable --now "scoring-$name.timer"
    done < <(timers)
    render logrotate | write "$LOGROTATE_CONF" 644
}

remove_timers() {
    local unit
    for unit in "$UNIT_DIR"/scoring-*.timer; do
        [ -e "$unit" ] || continue
        quietly 60 systemctl disable --now "$(basename "$unit")" || true
        rm -f "$unit" "${unit%.timer}.service"
    done
    systemctl daemon-reload
}

# --- The whole --------------------------------------------------------------------------------------

check_result() {
    local answer='' end=$((SECONDS + 15))
    # nginx returns from a reload before its new processes answer.
    while [ "$answer" != 200 ]; do
        [ $SECONDS -lt $end ] ||
            fail "the site is installed, but https://$DOMAIN:$HTTPS_PORT/score/form answers ${answer:-nothing} on this machine:" \
                "see scoring status, /var/log/nginx/scoring.log and $LOG_DIR"
        answer=$(curl --noproxy '*' -s -o /dev/null -m 5 -w '%{http_code}' --resolve "$DOMAIN:$HTTPS_PORT:127.0.0.1" \
            "https://$DOMAIN:$HTTPS_PORT/score/form") || true
        [ "$answer" = 200 ] || sleep 0.5
    done
}

# What follows from the templates, the list of programs and the facts.
configure() {
    doing "writing the configuration"
    case $ROLE in
    single) configure_mariadb ;;
    app)
        configure_haproxy
        configure_redis
        ;;
    db)
        configure_node
        configure_timers
        return
        ;;
    esac
    configure_programs
    doing "starting the programs"
    start_programs
    doing "configuring nginx"
    configure_nginx
    doing "getting the certificate"
    obtain_certificate
    doing "configuring logs and timers"
    configure_timers
}

install_node() {
    doing "preparing the database"
    check_mariadb
    [ -z "$new_cluster" ] || check_data
    create_user
    create_folders
    write_facts
    configure_node
    doing "starting the node"
    start_node
    doing "preparing the database"
    [ "$(own_node)" != "$(first_node)" ] || create_cluster_accounts
    doing "installing the scripts"
    [ "$(current_version)" = "$VERSION" ] || {
        copy_release "$TREE" "$VERSION"
        switch_release "$VERSION"
        say "release $VERSION is the current one: only its scripts are used here"
    }
    link_command
    configure_timers
    say "This node takes part: $(node status)."
    [ -z "$new_cluster" ] || say "Next: install.sh --role db --nodes $NODES on the others, one after the other. Then copy $SETTINGS and" \
        "$MIGRATE_SETTINGS to an application host, and install.sh --role app there"
}

install_all() {
    VERSION=$(release_version "$TREE")
    [ "$TREE" != "$(readlink -f "$CURRENT")" ] || VERSION=$(current_version)
    [[ $VERSION =~ ^[0-9A-Za-z] ]] || fail "the name of $TREE gives no version: rename the folder, for example scoring-2"
    doing "checking the machine"
    check_options
    check_system
    check_version
    check_disk
    check_ports
    if [ "$ROLE" != db ]; then
        check_name
        check_certificate
    fi
    check_settings
    check_redis
    doing "installing packages"
    install_packages
    if [ "$ROLE" = db ]; then
        install_node
        return
    fi
    doing "preparing the database"
    if [ "$ROLE" = single ]; then
        check_mariadb
        check_data
    fi
    create_user
    create_folders
    write_facts
    write_settings
    if [ "$ROLE" = single ]; then
        configure_mariadb
        create_database
    else
        configure_haproxy
    fi
    doing "installing the release"
    install_release
    configure
    doing "checking the result"
    check_result
    say "https://$DOMAIN is ready."
    manage shell -c "from django.contrib.auth.models import User; print(User.objects.exists())" 2>/dev/null | grep -q True ||
        say "Make the first login of staff: scoring manage createsuperuser"
    # On a cluster the third node makes the backups.
    [ "$ROLE" != single ] || [ -s "$BACKUP_KEY" ] ||
        say "Set the key of the backups; without it none is made: docs/operations.md, \"The key\""
}

uninstall() {
    doing "uninstalling"
    remove_timers
    remove_programs supervisor
    remove_programs systemd
    if [ "$ROLE" = app ] && [ -e "$HAPROXY_CONF" ]; then
        quietly 60 systemctl disable --now haproxy || true
        rm -f "$HAPROXY_CONF"
    fi
    if [ -e "$REDIS_CONF" ]; then
        quietly 60 systemctl disable --now redis-server || true
        rm -f "$REDIS_CONF" "$REDIS_UNIT_CONF"
        systemctl daemon-reload
    fi
    rm -f "$NGINX_CONF" "$CERTBOT_HOOK" "$LOGROTATE_CONF" "$TMPFILES_CONF" "$COMMAND" "$CONF_DIR"/.due-*
    if systemctl --quiet is-active nginx; then quietly 60 systemctl reload nginx || true; fi
    rm -rf "$HOME_DIR" "$RUN_DIR" "$ACME_DIR" "$INSTALL_CONF"
    [ "$ROLE" != app ] || { say "Removed. These stay: $CONF_DIR (settings, keys), $DATA_DIR, $LOG_DIR, the user $SYSTEM_USER and the packages."; return; }
    say "Removed. These stay: the database $DATABASE and MariaDB with $MARIADB_CONF, $CONF_DIR (settings, keys), $DATA_DIR," \
        "$BACKUP_DIR, $LOG_DIR, the user $SYSTEM_USER and the packages. The same install.sh takes them up again."
}

need_root
one_at_a_time
end_with stopped
case $action in
install) install_all ;;
configure)
    read_install_conf
    configure
    ;;
uninstall) uninstall ;;
esac
