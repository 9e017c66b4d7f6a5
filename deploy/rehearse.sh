#!/usr/bin/env bash
# Rehearse what RUNBOOK.md says, on one machine, with nothing from outside it but package registries:
#
#     deploy/rehearse.sh [STEPS]      (a regular expression over the steps' names; default: all)
#
# A Docker engine of its own runs in a network namespace; another namespace is the world outside, with the emulated
# vendors under their real names. Ten callers say numbered words while every part is restarted, killed, updated, rolled
# back, cut off and given new keys. At the end each word of each call is accounted for. Everything is removed again.
#
# Needs root on Debian or Ubuntu with docker.io, debootstrap, iproute2, pip and openssl, and a checkout on which
# `make test` has run. A second run finds what the first one built (REHEARSAL_DIR, by default /var/tmp/bilby-rehearsal).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=${REHEARSAL_DIR:-/var/tmp/bilby-rehearsal}
engine=bilby-engine outside=bilby-outside # network namespaces
relay=198.51.100.2:3128
image=bilby:rehearsal next_image=bilby:rehearsal-next
pids=()

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

clean_up() {
  trap - EXIT
  say "removing what was made"
  docker compose down --volumes --timeout 5 >/dev/null 2>&1 || true
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  ip netns delete $engine 2>/dev/null || true
  ip netns delete $outside 2>/dev/null || true
  rm -rf /etc/netns/$outside
}

networks() { # two namespaces with a cable between them
  ip netns add $engine
  ip netns add $outside
  ip link add name outside netns $engine type veth peer name host netns $outside
  ip -n $engine address add 198.51.100.2/24 dev outside
  ip -n $engine address add 2001:db8:51::2/64 dev outside nodad
  ip -n $outside address add 198.51.100.1/24 dev host
  ip -n $outside address add 2001:db8:51::1/64 dev host nodad
  local name
  for name in $engine $outside; do ip -n $name link set lo up; done
  ip -n $engine link set outside up
  ip -n $outside link set host up
  mkdir -p /etc/netns/$outside # `ip netns exec` shows it as /etc/hosts
  {
    echo "127.0.0.1 localhost"
    echo "198.51.100.2 app.bilby.test media.bilby.test"
    echo "198.51.100.1 acme-v02.api.letsencrypt.org"
  } >/etc/netns/$outside/hosts
}

start_engine() {
  echo '{"experimental": true, "ip6tables": true}' >"$work/daemon.json" # the default of newer engines
  # Not by `ip netns exec`: that hides the cgroups.
  nsenter --net=/run/netns/$engine unshare --mount --propagation private dockerd --config-file "$work/daemon.json" \
    --data-root "$work/docker" --exec-root "$work/run" --pidfile "$work/docker.pid" --host "$DOCKER_HOST" \
    >"$work/dockerd.log" 2>&1 &
  pids+=($!)
  nsenter --net=/run/netns/$engine python3 deploy/rehearsal/relay.py $relay 3</proc/self/ns/net >"$work/relay.log" 2>&1 &
  pids+=($!)
  timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.5; done'
}

authority() { # plays every certificate authority
  [ -e "$work/ca.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -keyout "$work/ca.key" -out "$work/ca.pem" -subj '/CN=Rehearsal' -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  cat /etc/ssl/certs/ca-certificates.crt "$work/ca.pem" >"$work/trusted.pem"
}

compose_command() { # `docker compose`, where the machine has none: the one of `make test`
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  docker compose version >/dev/null 2>&1 || ln -sf "$root/.venv/bin/docker-compose" "$DOCKER_CONFIG/cli-plugins/docker-compose"
}

images() {
  docker pull --quiet python:3.13-slim >/dev/null 2>&1 || deploy/rehearsal/base_images.sh "$work"
  say "building $image"
  docker build --quiet --tag $image --build-arg http_proxy=http://$relay --build-arg https_proxy=http://$relay . \
    >/dev/null 2>"$work/build.log" || { cat "$work/build.log"; exit 1; }
  # The next release: the same code, and one more migration.
  mkdir -p "$work/next"
  cat >"$work/next/9999_rehearsal.py" <<END
"""A column that nobody reads."""

from alembic import op

revision = "9999"
down_revision = "$(basename "$(find db/migrations/versions -name '0*.py' | sort | tail -n 1)" | cut -c1-4)"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE organisations ADD COLUMN rehearsed boolean")
END
  printf 'FROM %s\nCOPY 9999_rehearsal.py db/migrations/versions/\n' $image >"$work/next/Dockerfile"
  docker build --quiet --tag $next_image "$work/next" >/dev/null 2>&1
  docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' $image
}

[ "$(id -u)" = 0 ] || { echo "needs root, for network namespaces and the engine" >&2; exit 1; }
! ip netns list | grep -qw $engine || { echo "another rehearsal runs, or was cut off: ip netns delete $engine" >&2; exit 1; }
mkdir -p "$work"
export DOCKER_HOST=unix://$work/docker.sock DOCKER_CONFIG=$work/config DOCKER_BUILDKIT=0
export COMPOSE_FILE=$root/deploy/compose.yaml:$root/deploy/rehearsal/compose.yaml COMPOSE_ENV_FILES=$work/bilby.env
export COMPOSE_PROJECT_NAME=bilby
trap clean_up EXIT
trap 'exit 130' INT TERM
networks
start_engine
authority
compose_command
images
ip netns exec $outside env SSL_CERT_FILE="$work/trusted.pem" "$root/.venv/bin/python" -m deploy.rehearsal.run \
  "$work" $image $next_image "${1:-}"
