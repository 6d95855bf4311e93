# Shared by backup.sh, restore.sh and drill.sh: the database, keys, copies of the binary logs, a scratch server.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts use these variables
# shellcheck source=deploy/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"

DB_SOCKET=${DB_SOCKET:-/run/mysqld/mysqld.sock}
# In memory, for root only: the drill key, and what must never be on a disk.
KEY_DIR=${KEY_DIR:-/run/scoring-backup}
DRILL_KEY=$KEY_DIR/drill.key
# A scratch server needs the space of the database there.
SCRATCH_PARENT=${SCRATCH_PARENT:-/var/tmp}
SCRATCH_MEMORY=${SCRATCH_MEMORY:-256M}
PATH=$PATH:/usr/sbin
umask 077

# give_up MESSAGE: ends with a message, which `record` stores too.
give_up() {
    REASON=$*
    fail "$REASON"
}

need_program() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null || give_up "$1 is missing: apt-get install $2"
}

# need_value OPTION [VALUE]
need_value() { [ -n "${2:-}" ] || fail "$1 needs a value; see: $0 --help"; }

need_number() { # OPTION VALUE
    need_value "$@"
    [[ $2 =~ ^[1-9][0-9]{0,8}$ ]] || fail "$1 needs a whole number from 1, not $2"
}

# usage: the comment on top of the script.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

now() { date -u +%Y%m%dT%H%M%SZ; }

# --- The database -----------------------------------------------------------------------------------

sql_on() { # SOCKET ARGUMENT …
    mariadb --no-defaults --socket="$1" --user=root --default-character-set=utf8mb4 --batch --skip-column-names "${@:2}"
}
sql() { sql_on "$DB_SOCKET" "$@"; }

# load SOCKET DATABASE: executes standard input. --binary-mode: a text in it cannot be a command of the client.
load() { sql_on "$1" --binary-mode "$2"; }

server_answers() { sql -e 'SELECT 1' >/dev/null 2>&1; }

need_server() {
    server_answers ||
        give_up "MariaDB does not answer on $DB_SOCKET. Start it: systemctl start mariadb; if it ends again: journalctl -u mariadb -n 50"
}

tables_of() { # DATABASE
    sql -e "SELECT table_name FROM information_schema.tables WHERE table_schema = '$1' AND table_type = 'BASE TABLE' ORDER BY 1"
}

# need_space FOLDER MB: gives up unless that much fits and room is left: the live database may write to the same disk.
need_space() {
    local size free left
    read -r size free < <(df -Pm "$1" | awk 'NR == 2 { print $2, $4 }')
    left=$((size / 20 < 2048 ? size / 20 : 2048))
    [ $((free - $2)) -ge $left ] ||
        give_up "$1 has $free MB free. This needs $2 MB there, and $left MB stay free for the live database: free some space," \
            "or let a scratch server use another disk by SCRATCH_PARENT=FOLDER before the command"
}

# size_of_copy: the MB of a second copy of the live database, with room to spare and the files of an empty server.
size_of_copy() {
    sql -e "SELECT CEIL(IFNULL(SUM(data_length + index_length), 0) * 1.3 / 1048576) + 128 FROM information_schema.tables
        WHERE table_schema = '$DATABASE'" 2>/dev/null || echo 128
}

# --- Results ----------------------------------------------------------------------------------------

