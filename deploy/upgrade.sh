#!/bin/bash
# Brings the next release while the site serves. Until the new release has answered on a spare port and its tables are
# ready, nothing that runs is touched; if a program does not run with it, the programs go back by themselves.
#
#   scoring upgrade ARCHIVE      a tar archive of the release; its name becomes the version
#   scoring upgrade FOLDER       a git checkout: the release is its HEAD
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"
# shellcheck source=deploy/switch.sh
. "$TREE/deploy/switch.sh"

VERSION='' BEFORE='' unpacked='' phase=unpacking

stopped() {
    local status=$?
    stop_trial
    [ -z "$unpacked" ] || rm -rf "$unpacked"
    [ $status -ne 0 ] || exit 0
    [ "$(current_version)" = "$VERSION" ] || case $phase in
    building) rm -rf "${RELEASES:?}/$VERSION" ;;
    switching) rm -f "$RELEASES/$VERSION/.venv/.built" ;; # the next attempt builds it anew
    esac
    if is_due programs; then
        say "release $(current_version) is the current one, and not every program runs it: scoring restart" >&2
    elif [ $phase != switching ]; then
        say "release $BEFORE is live as before" >&2
    fi
    exit $status
}

# unpack SOURCE: sets VERSION, and `files`, the folder with the files of the new release.
unpack() {
    local version
    if [ -d "$1" ]; then
        files=$(cd -P "$1" && pwd)
        version=$(release_version "$files")
    else
        version=$(basename "$1" | sed -E 's/\.(tar(\.[a-z0-9]+)?|tgz)$//' | tr -cd '0-9A-Za-z._-')
        unpacked=$(mktemp -d "$RELEASES/.unpacked.XXXXXX")
        tar -x -f "$1" -C "$unpacked" --no-same-owner 2>"$LOG_DIR/unpack.log" ||
            fail "$1 is not a complete tar archive: $(tail -n 1 "$LOG_DIR/unpack.log")"
        files=$(find "$unpacked" -maxdepth 2 -name manage.py -printf '%h\n' | head -n 1)
    fi
    [ -e "$files/deploy/programs" ] || fail "$1 holds no release of this site"
    [[ $version =~ ^[0-9A-Za-z] ]] || fail "the name of $1 gives no version: rename it, for example scoring-2.tar.gz"
    case $files/ in
    "$RELEASES"/.unpacked.*) ;;
    "$RELEASES"/*) fail "$1 is a release already: name an archive or a checkout outside $RELEASES" ;;
    esac
    [ "$version" != "$BEFORE" ] || {
        ! is_due programs || {
            say "a change to release $version was interrupted: restarting the programs …"
            restart_in_turn
            settled programs
        }
        say "release $version is live already"
        exit
    }
    VERSION=$version
}

check_space() {
    local needed free
    needed=$(($(du -sm "$(readlink -f "$CURRENT")" | cut -f 1) + 200))
    free=$(df -Pm "$RELEASES" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$needed" ] ||
        fail "$RELEASES has $free MB free and a release needs $needed MB: see what can go with du -xm / | sort -n | tail"
}

# A change of the schema blocks new statements on its table until the transactions that have read it end. Behind an
# export, ratings would wait for minutes; so the migration waits instead, where the server is on this machine.
await_long_transactions() {
    local long='SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_started < NOW() - INTERVAL 2 SECOND'
    local count end=$((SECONDS + 600)) said=''
    while count=$(mariadb --batch --skip-column-names --execute "$long" 2>/dev/null) && [ "$count" -gt 0 ]; do
        [ $SECONDS -lt $end ] || fail "a transaction has been open for ten minutes (an export?): try again when it has ended"
        [ -n "$said" ] || say "waiting for a long transaction, such as an export, to end …"
        said=1
        sleep 0.5
    done
}

migrate_tables() {
    local RELEASE=$RELEASES/$VERSION
    if manage migrate --check >/dev/null 2>&1; then return; fi
    [ -e "$MIGRATE_SETTINGS" ] ||
        fail "release $VERSION changes the tables: upgrade the application host first that has $MIGRATE_SETTINGS"
    await_long_transactions
    say "migrating the tables; release $BEFORE can serve beside it …"
    migrate --verbosity 1 >"$LOG_DIR/migrate.log" 2>&1 || {
        tail -n 3 "$LOG_DIR/migrate.log" >&2
        fail "the migration failed; $LOG_DIR/migrate.log has the whole output. Its additions to the schema stay"
    }
}

say_what_is_configured_anew() {
    local part parts=(templates programs timers)
    [ "$ROLE" = single ] || parts+=(cluster)
    for part in "${parts[@]}"; do
        diff -qr "$RELEASES/$BEFORE/deploy/$part" "$RELEASES/$VERSION/deploy/$part" >/dev/null ||
            say "deploy/$part has changed: at a quiet time, run $CURRENT/deploy/install.sh --configure"
    done
}

[ $# = 1 ] && [[ $1 != -* ]] || fail "usage: scoring upgrade ARCHIVE or FOLDER"
need_root
read_install_conf
[ -e "$1" ] || fail "$1 does not exist: name an archive or the folder of a checkout"
one_at_a_time
end_with stopped
BEFORE=$(current_version)
rm -rf "$RELEASES"/.unpacked.* # of a run that was killed
check_space
unpack "$1"
if is_built "$VERSION"; then
    say "release $VERSION is there already and is taken as it is: a corrected archive needs another name"
else
    phase=building
    if [ "$ROLE" = db ]; then
        copy_release "$files" "$VERSION"
        switch_release "$VERSION"
        phase=live
        say "the scripts of release $VERSION are live"
        say_what_is_configured_anew
        exit
    fi
    say "building release $VERSION …"
    copy_release "$files" "$VERSION"
    build_release "$VERSION"
fi
check_release "$VERSION"
say "trying release $VERSION on a spare port …"
try_release "$VERSION"
migrate_tables
collect_static "$VERSION"
echo "$BEFORE" >"$RELEASES/$VERSION/.before"
phase=switching
make_live "$VERSION"
say "release $VERSION is live; scoring rollback goes back to $BEFORE"
remove_old_releases
say_what_is_configured_anew
