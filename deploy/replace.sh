#!/usr/bin/env bash
# Replace the containers of services without a pause, for instance after a setting was changed in bilby.env:
#
#     deploy/replace.sh media
#     deploy/replace.sh web provisioning media
#
# (`docker compose restart` does not read settings again, and `docker compose kill` leaves a container dead.)
. "$(dirname "$0")/containers.sh"

[ $# -gt 0 ] || fail "usage: deploy/replace.sh SERVICE...  (web, provisioning, media)"
for service in "$@"; do
  case $service in web | provisioning | media) ;; *) fail "only one container of $service may run: docker compose up --detach --force-recreate --no-deps $service" ;; esac
done
replace "$@"