# record NAME OK KEY VALUE …: the result for `manage.py doctor`, as STATE_DIR/last_NAME.json. A VALUE that is not a number becomes a text.
record() {
    local name=$1 ok=$2 file=$STATE_DIR/last_$1.json at text last_ok
    shift 2
    at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    if [ "$ok" = true ]; then last_ok=$at; else last_ok=$(sed -n 's/.*"last_ok": "\([^"]*\)".*/\1/p' "$file" 2>/dev/null || true); fi
    text="{\"at\": \"$at\", \"ok\": $ok, \"last_ok\": \"$last_ok\""
    while [ $# -gt 0 ]; do
        if [[ $2 =~ ^(0|[1-9][0-9]*)$ ]]; then text+=", \"$1\": $2"; else text+=", \"$1\": \"${2//[$'"\\\n\t']/ }\""; fi
        shift 2
    done
    mkdir -p "$STATE_DIR"
    # The folder belongs to another user: a new file, so that no link of that name is followed.
    local new
    new=$(mktemp "$STATE_DIR/.$name.XXXXXX")
    printf '%s}\n' "$text" >"$new"
    chmod 644 "$new"
    mv -T "$new" "$file"
}

# --- Locks ------------------------------------------------------------------------------------------

# take_lock NAME: waits for another process that has it, up to LOCK_SECONDS. It ends with this process and the programs that it runs.
LOCK_SECONDS=${LOCK_SECONDS:-900}
take_lock() {
    mkdir -p "$KEY_DIR"
    exec 8>"$KEY_DIR/$1.lock"
    flock --timeout "$LOCK_SECONDS" 8 || give_up "another $1 has been running for $LOCK_SECONDS s; see: ps -ef | grep scoring"
}

# --- Files ------------------------------------------------------------------------------------------
# KIND-TIME….age; the settings have the TIME of their dump or physical backup; a binary log is binlog-TIME-NAME….age, where TIME is that of its beginning. So names sort by time.

kind_of() { local name=${1##*/}; printf '%s\n' "${name%%-*}"; }
time_of() { local name=${1##*/}; name=${name#*-}; name=${name%%.*}; printf '%s\n' "${name%%-*}"; }

files_of() { # KIND: names, the oldest first
    find "$BACKUP_DIR" -maxdepth 1 -type f -name "$1-*.age" -printf '%f\n' | LC_ALL=C sort
}

settings_of() { printf 'settings-%s.tar.zst.age\n' "$(time_of "$1")"; } # of a backup

backups() { { files_of dump; files_of physical; } | LC_ALL=C sort -t - -k 2; } # names, the oldest first

log_of() { local name=${1##*/}; name=${name#binlog-*Z-}; printf '%s\n' "${name%.zst.age}"; } # of a copy

# --- Keys -------------------------------------------------------------------------------------------

# open_identity PATH|-: sets IDENTITY, a file with the private half. From standard input it is kept in memory only.
open_identity() {
    local left
    for left in "$KEY_DIR"/identity.*; do # of a script that was killed
        [ ! -e "$left" ] || kill -0 "${left##*.}" 2>/dev/null || rm -f "$left"
    done
    IDENTITY=$1
    if [ "$1" = - ]; then
        IDENTITY=$KEY_DIR/identity.$$
        cat >"$IDENTITY"
    fi
    [ -s "$IDENTITY" ] || give_up "the private half of the key is missing: --identity FILE, or --identity - and the key on standard input"
}

# check_identity FILE: fails if the identity does not open FILE.
check_identity() {
    local answer
    answer=$( { head -c 65536 "$1" | age --decrypt -i "$IDENTITY"; } 2>&1 >/dev/null) || true
    case $answer in
    *'no identity matched'*) give_up "this key does not open ${1##*/}: it needs the private half of $BACKUP_KEY as it was at that time" ;;
    *'reading'*identit* | *'malformed'* | *'no secret keys'* | *'unknown identity'*)
        give_up "the identity is not a private key of age; it should have a line that begins with AGE-SECRET-KEY-1"
        ;;
    esac
}

decrypt() { age --decrypt -i "$IDENTITY" "$1" | zstd -dq; }

# copy_newest_logs: closes the current log and copies it, without waiting for the hook. A log that is missing nevertheless is noticed
# by `chain`.
copy_newest_logs() {
    ! server_answers || "$TREE/deploy/backup.sh" --logs --no-hook || say "the newest binary logs may be missing, because of the error above"
}

# --- A scratch server -------------------------------------------------------------------------------

# make_scratch: sets SCRATCH, a new folder for a server, and removes those that a killed run has left. Needs the lock `scratch`.
make_scratch() {
    take_lock scratch
    find "$SCRATCH_PARENT" -maxdepth 1 -type d -name 'scoring-scratch.*' -exec rm -rf {} +
    SCRATCH=$(mktemp -d "$SCRATCH_PARENT/scoring-scratch.XXXXXX")
    mkdir "$SCRATCH/data" "$SCRATCH/tmp" "$SCRATCH/logs"
    chown -R mysql "$SCRATCH"
    SCRATCH_SOCKET=$SCRATCH/socket
    SCRATCH_PID=
}

remove_scratch() {
    [ -z "${SCRATCH_PID:-}" ] || { kill -KILL "$SCRATCH_PID" && wait "$SCRATCH_PID"; } 2>/dev/null || true
    [ -z "${SCRATCH:-}" ] || rm -rf "$SCRATCH"
    rm -f "$KEY_DIR/identity.$$"
}

# The data is thrown away, so nothing is flushed. An encrypted file may come from anybody who has the public half: what it
# executes may write no files, and the server listens on a socket in a closed folder only.
start_scratch() {
    # It ends with this script, however that ends. The kernel forgets this when --user changes the user, so setpriv does.
    setpriv --pdeathsig KILL --reuid mysql --regid mysql --init-groups \
        mariadbd --no-defaults --datadir="$SCRATCH/data" --socket="$SCRATCH_SOCKET" --pid-file="$SCRATCH/pid" \
        --tmpdir="$SCRATCH/tmp" --secure-file-priv="$SCRATCH/tmp" --skip-networking --skip-log-bin --skip-slave-start \
        --character-set-server=utf8mb4 --innodb-buffer-pool-size="$SCRATCH_MEMORY" --innodb-flush-log-at-trx-commit=0 \
        --skip-innodb-doublewrite >"$SCRATCH/server.log" 2>&1 7>&- 8>&- &
    SCRATCH_PID=$!
    for _ in $(seq 600); do
        if sql_on "$SCRATCH_SOCKET" -e 'SELECT 1' >/dev/null 2>&1; then return; fi
        kill -0 "$SCRATCH_PID" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$SCRATCH/server.log" >&2
    give_up "the scratch server does not start; free space in $SCRATCH_PARENT: $(df -h --output=avail "$SCRATCH_PARENT" | tail -n 1)"
}

# unpack_physical FILE DIR: a copy by mariadb-backup, made consistent.
unpack_physical() {
    decrypt "$1" | mbstream -x -C "$2" || give_up "${1##*/} cannot be unpacked: it is damaged, or $2 has no space"
    mariadb-backup --no-defaults --prepare --target-dir="$2" >"$2/prepare.out" 2>&1 || {
        tail -n 3 "$2/prepare.out" >&2
        give_up "${1##*/} cannot be made consistent"
    }
    rm "$2/prepare.out"
    chown -R mysql:mysql "$2"
}

# restore_scratch FILE: the backup in a running scratch server; sets POSITION, "LOG:POSITION" of the binary log.
restore_scratch() {
    need_space "$SCRATCH" "$(size_of_copy)"
    case $(kind_of "$1") in
    dump)
        # A starting server deletes all temporary tables in its folder for them. The site's server has its own in /tmp.
        TMPDIR=$SCRATCH/tmp mariadb-install-db --no-defaults --user=mysql --datadir="$SCRATCH/data" \
            --auth-root-authentication-method=socket --auth-root-socket-user=root --skip-test-db \
            >"$SCRATCH/install.log" 2>&1 || give_up "the scratch server cannot be made"
        start_scratch
        sql_on "$SCRATCH_SOCKET" -e "CREATE DATABASE \`$DATABASE\` CHARACTER SET utf8mb4"
        decrypt "$1" | load "$SCRATCH_SOCKET" "$DATABASE" || give_up "${1##*/} cannot be restored: it is damaged, or the disk is full"
        POSITION=$(position_of_dump "$1")
        ;;
    physical)
        unpack_physical "$1" "$SCRATCH/data"
        POSITION=$(awk '{ print $1 ":" $2; exit }' "$SCRATCH"/data/*_binlog_info)
        start_scratch
        ;;
    *) give_up "${1##*/} is not a backup: its name begins with dump- or physical-" ;;
    esac
    [[ $POSITION =~ ^.+:[0-9]+$ ]] || give_up "${1##*/} names no position of the binary log"
}

# The beginning is enough, and the pipe breaks.
position_of_dump() {
    (
        set +o pipefail
        decrypt "$1" 2>/dev/null | head -n 60 |
            sed -n "s/^-- CHANGE MASTER TO MASTER_LOG_FILE='\(.*\)', MASTER_LOG_POS=\([0-9]*\);/\1:\2/p"
    )
}

# --- Rolling forward --------------------------------------------------------------------------------

# chain TIME FROM [TO]: the copies from the log FROM to the log TO or the last one. A server that was made anew counts from 1 again,
# so the name alone does not tell: FROM is the first log of that name that went on after TIME.
chain() {
    local copies i log last_wanted=''
    mapfile -t copies < <(files_of binlog)
    for ((i = 0; i < ${#copies[@]}; i++)); do
        [ "$(log_of "${copies[i]}")" = "$2" ] || continue
        [ $((i + 1)) -lt ${#copies[@]} ] || break
        [[ $(time_of "${copies[i + 1]}") < $1 ]] || break
    done
    [ "$i" -lt ${#copies[@]} ] || fail "$BACKUP_DIR has no copy of $2, with which this backup goes on"
    for (( ; i < ${#copies[@]}; i++)); do
        log=$(log_of "${copies[i]}")
        [ -z "$last_wanted" ] || [ "$log" = "$last_wanted" ] || break
        printf '%s\n' "${copies[i]}"
        [ "$log" != "${3:-}" ] || return 0
        last_wanted=${log%.*}.$(printf '%06d' $((10#${log##*.} + 1)))
    done
    [ -z "${3:-}" ] || fail "$BACKUP_DIR has no copy of $last_wanted: the logs from $2 to $3 are not complete"
}

# unpack_logs COPY …: sets LOGS, the decrypted files, in order.
unpack_logs() {
    local copy file
    LOGS=()
    for copy; do
        file=$SCRATCH/logs/$(log_of "$copy")
        check_identity "$BACKUP_DIR/$copy"
        need_space "$SCRATCH" $(($(stat -c %s "$BACKUP_DIR/$copy") * 10 / 1048576)) # rows compress to a tenth at best
        decrypt "$BACKUP_DIR/$copy" >"$file" || give_up "$copy cannot be unpacked: it is damaged, or the disk is full"
        LOGS+=("$file")
    done
}

# roll_forward TIME [LOG:POSITION]: the scratch server, restored from a backup of TIME, to the end of the logs or to a position.
roll_forward() {
    local copies list stop=()
    list=$(chain "$1" "${POSITION%:*}" "${2:+${2%:*}}") || give_up "the binary logs are not complete"
    mapfile -t copies <<<"$list"
    unpack_logs "${copies[@]}"
    if [ -n "${2:-}" ]; then
        [ "${2#*:}" -le "$(stat -c %s "${LOGS[-1]}")" ] || give_up "${2%:*} has no position ${2#*:}"
        [ ${#LOGS[@]} -gt 1 ] || [ "${2#*:}" -ge "${POSITION#*:}" ] ||
            give_up "the backup is of $POSITION, later than $2: take an older one"
        # It counts in the last of the named logs.
        stop=(--stop-position="${2#*:}")
    fi
    mariadb-binlog --no-defaults --database="$DATABASE" --start-position="${POSITION#*:}" "${stop[@]}" "${LOGS[@]}" |
        load "$SCRATCH_SOCKET" "$DATABASE" || give_up "the binary logs cannot be executed from $POSITION on"
    rm -f "${LOGS[@]}"
}
