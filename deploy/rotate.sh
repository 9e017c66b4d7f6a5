#!/usr/bin/env bash
# Replace a key while calls go on and people stay signed in:
#
#     deploy/rotate.sh SESSION_SECRET           then, after 12 hours:   deploy/rotate.sh --finish SESSION_SECRET
#     deploy/rotate.sh STREAM_SHARED_SECRET     then, after 3 minutes:  deploy/rotate.sh --finish STREAM_SHARED_SECRET
#     deploy/rotate.sh ENCRYPTION_KEYS          rewrites every row; then, once no backup needs the old key: --finish
#     deploy/rotate.sh TWILIO_AUTH_TOKENS NEW   the secondary token; promote it at Twilio, then --finish
#     deploy/rotate.sh POSTGRES_PASSWORD        the tables' owner's
#     deploy/rotate.sh POSTGRES_APP_PASSWORD    web's and provisioning's
#     deploy/rotate.sh NATS                     the three passwords; --finish, if it was interrupted
#
# The first four pass three states, so that no process ever meets a key it does not know: old,new (everybody can read
# what the new one signs), new,old (the new one signs), new.
. "$(dirname "$0")/containers.sh"

usage() { fail "usage: deploy/rotate.sh [--finish] SESSION_SECRET|STREAM_SHARED_SECRET|ENCRYPTION_KEYS|TWILIO_AUTH_TOKENS [NEW]
       deploy/rotate.sh [--finish] NATS
       deploy/rotate.sh POSTGRES_PASSWORD|POSTGRES_APP_PASSWORD"; }

# users NAME: the services that read it.
users() {
  case $1 in
  SESSION_SECRET) echo web ;;
  STREAM_SHARED_SECRET | TWILIO_AUTH_TOKENS) echo media web ;;
  ENCRYPTION_KEYS) echo web provisioning ;;
  *) usage ;;
  esac
}

fresh() {
  case $1 in
  ENCRYPTION_KEYS) head -c 32 /dev/urandom | base64 | tr '+/' '-_' ;;
  TWILIO_AUTH_TOKENS) fail "say the new token: it is made at Twilio" ;;
  *) openssl rand -hex 32 ;;
  esac
}

rotate() { # NAME [NEW]
  local name=$1 old new services
  services=$(users "$name")
  old=$(setting "$name")
  [[ $old != *,* ]] || fail "$name already holds two keys: finish that rotation first (deploy/rotate.sh --finish $name)"
  new=${2:-$(fresh "$name")}
  say "$name: the new key is accepted beside the old one"
  set_setting "$name" "$old,$new"
  # shellcheck disable=SC2086 # a list
  replace $services
  say "$name: the new key is used, the old one still accepted"
  set_setting "$name" "$new,$old"
  # shellcheck disable=SC2086
  replace $services
  if [ "$name" = ENCRYPTION_KEYS ]; then
    say "$name: every row is written under the new key"
    docker compose run --rm --no-deps migrate db.rotate
  fi
  say "$name: at last take the old key out: deploy/rotate.sh --finish $name"
}

finish() { # NAME
  local services
  services=$(users "$1")
  [[ $(setting "$1") == *,* ]] || fail "$1 holds one key: there is nothing to finish"
  set_setting "$1" "$(setting "$1" | cut -d, -f1)"
  # shellcheck disable=SC2086
  replace $services
  say "$1: the old key is gone"
}

application_password() {
  local old
  old=$(setting POSTGRES_APP_PASSWORD)
  set_setting POSTGRES_APP_PASSWORD "$(openssl rand -hex 16)"
  # Which sets it; connections that are open stay open.
  docker compose run --rm --no-deps migrate || {
    set_setting POSTGRES_APP_PASSWORD "$old"
    fail "the password could not be changed; nothing was touched"
  }
  replace web provisioning
}

database_password() {
  local new
  new=$(openssl rand -hex 16)
  # From standard input, so that it stands in no list of processes. Connections that are open stay open.
  docker compose exec -T postgres psql --quiet -U bilby -d bilby -v ON_ERROR_STOP=1 <<<"ALTER ROLE bilby PASSWORD '$new'"
  set_setting POSTGRES_PASSWORD "$new"
  docker compose up --detach --no-deps --force-recreate backup
}

nats_users=(MEDIA WEB PROVISIONING)

# Every process learns both passwords first, and uses the one that NATS accepts: so NATS can change at once.
nats_passwords() {
  local user new
  for user in "${nats_users[@]}"; do
    [ -z "$(setting "NATS_${user}_NEXT_PASSWORD")" ] ||
      fail "a rotation was interrupted: finish that one first (deploy/rotate.sh --finish NATS)"
  done
  say "NATS: every process learns the new passwords beside the old ones"
  for user in "${nats_users[@]}"; do set_setting "NATS_${user}_NEXT_PASSWORD" "p$(openssl rand -hex 16)"; done
  replace web provisioning media
  for user in "${nats_users[@]}"; do
    new=$(setting "NATS_${user}_NEXT_PASSWORD")
    set_setting "NATS_${user}_NEXT_PASSWORD" "$(setting "NATS_${user}_PASSWORD")"
    set_setting "NATS_${user}_PASSWORD" "$new"
  done
  settle_nats
}

# After an interruption: NATS keeps, or gets, the passwords that stand in bilby.env now.
finish_nats() {
  replace web provisioning media
  settle_nats
}

settle_nats() {
  local user
  say "NATS: the passwords of bilby.env apply"
  restart_nats
  for user in "${nats_users[@]}"; do set_setting "NATS_${user}_NEXT_PASSWORD" ""; done
}

case ${1:-} in
--finish)
  [ $# -eq 2 ] || usage
  case $2 in NATS) finish_nats ;; *) finish "$2" ;; esac
  ;;
POSTGRES_PASSWORD) database_password ;;
POSTGRES_APP_PASSWORD) application_password ;;
NATS) nats_passwords ;;
?*) [ $# -le 2 ] || usage; rotate "$@" ;;
*) usage ;;
esac
