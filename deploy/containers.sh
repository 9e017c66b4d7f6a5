# For the scripts beside it: what they share. Source it.
#
# COMPOSE_FILE, COMPOSE_PROJECT_NAME and COMPOSE_ENV_FILES are Docker's own variables; set them for other files than
# deploy/compose.yaml and bilby.env.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export COMPOSE_FILE=${COMPOSE_FILE:-deploy/compose.yaml} COMPOSE_ENV_FILES=${COMPOSE_ENV_FILES:-bilby.env}
ENV_FILE=${COMPOSE_ENV_FILES%%,*}
READY_SECONDS=${READY_SECONDS:-120} # that a new container may take

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

[ -f "$ENV_FILE" ] || fail "$ENV_FILE is not there: copy deploy/bilby.env.example and fill it in"

# setting NAME: its value in the file of settings, or nothing.
setting() { sed -n "s/^$1=//p" "$ENV_FILE" | tail -n 1; }

# set_setting NAME VALUE: write it there, all at once, and for nobody else to read.
set_setting() {
  local fresh
  fresh=$(mktemp "$ENV_FILE.XXXXXX")
  { grep -v "^#\?$1=" "$ENV_FILE" || true; printf '%s=%s\n' "$1" "$2"; } >"$fresh"
  mv "$fresh" "$ENV_FILE"
}

# containers SERVICE: the ids of those that run.
containers() { docker compose ps --quiet --status running "$1"; }

# wait_ready CONTAINER: until its health check succeeds.
wait_ready() {
  local state deadline=$((SECONDS + READY_SECONDS))
  until state=$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$1"); [ "$state" = "running healthy" ]; do
    if [ $SECONDS -ge $deadline ] || [ "${state%% *}" != running ]; then
      docker logs --tail 20 "$1" >&2
      return 1
    fi
    sleep 0.5
  done
}

# restart_nats: with the rights and passwords of now. There is one container, so it cannot be replaced as others are.
restart_nats() { docker compose up --detach --no-deps --force-recreate --wait nats 2>/dev/null; }

# replace SERVICE...: every container by a new one from the present image and settings, one after another. Each old one
# is stopped only once a new one is ready beside it: media then hands its calls over, web answers what it was asked.
replace() {
  local service old before new
  for service in "$@"; do
    for old in $(containers "$service"); do
      before=$(containers "$service")
      docker compose up --detach --no-deps --no-recreate --no-build --quiet-pull \
        --scale "$service=$(($(wc -l <<<"$before") + 1))" "$service" 2>/dev/null
      new=$(containers "$service" | grep -vxF "$before") || fail "no new container of $service was started"
      if ! wait_ready "$new"; then
        docker rm --force "$new" >/dev/null
        fail "the new container of $service did not become ready and is gone; the others go on as they were"
      fi
      say "$service: ${new:0:12} is ready, ${old:0:12} is being stopped"
      docker stop "$old" >/dev/null
      docker rm "$old" >/dev/null
    done
  done
}

# migrate IMAGE: bring the tables to what that image expects. The code that runs goes on with them.
migrate() { BILBY_IMAGE=$1 docker compose run --rm --no-deps --quiet-pull migrate; }
