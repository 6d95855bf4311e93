#!/bin/bash
# Goes back to the release before the live one, while the site serves. Migrations only add, so the tables stay as they are.
#
#   scoring rollback
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"
# shellcheck source=deploy/switch.sh
. "$TREE/deploy/switch.sh"

[ $# = 0 ] || fail "usage: scoring rollback"
need_root
read_install_conf
[ "$ROLE" != db ] || fail "a node of a cluster has only the scripts of a release: scoring upgrade ARCHIVE brings others"
one_at_a_time
end_with stop_trial
live=$(current_version)
before=$(release_before "$live")
is_built "${before:-none}" ||
    fail "the release before $live is not there; these are: $(ls "$RELEASES"). scoring upgrade ARCHIVE brings another one"
check_release "$before"
say "trying release $before on a spare port …"
try_release "$before"
make_live "$before"
say "release $before is live again; scoring upgrade brings $live back"
