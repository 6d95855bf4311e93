#!/bin/bash
# Backs up the database and the settings (/etc/scoring), and copies the binary logs. Every file is compressed (zstd) and encrypted
# (age). As root.
#
#   backup.sh [--physical] [--daily N] [--weekly N]
#   backup.sh --logs         only the binary logs: what a recovery to a point in time needs
#
#   --physical     the files of the server (mariadb-backup) in place of a dump: larger, and restored faster
#   --daily N      backups of the newest N days are kept (7), and the binary logs since the oldest of these
#   --weekly N     and the newest backup of each of N weeks (5)
#   --no-hook      the new files are offered to the hook by the next run
#
# The recipients are in /etc/scoring/backup.pub: the public half of a key that was made on another machine. /etc/scoring/backup-hook,
# if it is there, is called with the path of each new file and copies it to another place. The outcome is in last_backup.json or
# last_logs.json. Exit status: 0 done, 1 failed; backups that exist are kept.
set -euo pipefail
# shellcheck source=deploy/backup_lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/backup_lib.sh"

HOOK=$CONF_DIR/backup-hook
HOOK_SECONDS=${HOOK_SECONDS:-3600}
SENT=$BACKUP_DIR/.sent # an empty file for each file that the hook has taken

kind=dump daily=7 weekly=5 logs_only='' no_hook=''
while [ $# -gt 0 ]; do
    case $1 in
    --physical) kind=physical ;;
    --logs) logs_only=1 ;;
    --no-hook) no_hook=1 ;;
    --daily) need_number "$@"; daily=$2; shift ;;
    --weekly) need_number "$@"; weekly=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

# --- Before -----------------------------------------------------------------------------------------

check_key() {
    [ -s "$BACKUP_KEY" ] ||
        give_up "$BACKUP_KEY is missing. Make a key on another machine (age-keygen -o scoring-backup.key), keep it there, and" \
            "write its public half, the line that begins with age1, into $BACKUP_KEY"
    ! grep -q AGE-SECRET-KEY "$BACKUP_KEY" ||
        give_up "$BACKUP_KEY has a private key, which must not be on this machine. Put only the line that begins with age1 there"
    age --encrypt -R "$BACKUP_KEY" </dev/null >/dev/null 2>&1 ||
        give_up "$BACKUP_KEY has no public key of age: a line that begins with age1"
}

check_server() {
    need_server
    case $(sql -e 'SELECT @@log_bin, @@binlog_format') in
    1*ROW) ;;
    *) give_up "the server writes no binary log of rows: set log_bin and binlog_format=ROW in its configuration and restart MariaDB" ;;
    esac
}

# --- Files ------------------------------------------------------------------------------------------

# write_file NAME COMMAND …: the output of COMMAND as a file of the backups. Only a complete file gets this name.
write_file() {
    local name=$1 partial=$BACKUP_DIR/.partial-$1 recipients=(-R "$BACKUP_KEY")
    shift
    [ ! -s "$key" ] || recipients+=(-r "$(age-keygen -y "$key")")
    { "$@" | zstd -q -T0 -3 | age --encrypt "${recipients[@]}" >"$partial" && sync "$partial"; } 2>"$ERRORS" || explain_failure
    mv "$partial" "$BACKUP_DIR/$name"
    sync "$BACKUP_DIR"
}

explain_failure() {
    local free
    free=$(df --output=avail "$BACKUP_DIR" | tail -n 1)
    if grep -qi 'no space left' "$ERRORS" || [ "$free" -lt 1024 ]; then
        give_up "the disk of $BACKUP_DIR is full. Free space there, or keep fewer backups with --daily and --weekly; older backups are kept"
    fi
    server_answers || give_up "MariaDB went away during the backup; older backups are kept. See: journalctl -u mariadb -n 50"
    give_up "the backup failed, older backups are kept: $(grep -v '^$' "$ERRORS" | tail -n 1)"
}

# First the collation of the database, which the tables of later migrations in the binary log take on.
dump() {
    sql -e "SELECT CONCAT('ALTER DATABASE CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name, ';')
        FROM information_schema.schemata WHERE schema_name = '$DATABASE'"
    mariadb-dump --no-defaults --socket="$DB_SOCKET" --user=root --single-transaction --master-data=2 --hex-blob \
        --default-character-set=utf8mb4 "$DATABASE"
}

physical() {
    mariadb-backup --no-defaults --backup --socket="$DB_SOCKET" --user=root --datadir="$(sql -e 'SELECT @@datadir')" \
        --stream=mbstream --target-dir="$KEY_DIR/mariadb-backup"
}

# The key of the drill is made anew for each backup. It is used once the backup is complete: until then the newest one has the old key.
back_up() {
    local suffix=sql
    [ "$kind" = dump ] || suffix=mbs
    key=$DRILL_KEY.new
    rm -f "$key"
    age-keygen -o "$key" 2>/dev/null
    file=$kind-$(now).$suffix.zst.age
    write_file "$file" "$kind"
    # Its SECRET_KEY made the receipts and the printed codes: a database without it is half of a site.
    write_file "$(settings_of "$file")" tar -c -C "$CONF_DIR" .
    mv "$key" "$DRILL_KEY"
    key=$DRILL_KEY
    say "$file: $(du -h "$BACKUP_DIR/$file" | cut -f 1) in $SECONDS s"
}

begun_at() { date -u -d "@$(od -An -tu4 -j4 -N4 "$1" | tr -d ' ')" +%Y%m%dT%H%M%SZ; } # the time in a log's first event

