#!/bin/bash
# Restores a backup, also to the position before a DELETE, by the copies of the binary logs. As root.
#
#   restore.sh FILE --identity KEY [--into NAME | --replace scoring] [--until LOG:POSITION | --forward]
#   restore.sh FILE --identity KEY --datadir /var/lib/mysql [--replace scoring]
#   restore.sh --deletes TABLE [--rows N] [--after 'YYYY-MM-DD HH:MM:SS'] --identity KEY
#
#   FILE            a backup; without a folder, one of /var/backups/scoring
#   --identity KEY  the file with the private half of the key, or - for standard input, which is kept in memory only
#   --into NAME     a new database beside the one of the application
#   --replace NAME  the name of the database whose data is replaced. Its tables are kept under another name
#   --until L:P     go on with the binary logs to the position P of the log L, as --deletes lists it
#   --forward       go on with the binary logs to the end of the last copy
#   --datadir DIR   the files of a physical backup as the data of the server, which must be stopped
#   --deletes TABLE list the transactions that deleted rows of TABLE: time, position before it, rows
#   --rows N        only with at least N rows (1)
#   --after TIME    only from that local time on
#
# Without --into, --replace and --datadir the database must be empty. It is changed at the end, in one step: a failure before leaves it
# as it is. Exit status: 0 done, 1 failed.
set -euo pipefail
# shellcheck source=deploy/backup_lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/backup_lib.sh"

file='' identity='' target=$DATABASE replace='' until='' forward='' datadir='' deletes='' rows=1 after=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --forward) forward=1; shift; continue ;;
    --rows) need_number "$@"; rows=$2 ;;
    --identity) need_value "$@"; identity=$2 ;;
    --into) need_value "$@"; target=$2 ;;
    --replace) need_value "$@"; replace=$2 ;;
    --until) need_value "$@"; until=$2 ;;
    --datadir) need_value "$@"; datadir=${2%/} ;;
    --deletes) need_value "$@"; deletes=$2 ;;
    --after) need_value "$@"; after=$2 ;;
    -*) usage >&2; exit 2 ;;
    *) file=$1; shift; continue ;;
    esac
    shift 2
done

check_options() {
    [ -n "$identity" ] || fail "name the private half of the key: --identity FILE, or --identity - and the key on standard input"
    [[ $target =~ ^[0-9A-Za-z_]{1,40}$ ]] || fail "--into takes a name of letters, digits and _"
    [[ $target != *_restore ]] || fail "--into takes no name that ends with _restore: a restore drops a database of such a name"
    [ -z "$until" ] || [[ $until =~ ^[^/]+\.[0-9]+:[0-9]+$ ]] ||
        fail "--until takes LOG:POSITION as --deletes lists it, such as mariadb-bin.000012:4711"
    [ -z "$after" ] || after=$(date -d "$after" '+%y%m%d %H:%M:%S' 2>/dev/null) || fail "--after takes a time such as '2026-11-28 03:00:00'"
    [ -z "$replace" ] || [ "$replace" = "$DATABASE" ] || fail "--replace must be followed by the name of the database: $DATABASE"
    [ -z "$replace" ] || [ "$target" = "$DATABASE" ] || fail "--replace and --into exclude each other"
    if [ -n "$deletes" ]; then return; fi
    [ -n "$file" ] || { ls "$BACKUP_DIR" >&2; fail "name the backup: restore.sh FILE …"; }
    [ -e "$file" ] || file=$BACKUP_DIR/$file
    [ -f "$file" ] || fail "the backup $file does not exist"
    case $(kind_of "$file") in
    dump) [ -z "$datadir" ] || fail "--datadir is for a physical backup" ;;
    physical)
        [ -z "$datadir" ] || [ -z "$until$forward" ] ||
            fail "--datadir restores the moment of the backup. For a later one leave --datadir out"
        ;;
    *) fail "${file##*/} is not a backup: its name begins with dump- or physical-" ;;
    esac
}

# --- Deletes ----------------------------------------------------------------------------------------

# The transactions of a log as text: number and table of the rows, but neither their values nor the statements.
decode() { mariadb-binlog --no-defaults --base64-output=decode-rows --skip-annotate-row-events "$1"; }

