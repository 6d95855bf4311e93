#!/bin/bash
# Restores the newest backup into a scratch server, rolls it forward by the copied binary logs to a moment of now, and compares every
# table with the live database at that moment. As root.
#
#   drill.sh [--file FILE] [--identity KEY]
#
#   --file FILE     another backup than the newest one
#   --identity KEY  the file with the private half of the key, or - for standard input. Without it the key that backup.sh has made for
#                   the newest backup, which is in memory until the next backup or the next boot (docs/decisions.md, 72). After a
#                   boot the drill takes a backup first
#
# The outcome is in last_drill.json. Exit status: 0 all equal, 1 not equal or no restore.
set -euo pipefail
# shellcheck source=deploy/backup_lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/backup_lib.sh"

CHUNK=100000 # ids

file='' identity=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --file) need_value "$@"; file=$2 ;;
    --identity) need_value "$@"; identity=$2 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift 2
done

newest_backup() {
    local name
    name=$(backups | tail -n 1)
    [ -n "$name" ] || give_up "$BACKUP_DIR has no backup: scoring backup"
    file=$name
}

# --- Digests ----------------------------------------------------------------------------------------

# digest_statements: a SELECT for each table of the live database, which gives: table, chunk, rows, digest. A chunk is the rows of 100,000
# ids; a table whose key is not one integer is one chunk. Texts are compared by their bytes, and NULL differs from ''.
digest_statements() {
    sql -e "
SET group_concat_max_len = 1000000;
SELECT CONCAT(
    'SELECT ''', c.table_name, ''', ', IFNULL(MAX(k.chunk), '0'), ' AS chunk, COUNT(*),',
    ' HEX(BIT_XOR(CAST(CONV(LEFT(digest, 16), 16, 10) AS UNSIGNED))), HEX(BIT_XOR(CAST(CONV(RIGHT(digest, 16), 16, 10) AS UNSIGNED)))',
    ' FROM (SELECT *, MD5(CONCAT_WS(''|'', ',
    GROUP_CONCAT(
        IF(c.data_type REGEXP 'char|text|binary|blob|json|bit|uuid|inet', CONCAT('IFNULL(HEX(\`', c.column_name, '\`), ''-'')'),
            CONCAT('IFNULL(\`', c.column_name, '\`, ''-'')'))
        ORDER BY c.ordinal_position SEPARATOR ', '),
    ')) AS digest FROM \`', c.table_name, '\`) AS digests GROUP BY chunk ORDER BY chunk;')
FROM information_schema.columns AS c
JOIN information_schema.tables AS t USING (table_schema, table_name)
LEFT JOIN (
    SELECT s.table_name, IF(COUNT(*) = 1 AND MAX(d.data_type) LIKE '%int', CONCAT('\`', MAX(s.column_name), '\` DIV $CHUNK'), NULL) AS chunk
    FROM information_schema.statistics AS s
    JOIN information_schema.columns AS d USING (table_schema, table_name, column_name)
    WHERE s.table_schema = '$DATABASE' AND s.index_name = 'PRIMARY' GROUP BY s.table_name
) AS k ON k.table_name = c.table_name
WHERE c.table_schema = '$DATABASE' AND t.table_type = 'BASE TABLE'
GROUP BY c.table_name ORDER BY c.table_name"
}

# The snapshot and its position of the binary log belong together, without a lock: binlog_snapshot_… are those of this transaction.
live_digests() {
    {
        echo "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT;"
        echo "SHOW STATUS LIKE 'binlog_snapshot_%';"
        cat "$SCRATCH/statements"
    } | sql "$DATABASE" >"$SCRATCH/live.all" || give_up "the live database cannot be read, or its tables were changed meanwhile"
    sed '/^Binlog_snapshot_/d' "$SCRATCH/live.all" >"$SCRATCH/live"
    moment=$(awk '/^Binlog_snapshot_(file|position)\t/ { printf "%s%s", separator, $2; separator = ":" }' "$SCRATCH/live.all")
}

# definitions SOCKET: the tables, with indexes and constraints, without the next id.
definitions() {
    mariadb-dump --no-defaults --socket="$1" --user=root --no-data --compact "$DATABASE" | sed 's/ AUTO_INCREMENT=[0-9]*//'
}

# --- Comparison -------------------------------------------------------------------------------------

compare() {
    local different
    sql_on "$SCRATCH_SOCKET" "$DATABASE" <"$SCRATCH/statements" >"$SCRATCH/restored" ||
        give_up "the restored database lacks a table or a column"
    definitions "$DB_SOCKET" >"$SCRATCH/live.definitions"
    definitions "$SCRATCH_SOCKET" >"$SCRATCH/restored.definitions"
    cmp -s "$SCRATCH/live.definitions" "$SCRATCH/restored.definitions" || {
        diff "$SCRATCH/live.definitions" "$SCRATCH/restored.definitions" >&2 || true
        give_up "the definitions of the tables differ; see its output"
    }
    different=$(differences)
    [ -z "$different" ] || {
        say "$different" >&2
        give_up "the restored data differs: $(wc -l <<<"$different") chunks, the first is $(head -n 1 <<<"$different")"
    }
}

# A line for each chunk that differs: "grade, ids 100000 to 199999: 100000 rows live, 99999 restored".
differences() {
    awk -F '\t' -v chunk=$CHUNK '
        { key = $1 FS $2; keys[key] = 1; digest[FILENAME, key] = $4 $5; rows[FILENAME, key] = $3 }
        END {
            for (key in keys) if (digest[ARGV[1], key] != digest[ARGV[2], key] || rows[ARGV[1], key] != rows[ARGV[2], key]) {
                split(key, part, FS)
                printf "%s, ids %d to %d: %d rows live, %d restored\n", part[1], part[2] * chunk, (part[2] + 1) * chunk - 1,
                    rows[ARGV[1], key], rows[ARGV[2], key]
            }
        }' "$SCRATCH/live" "$SCRATCH/restored" | LC_ALL=C sort
}

total() { awk -F '\t' '{ rows += $3 } END { print rows + 0 }' "$SCRATCH/live"; }

# --- The run ----------------------------------------------------------------------------------------

REASON='' IDENTITY='' moment='' tables=0 rows=0
finish() {
    local status=$? key=drill
    trap - EXIT
    [ -z "$identity" ] || key=identity
    remove_scratch
    if [ $status = 0 ]; then
        record drill true file "${file##*/}" key $key tables "$tables" rows "$rows" seconds $SECONDS
    else
        record drill false file "${file##*/}" key $key error "${REASON:-it was interrupted; see its output}"
    fi
    exit $status
}

need_root
mkdir -p "$KEY_DIR"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
need_program age age
need_program zstd zstd
need_server
if [ -z "$file" ]; then
    newest_backup
    if [ -z "$identity" ] && [ ! -s "$DRILL_KEY" ]; then
        say "the key of the newest backup went with the last boot, so there is a new backup first"
        "$TREE/deploy/backup.sh" --no-hook || give_up "there is no key for a drill, because the new backup failed"
        newest_backup
    fi
fi
[ -e "$file" ] || file=$BACKUP_DIR/$file
[ -f "$file" ] || give_up "the backup $file does not exist"
[ "$(kind_of "$file")" = dump ] || need_program mariadb-backup mariadb-backup
[ -n "$identity" ] || [ -s "$DRILL_KEY" ] ||
    give_up "the key of the newest backup went with the last boot. Give the private half: --identity FILE"
# A copy: a backup in the meantime makes another key.
if [ -n "$identity" ]; then open_identity "$identity"; else open_identity - <"$DRILL_KEY"; fi
check_identity "$file"

make_scratch
digest_statements >"$SCRATCH/statements"
live_digests
copy_newest_logs
restore_scratch "$file"
roll_forward "$(time_of "$file")" "$moment"
compare
tables=$(wc -l <"$SCRATCH/statements")
rows=$(total)
say "drill: ${file##*/} rolled forward to $moment: $tables tables, $rows rows, all equal, in $SECONDS s"
