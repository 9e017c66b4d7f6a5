#!/usr/bin/env bash
# Go back to the version before the last update, while calls go on:
#
#     deploy/rollback.sh [IMAGE]
#
# The tables stay as they are: a release runs on the tables of the next one.
. "$(dirname "$0")/containers.sh"

image=${1:-$(setting BILBY_PREVIOUS_IMAGE)}
[ -n "$image" ] || fail "no earlier image is written down in $ENV_FILE; say which: deploy/rollback.sh IMAGE"
docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image"
left=$(setting BILBY_IMAGE)
set_setting BILBY_PREVIOUS_IMAGE "${left:-bilby:latest}"
set_setting BILBY_IMAGE "$image"
replace media web provisioning
say "back on $image"
