# Shared by upgrade.sh and rollback.sh, which source it: proves a release and makes it the live one.
# shellcheck shell=bash

KEPT=3 # releases

# release_before VERSION: the release that was live before it; upgrade.sh notes it there.
release_before() { cat "$RELEASES/$1/.before" 2>/dev/null || true; }

spare_port() {
    local port
    for port in {18301..18319}; do
        [ -n "$(ss -Hltn "sport = :$port")" ] || { say "$port"; return; }
    done
    fail "each port from 18301 to 18319 is taken: a release is tried on one of them"
}

# stop_group PID: ends a process group; kills what has not ended after ten seconds.
stop_group() {
    kill -TERM -- "-$1" 2>/dev/null || true
    for _ in {1..100}; do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

# stop_trial: ends the server that try_copy has started, if it runs.
trial='' # its process group
stop_trial() {
    [ -z "$trial" ] || stop_group "$trial"
    trial=''
}

# try_copy VERSION PORT COMMAND …: starts the command of the release, waits until it answers, and stops it.
try_copy() {
    local version=$1 port=$2 answers='' log=$LOG_DIR/trial.log
    shift 2
    set -m # a process group of its own: runuser and the server have children
    # Without the lock, and ended in any case: a kill -9 of this script does not reach it.
    in_release "$RELEASES/$version" timeout --foreground 600 "$@" >"$log" 2>&1 </dev/null 9>&- &
    trial=$!
    set +m
    for _ in {1..60}; do
        if probe "$port" 1; then
            answers=1
            break
        fi
        kill -0 -- "-$trial" 2>/dev/null || break
    done
    stop_trial
    [ -n "$answers" ] || {
        tail -n 4 "$log" >&2
        fail "release $version does not answer on a spare port ($*); $log has the whole output"
    }
}

# try_release VERSION: one copy of each pool, beside the live ones.
try_release() {
    local port
    port=$(spare_port)
    try_copy "$1" "$port" env SCORE_PORT="$port" SCORE_WORKERS=1 bin/serve-score
    port=$(spare_port)
    try_copy "$1" "$port" env PORT="$port" WEB_WORKERS=1 .venv/bin/gunicorn --config deploy/gunicorn.conf.py
}

# make_live VERSION: switches to it and restarts the programs in turn. If one of them does not run, those that were
# restarted go back to the release before; the others have never left it.
make_live() {
    local before name restarted=()
    before=$(current_version)
    due programs
    switch_release "$1"
    for name in $(program_names); do
        restarted=("$name" "${restarted[@]}") # the one that does not run is the first to go back
        # A subshell, because restart_in_turn ends the script.
        if (restart_in_turn "$name"); then continue; fi
        say "going back to release $before …"
        switch_release "$before"
        (restart_in_turn "${restarted[@]}") || fail "release $before does not run either: see the line above"
        settled programs
        fail "release $1 was live for a moment and $name did not run; release $before is live again." \
            "$LOG_DIR/$name.log has the reason"
    done
    settled programs
}

# remove_old_releases: keeps the live one and those before it.
remove_old_releases() {
    local path version count kept=' '
    version=$(current_version)
    for ((count = 0; count < KEPT; count++)); do
        kept+="$version "
        version=$(release_before "$version")
    done
    for path in "$RELEASES"/*/; do
        version=$(basename "$path")
        case $kept in
        *" $version "*) ;;
        *)
            rm -rf "${RELEASES:?}/$version"
            say "removed release $version"
            ;;
        esac
    done
}
