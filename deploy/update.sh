#!/usr/bin/env bash
# Put a new version in while calls go on:
#
#     deploy/update.sh registry.example.com.au/bilby:1.4     (an image that can be pulled, or is here already)
#
# Tables first: the old code runs on them, too. Then NATS, as a release may bring rights for new subjects: its restart
# costs no word. Then web and provisioning, without touching media. Then each media container: a new one beside it, and
# the old one hands its calls over. What ran before is written down for rollback.sh.
. "$(dirname "$0")/containers.sh"

[ $# -eq 1 ] || fail "usage: deploy/update.sh IMAGE"
image=$1
docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image"
previous=$(setting BILBY_IMAGE)

say "migrating the tables for $image"
migrate "$image" || fail "the tables could not be migrated; nothing else was touched"
if [ "$image" != "${previous:-bilby:latest}" ]; then
  set_setting BILBY_PREVIOUS_IMAGE "${previous:-bilby:latest}"
  set_setting BILBY_IMAGE "$image"
fi
restart_nats
replace web provisioning media
say "all of $image; deploy/rollback.sh goes back to $(setting BILBY_PREVIOUS_IMAGE)"
