#!/usr/bin/env bash
# Make the certificates of compose.tls.yaml in deploy/tls: an authority of your own, and one certificate for each part.
#
#     deploy/certificates.sh          (as root: each key belongs to the user that reads it in its container)
#
# Run it again within a year for new ones of the same authority, then restart postgres and nats and
# `deploy/replace.sh web provisioning media`.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p tls/authority
chmod 755 tls tls/authority
days=397

if [ ! -e tls/ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Bilby's own parts" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout tls/ca.key -out tls/authority/ca.crt
fi
# Under the name by which OpenSSL looks for it in SSL_CERT_DIR.
cp tls/authority/ca.crt "tls/authority/$(openssl x509 -hash -noout -in tls/authority/ca.crt).0"
chmod 444 tls/authority/*

certificate() { # NAME USER
  mkdir -p "tls/$1"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "tls/$1/tls.key" |
    openssl x509 -req -CA tls/authority/ca.crt -CAkey tls/ca.key -days $days -out "tls/$1/tls.crt" \
      -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$1")
  chmod 444 "tls/$1/tls.crt"
  chmod 400 "tls/$1/tls.key"
  chmod 755 "tls/$1"
  chown "$2" "tls/$1/tls.key"
}

certificate media "${MEDIA_USER:-10001}"
certificate web "${WEB_USER:-10001}"
certificate postgres "${POSTGRES_USER_ID:-999}"
certificate nats "${NATS_USER:-0}"