# A transaction begins with "# at POSITION" and its GTID, and that position is where a recovery stops. A TRUNCATE or DROP has no rows;
# "use" names its database. The whole output is read: a broken pipe would end the script.
find_deletes() { # LOG
    decode "$1" | awk -v wanted="\`$DATABASE\`.\`$deletes\`" -v database="\`$DATABASE\`" -v table="$deletes" -v least="$rows" \
        -v after="$after" -v log_name="${1##*/}" '
        function show() {
            if (counted && (count >= least || whole)) {
                printf "20%s-%s-%s %s  %s:%s  %s\n", substr(day, 1, 2), substr(day, 3, 2), substr(day, 5, 2), clock, log_name, start,
                    whole ? whole : count " rows deleted"
            }
            count = 0; whole = ""
        }
        /^# at [0-9]+$/ { at = $3 }
        /^#[0-9]+ .*[ \t]GTID [0-9]+-[0-9]+-[0-9]+/ {
            show()
            start = at; day = substr($1, 2); clock = sprintf("%8s", $2); sub(" ", "0", clock)
            counted = (after == "" || day " " clock >= after)
        }
        / mapped to number [0-9]+$/ { table_of[$NF] = $(NF - 4) }
        /\t[A-Z][a-z_]*_rows: table id [0-9]+/ { match($0, /table id [0-9]+/); row_table = substr($0, RSTART + 9, RLENGTH - 9) }
        /\tDelete[a-z_]*_rows: table id/ { deleting = (table_of[row_table] == wanted) }
        /\t(Write|Update)[a-z_]*_rows: table id/ { deleting = 0 }
        /^# Number of rows: [0-9]+$/ && deleting { count += $NF }
        /^use `/ { used = $2 }
        toupper($0) ~ /^(TRUNCATE|DROP TABLE)/ && index(used, database) == 1 && $0 ~ ("[` .]" table "($|[`; ,])") {
            whole = toupper($1) " of the whole table"
        }
        END { show() }'
}

list_deletes() {
    local copy found
    copy_newest_logs
    found=$(
        while read -r copy; do
            unpack_logs "$copy"
            find_deletes "${LOGS[0]}"
            rm "${LOGS[0]}"
        done < <(files_of binlog)
    )
    [ -n "$found" ] || fail "no copied log deletes $rows rows or more of $deletes${after:+ after that time}"
    say "local time           position before it          rows of $deletes"
    say "$found"
    say "To recover, with the last BACKUP before that time:" \
        "scoring restore BACKUP --until POSITION --identity KEY --into ${DATABASE}_recovered"
}

# --- Into a running server --------------------------------------------------------------------------

check_target() {
    need_server
    if [ -n "$replace" ]; then return; fi
    [ -z "$(tables_of "$target")" ] ||
        fail "the database $target has data. To replace it: --replace $target; to restore beside it: --into ${DATABASE}_recovered"
}

create() { sql -e "CREATE DATABASE IF NOT EXISTS \`$1\` CHARACTER SET utf8mb4"; }

restore_database() {
    side=${target}_restore
    sql -e "DROP DATABASE IF EXISTS \`$side\`" # of a run that was interrupted
    create "$side"
    if [ "$(kind_of "$file")" = dump ] && [ -z "$until$forward" ]; then
        need_space "$(sql -e 'SELECT @@datadir')" "$(size_of_copy)"
        decrypt "$file" | load "$DB_SOCKET" "$side" ||
            give_up "${file##*/} cannot be restored: it is damaged, or the disk is full; $target is unchanged"
    else
        recover_in_scratch
        need_space "$(sql -e 'SELECT @@datadir')" "$(size_of_copy)"
        mariadb-dump --no-defaults --socket="$SCRATCH_SOCKET" --user=root --single-transaction --hex-blob --default-character-set=utf8mb4 \
            "$DATABASE" | load "$DB_SOCKET" "$side" ||
            give_up "the recovered data cannot be copied; $target is unchanged"
    fi
    # An upgrade must not migrate meanwhile.
    [ -z "$live" ] || one_at_a_time
    put_in_place
    side=''
    [ -z "$live" ] || migrate_tables
}

# The binary logs name the database, so they are executed in a server where nothing else is.
recover_in_scratch() {
    make_scratch
    restore_scratch "$file"
    if [ -z "$until$forward" ]; then return; fi
    [ -z "$forward" ] || copy_newest_logs
    say "rolling forward from $POSITION to ${until:-the end}"
    roll_forward "$(time_of "$file")" "$until"
}

# One RENAME TABLE moves the old tables away and the new ones in. It names the database as the default one: a later recovery across
# it fails with an error instead of passing over it.
put_in_place() {
    local table before moves='' old
    before=${target}_before_$(now)
    create "$target"
    old=$(tables_of "$target")
    if [ -n "$old" ]; then create "$before"; fi
    for table in $old; do moves+=", \`$target\`.\`$table\` TO \`$before\`.\`$table\`"; done
    for table in $(tables_of "$side"); do moves+=", \`$side\`.\`$table\` TO \`$target\`.\`$table\`"; done
    [ -n "$moves" ] || give_up "${file##*/} has no table"
    sql "$target" -e "RENAME TABLE ${moves#, }; DROP DATABASE \`$side\`"
    if [ -n "$old" ]; then say "the former tables are in the database $before; to remove them: mariadb -e 'DROP DATABASE $before'"; fi
}

# migrate_tables: a backup from before a migration lacks what the live release needs.
migrate_tables() {
    read_install_conf
    if [ "$ROLE" = db ]; then
        say "if the backup is from before a migration: $CURRENT/deploy/install.sh on the application host with $MIGRATE_SETTINGS"
        return
    fi
    if manage migrate --check >/dev/null 2>&1; then return; fi
    say "the backup is from before a migration: making the tables those of release $(current_version) …"
    migrate --verbosity 0 || fail "the data is restored, but the migration failed. To try again: $CURRENT/deploy/install.sh"
}

# --- The files of the server ------------------------------------------------------------------------

restore_datadir() {
    ! server_answers || fail "MariaDB runs. Stop it first: systemctl stop mariadb"
    if [ -n "$(ls -A "$datadir" 2>/dev/null)" ]; then
        [ -n "$replace" ] || fail "$datadir has data. To replace it: --replace $DATABASE; it is then kept beside it"
    fi
    local new=$datadir.restore before
    before=$datadir.before-$(now)
    rm -rf "$new"
    mkdir -m 755 "$new"
    unpack_physical "$file" "$new"
    [ ! -e "$datadir" ] || mv -T "$datadir" "$before"
    mv -T "$new" "$datadir"
    if [ -e "$before" ]; then rmdir "$before" 2>/dev/null || say "the former files are in $before"; fi
    say "restored. Now: systemctl start mariadb"
}

# --- The run ----------------------------------------------------------------------------------------

IDENTITY='' side=''
finish() {
    local status=$?
    trap - EXIT
    remove_scratch
    [ -z "$side" ] || sql -e "DROP DATABASE IF EXISTS \`$side\`" || true
    exit $status
}

need_root
check_options
need_program age age
need_program zstd zstd
mkdir -p "$KEY_DIR"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
open_identity "$identity"
if [ -n "$deletes" ]; then
    make_scratch
    list_deletes
    exit
fi
check_identity "$file"
[ "$(kind_of "$file")" = dump ] || need_program mariadb-backup mariadb-backup
if [ -n "$datadir" ]; then
    restore_datadir
else
    # A lock of its own, as the scratch server has the other one.
    exec 7>"$KEY_DIR/restore.lock"
    flock --timeout "$LOCK_SECONDS" 7 || fail "another restore has been running for $LOCK_SECONDS s; see: ps -ef | grep scoring"
    check_target
    live=''
    if [ "$target" = "$DATABASE" ] && [ -f "$INSTALL_CONF" ]; then live=1; fi
    restore_database
    say "restored: $(tables_of "$target" | wc -l) tables in $target"
    [ "$target" != "$DATABASE" ] || say "take a backup now (scoring backup): no older one can be rolled forward past this moment"
fi