# From the newest closed log back to the one that was written when the oldest daily backup began.
copy_logs() {
    local base current log name begun oldest
    oldest=$(oldest_daily)
    sql -e 'FLUSH BINARY LOGS'
    base=$(sql -e 'SELECT @@log_bin_basename')
    current=$(sql -e 'SHOW MASTER STATUS' | cut -f 1)
    while read -r log; do
        name=${log##*/}
        [[ $name < $current ]] || continue
        begun=$(begun_at "$log")
        [ -e "$BACKUP_DIR/binlog-$begun-$name.zst.age" ] || write_file "binlog-$begun-$name.zst.age" cat "$log"
        # Of the same second: it may have begun after that backup.
        [ -z "$oldest" ] || [[ ! $begun < $oldest ]] || break
    done < <(find "${base%/*}" -maxdepth 1 -name "${base##*/}.[0-9]*" | LC_ALL=C sort -r)
}

# --- Rotation ---------------------------------------------------------------------------------------

# plan: "daily NAME", "weekly NAME" or "drop NAME" for each backup, the newest first. All of the newest day are kept, else the newest of
# each kind of a day and of a week (in UTC). Days and weeks count over both kinds, so one of a kind that is made no more grows old too.
plan() {
    local name kind day week newest='' last_day='' last_week='' days=0 weeks=0 verdict
    local -A day_of=() week_of=() # of a kind: those of its backup before
    while read -r name; do
        kind=$(kind_of "$name")
        day=$(time_of "$name")
        day=${day%T*}
        week=$(date -u -d "$day" +%G%V)
        newest=${newest:-$day}
        [ "$week" = "$last_week" ] || weeks=$((weeks + 1))
        [ "$day" = "$last_day" ] || days=$((days + 1))
        verdict=drop
        if [ "$week" != "${week_of[$kind]:-}" ] && [ $weeks -le "$weekly" ]; then verdict=weekly; fi
        if [ "$day" = "$newest" ] || { [ "$day" != "${day_of[$kind]:-}" ] && [ $days -le "$daily" ]; }; then verdict=daily; fi
        last_day=$day last_week=$week day_of[$kind]=$day week_of[$kind]=$week
        printf '%s %s\n' "$verdict" "$name"
    done < <(backups | tac)
}

oldest_daily() { plan | while read -r verdict name; do [ "$verdict" != daily ] || time_of "$name"; done | LC_ALL=C sort | head -n 1; }

rotate() {
    local verdict name oldest needed=1 mark
    while read -r verdict name; do
        [ "$verdict" != drop ] || rm -f "$BACKUP_DIR/$name" "$BACKUP_DIR/$(settings_of "$name")"
    done < <(plan)
    oldest=$(oldest_daily)
    while read -r name; do
        [ -n "$needed" ] || rm "$BACKUP_DIR/$name"
        [[ ! $(time_of "$name") < $oldest ]] || needed=''
    done < <(files_of binlog | tac)
    for mark in "$SENT"/*; do
        [ -e "$BACKUP_DIR/${mark##*/}" ] || rm -f "$mark"
    done
}

# --- To another place -------------------------------------------------------------------------------

# Files that the hook has not taken yet, so that a failure of yesterday is made good today. A hook that hangs must not keep the
# next backup waiting, so this has a lock of its own.
hand_over() {
    local file status failed=''
    [ -e "$HOOK" ] && [ -z "$no_hook" ] || return 0
    [ -x "$HOOK" ] || give_up "$HOOK cannot be executed: chmod 700 $HOOK"
    locked=''
    exec 8>&- 7>"$KEY_DIR/hook.lock"
    flock --nonblock 7 || { say "$HOOK still runs for an earlier backup; the next one offers it the new files"; return 0; }
    for file in "$BACKUP_DIR"/{dump,physical,settings,binlog}-*.age; do
        [ -e "$file" ] && [ ! -e "$SENT/${file##*/}" ] || continue
        status=0
        timeout --kill-after=30 "$HOOK_SECONDS" "$HOOK" "$file" </dev/null 7>&- || status=$?
        if [ $status = 0 ]; then
            touch "$SENT/${file##*/}"
        elif [ -e "$file" ]; then # else a backup meanwhile has dropped it
            failed=${failed:-status $status for ${file##*/}}
            # After its time was up: the next file would take as long.
            [ $status != 124 ] && [ $status != 137 ] || break
        fi
    done
    [ -z "$failed" ] || give_up "$HOOK failed with $failed. The file is in $BACKUP_DIR and is offered again next time"
}

# --- The run ----------------------------------------------------------------------------------------

REASON='' file='' key=$DRILL_KEY locked='' ERRORS=''
finish() {
    local status=$? name=backup
    trap - EXIT
    rm -f "$ERRORS"
    if [ -n "$locked" ]; then # else these are of another backup
        rm -f "$DRILL_KEY.new" "$BACKUP_DIR"/.partial-*
        rm -rf "$KEY_DIR/mariadb-backup"
    fi
    [ -z "$logs_only" ] || name=logs
    if [ $status = 0 ]; then
        record $name true kind "$kind" file "$file" bytes "$(stat -c %s "$BACKUP_DIR/$file" 2>/dev/null || echo 0)" seconds $SECONDS
    else
        record $name false kind "$kind" error "${REASON:-it was interrupted; see its output}"
    fi
    exit $status
}

need_root
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
take_lock backup
locked=1
ERRORS=$(mktemp "$KEY_DIR/errors.XXXXXX")
mkdir -p "$BACKUP_DIR" "$SENT"
chmod 700 "$BACKUP_DIR"
rm -f "$BACKUP_DIR"/.partial-* # of a run that was killed

need_program age age
need_program zstd zstd
[ "$kind" = dump ] || need_program mariadb-backup mariadb-backup
check_key
check_server
[ -n "$logs_only" ] || back_up
copy_logs
[ -n "$logs_only" ] || rotate
hand_over
