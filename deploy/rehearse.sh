#!/usr/bin/env bash
# Rehearse what RUNBOOK.md says, on one machine, with nothing from outside it but package registries:
#
#     deploy/rehearse.sh [STEPS]      (a regular expression over the steps' names; default: all)
#
# A Docker engine of its own runs in a network namespace; another namespace is the world outside, with the emulated
# vendors under their real names. Ten callers say numbered words while every part is restarted, killed, updated, rolled
# back, cut off and given new keys. At the end each word of each call is accounted for. Everything is removed again, also when
# it is stopped from outside; only what the containers logged stays, in $REHEARSAL_DIR/logs.
#
# Needs root on Debian or Ubuntu with docker.io, debootstrap, iproute2, pip and openssl, and a checkout on which
# `make test` has run. A second run finds what the first one built (REHEARSAL_DIR, by default /var/tmp/bilby-rehearsal).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=${REHEARSAL_DIR:-/var/tmp/bilby-rehearsal}
checkout=$work/checkout
engine=bilby-engine outside=bilby-outside # network namespaces
relay=198.51.100.2:3128
image=bilby:rehearsal next_image=bilby:rehearsal-next

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

clean_up() {
  trap - EXIT
  trap '' HUP INT TERM
  say "removing what was made"
  [ -z "${rehearsal:-}" ] || { kill -- "-$rehearsal" && wait "$rehearsal"; } 2>/dev/null || true
  docker compose down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || true
  remove_leftovers
}

end() { # PID...
  local pid
  for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
  for pid in "$@"; do timeout 30 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true; done
}

started() { echo "$1" >>"$work/pids"; } # PID: ends with the rehearsal, or before the next one if this one is killed

remove_networks() {
  ip netns delete $engine 2>/dev/null || true
  ip netns delete $outside 2>/dev/null || true
  rm -rf /etc/netns/$outside
}

remove_leftovers() { # also of a rehearsal that was killed: each process that still has one of its commands
  local pid old=()
  while read -r pid; do
    if grep -qaE 'dockerd|rehearsal' "/proc/$pid/cmdline" 2>/dev/null; then old+=("$pid"); fi
  done < <(cat "$work/pids" 2>/dev/null)
  end "${old[@]}"
  rm -f "$work/pids"
  remove_networks
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
  # Not by `ip netns exec`, which hides the cgroups; in a session of its own, as it is needed to remove what it holds.
  setsid nsenter --net=/run/netns/$engine unshare --mount --propagation private dockerd --config-file "$work/daemon.json" \
    --data-root "$work/docker" --exec-root "$work/run" --pidfile "$work/docker.pid" --host "$DOCKER_HOST" \
    >"$work/dockerd.log" 2>&1 &
  started $!
  setsid nsenter --net=/run/netns/$engine python3 deploy/rehearsal/relay.py $relay 3</proc/self/ns/net >"$work/relay.log" 2>&1 &
  started $!
  timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.5; done'
  docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
  docker volume ls --quiet | xargs --no-run-if-empty docker volume rm --force >/dev/null
  docker network prune --force >/dev/null
}

authority() { # plays every certificate authority
  [ -e "$work/ca.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -keyout "$work/ca.key" -out "$work/ca.pem" -subj '/CN=Rehearsal' -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  cat /etc/ssl/certs/ca-certificates.crt "$work/ca.pem" >"$work/trusted.pem"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/mail.key" -subj /CN=mail.bilby.test 2>/dev/null |
    openssl x509 -req -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 30 -out "$work/mail.pem" \
      -extfile <(echo subjectAltName=DNS:mail.bilby.test) 2>/dev/null
}

fresh_checkout() { # what a stranger gets: no file of this machine's, and nothing here is written to
  rm -rf "$checkout"
  mkdir -p "$checkout"
  git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$checkout"
}

keep_logs() { # of every container, also of those that are removed
  rm -rf "$work/logs"
  mkdir -p "$work/logs"
  docker events --filter event=start --format '{{.Time}} {{.ID}} {{.Actor.Attributes.name}}' | while read -r since id name; do
    docker logs --follow --timestamps --since "$since" "$id" >>"$work/logs/$name-${id:0:12}.log" 2>&1 &
  done & # ends with the engine
}

compose_command() { # `docker compose`, where the machine has none: the one of `make test`
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  docker compose version >/dev/null 2>&1 || ln -sf "$root/.venv/bin/docker-compose" "$DOCKER_CONFIG/cli-plugins/docker-compose"
}

images() {
  docker pull --quiet python:3.13-slim >/dev/null 2>&1 || deploy/rehearsal/base_images.sh "$work"
  say "building $image"
  local build=(docker build --quiet --build-arg "http_proxy=http://$relay" --build-arg "https_proxy=http://$relay")
  { "${build[@]}" --target build --tag $image-build . && "${build[@]}" --tag $image .; } >/dev/null 2>"$work/build.log" ||
    { cat "$work/build.log"; exit 1; }
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
mkdir -p "$work"
exec 9>"$work/lock"
flock --nonblock 9 || { echo "another rehearsal runs" >&2; exit 1; }
export DOCKER_HOST=unix://$work/docker.sock DOCKER_CONFIG=$work/config DOCKER_BUILDKIT=0
export COMPOSE_FILE=$checkout/deploy/compose.yaml:$checkout/deploy/rehearsal/compose.yaml COMPOSE_ENV_FILES=$work/bilby.env
export COMPOSE_PROJECT_NAME=bilby READY_SECONDS=240 # the host has a world beside it, on the same processors
trap clean_up EXIT
trap 'exit 130' HUP INT TERM
remove_leftovers

rehearse() {
  networks
  start_engine
  authority
  compose_command
  fresh_checkout
  cd "$checkout"
  keep_logs
  images
  # First in line for the processor: callers do not speak more slowly because a host is busy.
  nice -n -10 ip netns exec $outside env SSL_CERT_FILE="$work/trusted.pem" "$root/.venv/bin/python" -m deploy.rehearsal.run \
    "$work" $image $next_image "${1:-}"
}

# In the background and a process group of its own, so that a signal to this script is heeded at once, and reaches all of it.
set -m
rehearse "${1:-}" 9>&- &
rehearsal=$!
set +m
status=0
wait $rehearsal || status=$?
exit $status
